// The stream of what the MMU does, step by step: the debugger, traces, tests and reports all read this one. A
// null observer costs one test on the slow path and nothing on the fast one. It must not know who listens.
#pragma once

#include "mmu/access_rights.h"
#include "mmu/stats.h"

namespace mmu {

/// The steps of a translation in the order in which they happen, then what happens to the caches between
/// translations.
enum class Stage : u8 {
    kReference,  ///< an access begins
    kTlbLookup,  ///< `level` 1 or 2: hit there; 0: miss
    kRewalk,     ///< the entry that was hit lacks the right (`verdict`), or D for a write (kAllowed): walks
                 ///< again
    kWalkBegin,  ///< `level` of the first table read and its `physical` address; `cached`: from a walk cache
    kWalkEntry,  ///< an entry was read: `level`, `physical` address and `raw` value before A and D were set
    kAccessedSet,  ///< A was set in the entry of `level` at `physical`
    kDirtySet,     ///< D was set in the leaf of `level` at `physical`
    kVerdict,      ///< `verdict`; allowed: the `physical` address, else the `error_code`
    kFill,         ///< `raw` leaf of a page of `size` at `physical` was cached
    kInvalidate,   ///< `cause`, `count` of TLB entries dropped
};
inline constexpr unsigned kStages = 10;

struct MmuEvent {
    Stage stage = Stage::kReference;
    Access access = Access::kLoad;
    Privilege privilege = Privilege::kUser;
    Verdict verdict = Verdict::kAllowed;
    u8 level = 0;
    bool cached = false;
    PageSize size = PageSize::k4K;
    FlushCause cause = FlushCause::kInvlpg;
    u16 pcid = 0;
    u32 error_code = 0;
    VirtAddr address{};  ///< of the access, or that an invalidation names
    PhysAddr physical{};
    u64 raw = 0;
    u64 count = 0;
};

class Observer {
  public:
    virtual ~Observer() = default;
    virtual void on_mmu_event(const MmuEvent& event) = 0;
    /// True for one who must see every reference, L1 hits included: the CPU then makes them one by one.
    virtual bool wants_references() const { return false; }
};

constexpr const char* name_of(Stage stage) {
    constexpr const char* kNames[kStages] = {"reference",  "tlb-lookup",   "rewalk",    "walk-begin",
                                             "walk-entry", "accessed-set", "dirty-set", "verdict",
                                             "fill",       "invalidate"};
    return kNames[static_cast<unsigned>(stage)];
}

}  // namespace mmu
