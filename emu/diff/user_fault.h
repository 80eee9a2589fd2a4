// One page fault of user code, told in the same words by the host's kernel and by ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mmu/base/ints.h"

namespace emu {

using mmu::u32;
using mmu::u64;

/// Shared memory without a file is anonymous here: perf does not tell where mremap() has put it.
inline constexpr std::string_view kSharedAnonymous = "/dev/zero (deleted)";

/// Where an address lies.
struct Place {
    enum class Area : mmu::u8 { kNone, kFile, kAnonymous, kSpecial };
    Area area = Area::kNone;
    u64 address = 0;
    u64 offset = 0;      ///< kFile: in the file, bytes
    std::string name{};  ///< "[vdso]", "[stack]", "/usr/bin/ls", or empty
};

struct UserFault {
    Place at;                         ///< CR2
    Place by;                         ///< the instruction
    std::optional<u32> error_code{};  ///< X86_PF_*; nothing where the host does not tell it
};

using UserFaults = std::vector<UserFault>;

}  // namespace emu
