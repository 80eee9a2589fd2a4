// The path of one reference: TLB, rights, walk, fault, fill. SDM Vol. 3A 4.10.2 (use of TLBs), 4.10.3 (of the
// paging- structure caches). Nothing here allocates.
#include "mmu/mmu_state.h"

namespace mmu {

inline Walk Mmu::State::walk_for(VirtAddr address, Access access, Privilege privilege) {
    const WalkStart start = walk_cache.lookup(address, control);
    const Walk walk = walker.walk(control, address, access, privilege, start, WalkEffects::kAccessedAndDirty);
    WalkStats& counts = stats.walks;
    ++(start.level == control.levels() ? counts.cache_misses : counts.cache_hits[start.level - 1]);
    counts.memory_references += walk.entries_read;
    counts.accessed_bits_set += walk.accessed_set;
    counts.dirty_bits_set += walk.dirty_set;
    if (walk.translated()) [[likely]] {
        ++counts.completed[index_of(walk.size)];
        walk_cache.insert(address, pcid, walk);
    } else {
        ++counts.faulted;
    }
    if (observer) [[unlikely]]
        tell_walk(address, access, privilege, walk);
    return walk;
}

/// The access was just allowed to the user (and D set, for a write), so a slot of its kind may stand for it.
/// A page of decoded code gets no store slot: the decoder must hear of each store.
inline void Mmu::State::fill_front(RefKind kind, VirtAddr address, TlbWay* way, PhysAddr physical) {
    if (kind == RefKind::kStore) {
        const Pfn pfn = physical.pfn();
        if (ram.holds_code(pfn)) [[unlikely]]
            return;
        stored[pfn.value % stored.size()] = true;
    }
    if (!watched_pages.empty() && is_watched(address)) [[unlikely]]
        return;
    u64* const stamp = tlb.front_stamp(kind, way);
    if (!stamp) return;
    L0::fill(slots_of(*front, kind), address.page_base(), ram.frame(physical.pfn()), stamp);
    if (filled_count < filled.size())
        filled[filled_count] =
            static_cast<u16>(static_cast<unsigned>(kind) * L0::kSlots + L0::index(address.value));
    filled_count += filled_count <= filled.size();
}

Expected<Translation, Fault> Mmu::State::translate(VirtAddr address, Access access, Privilege privilege) {
    const RefKind kind = kind_of(access);
    const bool user = privilege == Privilege::kUser;
    RefStats& references = (user ? stats.user : stats.kernel)[static_cast<unsigned>(kind)];
    if (!user) ++references.references;
    if (observer) [[unlikely]]
        tell({.stage = Stage::kReference, .access = access, .privilege = privilege, .address = address});
    if (!paging) [[unlikely]]
        return translate_unpaged(address);
    if (!address.is_canonical(virtual_bits)) [[unlikely]]
        return refuse_non_canonical(address, access, privilege);

    const TlbHierarchy::Result found = tlb.lookup(kind, address, pcid);
    if (found.level != TlbHierarchy::Level::kL1) {
        ++references.l1_misses;
        ++(found.level == TlbHierarchy::Level::kL2 ? references.l2_hits : references.l2_misses);
        if (found.way) prefetch(tlb.entry(found.way).translate(address));
    }
    if (observer) [[unlikely]]
        tell({.stage = Stage::kTlbLookup,
              .access = access,
              .privilege = privilege,
              .level = static_cast<u8>(found.way ? static_cast<unsigned>(found.level) + 1 : 0),
              .pcid = pcid,
              .address = address});
    if (verifier) [[unlikely]]
        verifier->looked_up(kind, address, pcid, found);

    TlbWay* way = found.way;
    Fault fault;
    if (!way) {
        way = walk_and_fill(address, access, privilege, fault);
    } else {
        const TlbEntry& entry = tlb.entry(way);
        if (denial_code(rights_of(entry), access, privilege, control) || (is_write(access) && !entry.dirty))
            [[unlikely]]
            way = rewalk(way, address, access, privilege, fault);
    }
    if (!way) [[unlikely]] {
        ++references.faults;
        return Unexpected{fault};
    }
    const TlbEntry& entry = tlb.entry(way);
    const PhysAddr physical = entry.translate(address);
    if (!ram.contains(physical)) [[unlikely]]
        return Translation{physical, nullptr, entry.leaf};
    if (user && front) fill_front(kind, address, way, physical);
    return Translation{physical, ram.host(physical), entry.leaf};
}

namespace {

TlbEntry entry_of(const Walk& walk, VirtAddr address, u16 pcid) {
    return {.page_number = address.page_number(walk.size),
            .size = walk.size,
            .leaf = walk.size,
            .global = walk.global,
            .writable = walk.rights.writable,
            .pcid = pcid,
            .user = walk.rights.user,
            .no_execute = walk.rights.no_execute,
            .dirty = walk.leaf.dirty(),
            .pkey = walk.rights.pkey,
            .frame = walk.page};
}

}  // namespace

TlbWay* Mmu::State::walk_and_fill(VirtAddr address, Access access, Privilege privilege, Fault& fault) {
    const RefKind kind = kind_of(access);
    const Walk walk = walk_for(address, access, privilege);
    if (!walk.translated()) [[unlikely]] {
        fault = page_fault(address, walk.error_code);
        return nullptr;
    }
    prefetch(walk.physical(address));
    const TlbEntry entry = entry_of(walk, address, pcid);
    TlbWay* const way = tlb.fill(kind, address, entry);
    if (observer) [[unlikely]]
        tell({.stage = Stage::kFill,
              .access = access,
              .privilege = privilege,
              .size = walk.size,
              .pcid = pcid,
              .address = address,
              .physical = walk.page,
              .raw = walk.leaf.raw});
    if (verifier) [[unlikely]]
        verifier->filled(kind, address, entry);
    return way;
}

/// The cached entry does not do for this access: either it lacks the right, and the tables may have gained it
/// without a flush (SDM Vol. 3A 4.10.4.3), or it was cached before D was set.
TlbWay* Mmu::State::rewalk(TlbWay* way, VirtAddr address, Access access, Privilege privilege, Fault& fault) {
    const RefKind kind = kind_of(access);
    const Rights cached = rights_of(tlb.entry(way));
    const u32 denied = denial_code(cached, access, privilege, control);
    if (denied && stale_rights == StaleRights::kFault) {
        if (observer) [[unlikely]]
            tell({.stage = Stage::kVerdict,
                  .access = access,
                  .privilege = privilege,
                  .verdict = reason_of_denial(cached, access, privilege, control),
                  .pcid = pcid,
                  .error_code = denied,
                  .address = address});
        fault = page_fault(address, denied);
        return nullptr;
    }
    ++(denied ? stats.walks.permission_rewalks : stats.walks.dirty_assists);
    if (observer) [[unlikely]]
        tell({.stage = Stage::kRewalk,
              .access = access,
              .privilege = privilege,
              .verdict = reason_of_denial(cached, access, privilege, control),
              .pcid = pcid,
              .address = address});
    const Walk walk = walk_for(address, access, privilege);
    if (!walk.translated()) {
        fault = page_fault(address, walk.error_code);
        return nullptr;
    }
    const TlbEntry entry = entry_of(walk, address, pcid);
    const bool found = tlb.update(kind, address, entry);
    if (verifier) [[unlikely]]
        verifier->updated(kind, address, entry, found);
    if (found) return way;
    // The page has become another one (size, scope): the old entry goes and the new one is cached as after a
    // miss.
    const u64 dropped = tlb.invalidate_page(address, pcid);
    way = tlb.fill(kind, address, entry);
    if (verifier) [[unlikely]] {
        verifier->invalidated_page(address, pcid, dropped);
        verifier->filled(kind, address, entry);
    }
    return way;
}

/// SDM Vol. 3A 4.10.4.1: a page fault invalidates what is cached for its address, so that the access does not
/// meet it again when it restarts.
Fault Mmu::State::page_fault(VirtAddr address, u32 error_code) {
    invalidate_page(address, FlushCause::kPageFault);
    return Fault{Vector::kPageFault, error_code, address};
}

/// Always #GP here; the CPU, which knows of segments, makes it #SS for a reference through SS (SDM Vol.
/// 1 3.3.7.1).
Expected<Translation, Fault> Mmu::State::refuse_non_canonical(VirtAddr address, Access access,
                                                              Privilege privilege) {
    RefStats& references =
        (privilege == Privilege::kUser ? stats.user : stats.kernel)[static_cast<unsigned>(kind_of(access))];
    ++references.faults;
    if (observer)
        tell({.stage = Stage::kVerdict,
              .access = access,
              .privilege = privilege,
              .verdict = Verdict::kNonCanonical,
              .address = address});
    return Unexpected{Fault{Vector::kGeneralProtection, 0, VirtAddr{}}};
}

/// CR0.PG=0: a linear address, 32 bits of it, is the physical one; there are no rights and nothing is cached.
Expected<Translation, Fault> Mmu::State::translate_unpaged(VirtAddr address) {
    const PhysAddr physical{address.value & mask(31, 0)};
    return Translation{physical, ram.contains(physical) ? ram.host(physical) : nullptr, PageSize::k4K};
}

/// --verify: the shadow L0 stands in for the CPU's, which is kept empty.
Expected<Translation, Fault> Mmu::State::translate_verified(VirtAddr address, Access access,
                                                            Privilege privilege) {
    if (front)
        if (u8* const host = verifier->try_front(address, access, privilege, control))
            return Translation{PhysAddr{static_cast<u64>(host - ram.host(PhysAddr{}))}, host};
    return translate(address, access, privilege);
}

Expected<Translation, Fault> Mmu::translate(VirtAddr address, Access access, Privilege privilege) {
    if (state_->verifier) [[unlikely]]
        return state_->translate_verified(address, access, privilege);
    return state_->translate(address, access, privilege);
}

}  // namespace mmu
