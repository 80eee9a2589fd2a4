// What is behind the MMU's face: the state of one logical processor's translation, and the path of a
// reference through it. Private to mmu.cpp, mmu_translate.cpp and mmu_control.cpp.
#pragma once

#include <array>
#include <bitset>
#include <memory>

#include "mmu/mmu.h"
#include "mmu/observer.h"
#include "mmu/verifier.h"
#include "mmu/walk_cache.h"

namespace mmu {

struct Mmu::State {
    State(PhysicalMemory& memory, const TlbConfig& config, const PagingFeatures& paging_features, u64 seed)
        : features(paging_features),
          ram(memory),
          walker(memory, paging_features),
          walk_cache(config.walk_caches),
          tlb(config, seed),
          random_seed(seed) {
        control_changed();
    }

    // One reference (mmu_translate.cpp).
    Expected<Translation, Fault> translate(VirtAddr address, Access access, Privilege privilege);
    Expected<Translation, Fault> translate_verified(VirtAddr address, Access access, Privilege privilege);
    TlbWay* walk_and_fill(VirtAddr address, Access access, Privilege privilege, Fault& fault);
    TlbWay* rewalk(TlbWay* way, VirtAddr address, Access access, Privilege privilege, Fault& fault);
    Walk walk_for(VirtAddr address, Access access, Privilege privilege);
    Fault page_fault(VirtAddr address, u32 error_code);
    Expected<Translation, Fault> refuse_non_canonical(VirtAddr address, Access access, Privilege privilege);
    Expected<Translation, Fault> translate_unpaged(VirtAddr address);
    bool is_watched(VirtAddr address) const;
    void fill_front(RefKind kind, VirtAddr address, TlbWay* way, PhysAddr physical);

    /// The byte will be wanted at once and may be far away: the host fetches it while TLBs and L0 are filled.
    void prefetch(PhysAddr physical) const {
        if (ram.contains(physical)) [[likely]]
            __builtin_prefetch(ram.host(physical));
    }

    // Invalidation (mmu_control.cpp); each counts itself under its cause.
    void invalidate_page(VirtAddr address, FlushCause cause);
    void invalidate_pcid(u16 which, FlushCause cause);
    void invalidate_everything(FlushCause cause);
    void count_flush(FlushCause cause, VirtAddr address, u16 which, u64 dropped);

    /// Empties `front`.
    void clear_front();
    /// To be called after each change of `control`: refreshes what is derived from it and empties L0.
    void control_changed();
    /// Chooses which L0 is kept filled: the CPU's, none while an observer wants each reference, or the
    /// verifier's.
    void choose_front();

    // Events (mmu.cpp); callers have tested `observer`.
    void tell(MmuEvent event) const;
    void tell_walk(VirtAddr address, Access access, Privilege privilege, const Walk& walk) const;

    // Read by every reference that misses L0.
    unsigned virtual_bits = 48;
    u16 pcid = 0;
    bool paging = true;
    L0* front = nullptr;  ///< what is kept filled; null for none
    Observer* observer = nullptr;
    std::unique_ptr<Verifier> verifier;
    ControlRegisters control{};
    MmuStats stats{};

    StaleRights stale_rights = StaleRights::kRewalk;
    PagingFeatures features;
    PhysicalMemory& ram;
    PageWalker walker;
    WalkCache walk_cache;
    TlbHierarchy tlb;
    u64 random_seed;
    /// Of frames that ever had a store slot, by the low bits of their numbers: few pages of code are among
    /// them, and what is not need not be searched for.
    std::bitset<4096> stored;
    L0* cpu_front = nullptr;  ///< as attached
    /// Slots of `front` that were filled since it was empty, by kind and index: a guest that switches often
    /// touches few pages in between, and all of L0 is 96 KiB. Beyond the array's end they are not noted any
    /// more.
    std::array<u16, 192> filled{};
    unsigned filled_count = 0;
    std::vector<VirtAddr> watched_pages;  ///< sorted; they get no slots
};

constexpr RefKind kind_of(Access access) {
    return access == Access::kFetch   ? RefKind::kFetch
           : access == Access::kStore ? RefKind::kStore
                                      : RefKind::kLoad;
}

constexpr L0::Slot* slots_of(L0& front, RefKind kind) {
    return kind == RefKind::kLoad ? front.load : kind == RefKind::kStore ? front.store : front.fetch;
}

constexpr Rights rights_of(const TlbEntry& entry) {
    return {entry.writable, entry.user, entry.no_execute, entry.pkey};
}

}  // namespace mmu
