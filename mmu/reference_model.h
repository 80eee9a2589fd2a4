// The TLBs once more, as the textbook has them: every policy with its own bits, every search a loop, no
// stamps, no tags, no L0, and no code of theirs. Given the same events it must give the same outcomes;
// --verify and the tests run it beside the fast model and stop at the first difference. It must not know
// replacement.h or tlb.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mmu/stats.h"
#include "mmu/tlb_config.h"
#include "mmu/tlb_entry.h"
#include "mmu/tlb_hierarchy.h"

namespace mmu {

class ReferenceModel {
  public:
    using Level = TlbHierarchy::Level;
    struct Outcome {
        Level level = Level::kMiss;
        std::optional<TlbEntry> entry;  ///< none on a miss
    };

    /// The same configuration and seed as the hierarchy it is compared with; both start empty.
    ReferenceModel(const TlbConfig& config, u64 seed);
    ~ReferenceModel();

    // The events, as TlbHierarchy has them.
    Outcome reference(RefKind kind, VirtAddr address, u16 pcid);
    void fill(RefKind kind, VirtAddr address, const TlbEntry& entry);
    bool update(RefKind kind, VirtAddr address, const TlbEntry& entry);
    u64 invalidate_page(VirtAddr address, u16 pcid);
    u64 invalidate_address_nonglobal(VirtAddr address, u16 pcid);
    u64 invalidate_pcid(u16 pcid);
    u64 invalidate_nonglobal();
    u64 invalidate_all();

    /// Makes the reference here too and compares: `got` is where the hierarchy found it and `entry` what it
    /// found (null on a miss). False from the first difference on.
    bool check_reference(RefKind kind, VirtAddr address, u16 pcid, Level got, const TlbEntry* entry);
    /// The number of entries that an invalidation dropped there and here.
    bool check_dropped(const char* operation, u64 expected, u64 got);
    /// Compares every way of every array.
    bool check_contents(const TlbHierarchy& hierarchy);

    /// A difference that the caller found. False.
    bool fail(const std::string& what);

    /// The first difference, as a sentence; empty while there is none.
    const std::optional<std::string>& failure() const { return failure_; }
    u64 references() const { return references_; }

  private:
    struct State;

    std::unique_ptr<State> state_;
    u64 references_ = 0;
    std::optional<std::string> failure_;
};

}  // namespace mmu
