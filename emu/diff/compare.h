// Two sequences of page faults side by side: what they share, what differs for a known reason, and the first
// difference that has none.
#pragma once

#include <string>

#include "emu/diff/user_fault.h"

namespace emu {

/// Why a fault of one side may be missing on the other.
enum class Difference : mmu::u8 {
    kNone,         ///< no reason known: a divergence
    kFaultAround,  ///< a read or fetch of a file's page: how many pages come with one fault depends on the
                   ///< page cache
    kStackDepth,   ///< a page of the stack, reached by another instruction: the stacks begin some words apart
    kSpecial,      ///< the host's vDSO and vvar are not ours
};

struct FaultComparison {
    struct Lonely {
        mmu::usize index = 0;  ///< in its own sequence, from 0
        bool host = false;
        Difference reason = Difference::kNone;
        bool elsewhere = false;  ///< the other side has one on that page too, by another instruction
    };
    mmu::usize host_count = 0, guest_count = 0;
    mmu::usize same = 0;           ///< the same place and instruction and, where told, error code
    mmu::usize same_page = 0;      ///< the same page and instruction, another address of it
    mmu::usize same_place = 0;     ///< the same page and instruction, another error code
    std::vector<Lonely> lonely{};  ///< in the order of the run
    bool too_different = false;    ///< given up; `lonely` holds the first difference alone

    bool diverges() const;
};

/// Matches faults by page and instruction, in order, as diff(1) matches lines.
FaultComparison compare_faults(const UserFaults& host, const UserFaults& guest);

/// The comparison for people: counts, the first divergence, the known differences.
std::string comparison_text(const FaultComparison& comparison, const UserFaults& host,
                            const UserFaults& guest, const std::string& host_source);

}  // namespace emu
