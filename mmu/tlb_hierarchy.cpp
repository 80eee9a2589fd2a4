// The TLB hierarchy; see tlb_hierarchy.h.
#include "mmu/tlb_hierarchy.h"

#include <algorithm>

namespace mmu {
namespace {

constexpr unsigned index_of(RefKind kind) {
    return static_cast<unsigned>(kind);
}
constexpr u8 bit_of(RefKind kind) {
    return static_cast<u8>(1u << index_of(kind));
}
constexpr RefKind kAllKinds[] = {RefKind::kLoad, RefKind::kStore, RefKind::kFetch};

}  // namespace

TlbHierarchy::TlbHierarchy(const TlbConfig& config, u64 seed) : config_(config) {
    const Expected<void, Error> valid = config.validate();
    CHECK(valid.has_value());
    arrays_.reserve(config.l1_instruction.size() + config.l1_load.size() + config.l1_store.size() +
                    config.l2.size() + config.l2_instruction.size());
    constexpr u8 kLoadBit = bit_of(RefKind::kLoad), kStoreBit = bit_of(RefKind::kStore);
    Group& load = l1_[index_of(RefKind::kLoad)];
    Group& store = l1_[index_of(RefKind::kStore)];
    l1_[index_of(RefKind::kFetch)] = make_group(config.l1_instruction, bit_of(RefKind::kFetch), seed);
    const bool shared = config.l1_store.empty();
    load = make_group(config.l1_load, shared ? kLoadBit | kStoreBit : kLoadBit, seed);
    store = shared ? load : make_group(config.l1_store, kStoreBit, seed);
    for (Group& group : l1_) group.pieces = true;

    l2_.fill(make_group(config.l2, 0, seed));
    l2_serves_.fill(bit_of(RefKind::kLoad) | bit_of(RefKind::kStore) | bit_of(RefKind::kFetch));
    if (!config.l2_instruction.empty()) {
        l2_[index_of(RefKind::kFetch)] = make_group(config.l2_instruction, 0, seed);
        l2_serves_ = {kLoadBit | kStoreBit, kLoadBit | kStoreBit, bit_of(RefKind::kFetch)};
    }
    for (Group& group : l2_) group.pieces = config.l2_pieces;

    const bool loads_reach_l1i = config.rule == HierarchyRule::kInclusive && config.l2_instruction.empty();
    granular_ = loads_reach_l1i;
    for (const Tlb& array : arrays_)
        if (array.kinds() & bit_of(RefKind::kFetch) && !array.policy().repeat_is_free) granular_ = true;
    choose_small_paths();
}

void TlbHierarchy::choose_small_paths() {
    for (RefKind kind : kAllKinds) {
        const Group::Choice& l1 = l1_[index_of(kind)].by_size[index_of(PageSize::k4K)];
        const Group::Choice& l2 = l2_[index_of(kind)].by_size[index_of(PageSize::k4K)];
        if (l1.count != 1 || l2.count == 0) continue;
        small_[index_of(kind)] = {&arrays_[l1.arrays[0]], l2.count == 1 ? &arrays_[l2.arrays[0]] : nullptr};
    }
}

TlbHierarchy::Group TlbHierarchy::make_group(const std::vector<TlbArrayConfig>& list, u8 kinds, u64 seed) {
    Group group;
    group.present = !list.empty();
    for (const TlbArrayConfig& config : list) {
        const u16 number = static_cast<u16>(arrays_.size());
        arrays_.emplace_back(config, number, kinds, config_.seed_of_array(seed, number));
        for (PageSize size : kPageSizes) {
            if (!config.sizes.holds(size)) continue;
            Group::Choice& choice = group.by_size[index_of(size)];
            CHECK(choice.count < choice.arrays.size());
            choice.arrays[choice.count++] = number;
            choice.shift = std::max(choice.shift, static_cast<u8>(std::countr_zero(config.sets)));
        }
    }
    return group;
}

void TlbHierarchy::attach(L0* l0) {
    const u64 now = *clock_;
    l0_ = l0;
    clock_ = l0 ? &l0->clock : &own_clock_;
    *clock_ = std::max(*clock_, now);
    if (l0) l0->clear();
}

u16 TlbHierarchy::array_number(const Group& group, PageSize size, u64 page_number) {
    const Group::Choice& choice = group.by_size[index_of(size)];
    return choice.count == 1 ? choice.arrays[0] : choice.arrays[(page_number >> choice.shift) % choice.count];
}

TlbHierarchy::Found TlbHierarchy::find(const Group& group, VirtAddr address, u16 pcid) {
    for (PageSize size : kPageSizes) {
        if (group.by_size[index_of(size)].count == 0) continue;
        Tlb& array = arrays_[array_number(group, size, address.page_number(size))];
        if (array.empty_of(size)) continue;
        if (TlbWay* way = array.find(size, address, pcid)) return {&array, way};
    }
    return {};
}

inline void TlbHierarchy::drop_slots(const Tlb& array, const TlbWay& way) {
    if (!l0_) return;
    const u64* stamp = array.stamp(way);
    const VirtAddr page = way.entry.address();
    const bool small = way.entry.size == PageSize::k4K;
    const auto drop = [&](RefKind kind, L0::Slot* slots) {
        if (!(array.kinds() & bit_of(kind))) return;
        if (small) [[likely]]
            L0::drop(slots, page, stamp);
        else
            L0::drop_all_of(slots, stamp);
    };
    drop(RefKind::kLoad, l0_->load);
    drop(RefKind::kStore, l0_->store);
    drop(RefKind::kFetch, l0_->fetch);
}

inline void TlbHierarchy::evict(Tlb& array, TlbWay& way) {
    drop_slots(array, way);
    array.remove(way);
}

/// Caches what is not yet there in an array of an L1; its victim leaves.
[[gnu::always_inline]] inline TlbWay* TlbHierarchy::put_l1(Tlb& array, RefKind kind, const TlbEntry& piece,
                                                           u64 now) {
    const Tlb::Place place = array.place_for(piece, now, Tlb::Presence::kAbsent);
    TlbWay& way = *place.way;
    if (place.aged) [[unlikely]]
        drop_unsettled_slots(array, way.number);
    const bool replaces = array.valid(way);
    if (replaces) [[likely]]
        drop_slots(array, way);
    const TlbEntry victim = way.entry;
    if (array.insert(way, piece, now)) [[unlikely]]
        drop_unsettled_slots(array, way.number);
    if (config_.rule == HierarchyRule::kExclusive && replaces &&
        l2_[index_of(kind)].by_size[index_of(victim.size)].count > 0)
        insert_l2(kind, victim.address(), victim, Tlb::Presence::kUnknown);
    return &way;
}

[[gnu::always_inline]] inline void TlbHierarchy::put_l2(Tlb& array, RefKind kind, const TlbEntry& piece,
                                                        Tlb::Presence presence, u64 now) {
    const Tlb::Place place = array.place_for(piece, now, presence);
    TlbWay& way = *place.way;
    if (config_.rule == HierarchyRule::kInclusive && array.valid(way) && !place.same) {
        const TlbEntry victim = way.entry;
        array.remove(way);
        back_invalidate(kind, victim);
    }
    array.insert(way, piece, now);
}

inline Tlb& TlbHierarchy::small_l2(const SmallPath& path, RefKind kind, u64 page_number) {
    return path.l2 ? *path.l2 : arrays_[array_number(l2_[index_of(kind)], PageSize::k4K, page_number)];
}

TlbHierarchy::Result TlbHierarchy::lookup(RefKind kind, VirtAddr address, u16 pcid) {
    const SmallPath& path = small_[index_of(kind)];
    if (!only_small_ || !path.l1) [[unlikely]]
        return lookup_any_size(kind, address, pcid);
    const u64 now = ++*clock_;
    if (TlbWay* const way = path.l1->find(PageSize::k4K, address, pcid)) {
        if (path.l1->touch(*way, now)) [[unlikely]]
            drop_unsettled_slots(*path.l1, way->number);
        return {Level::kL1, way};
    }
    Tlb& l2 = small_l2(path, kind, address.page_number());
    TlbWay* const way = l2.find(PageSize::k4K, address, pcid);
    if (!way) return {};
    if (config_.rule == HierarchyRule::kExclusive) {
        l2.remove(*way);
    } else {
        l2.touch(*way, now);
    }
    // The entry is copied before an exclusive L1's victim may overwrite it.
    return {Level::kL2, put_l1(*path.l1, kind, way->entry, now)};
}

TlbHierarchy::Result TlbHierarchy::lookup_any_size(RefKind kind, VirtAddr address, u16 pcid) {
    const u64 now = ++*clock_;
    if (const Found hit = find(l1_[index_of(kind)], address, pcid); hit.way) {
        if (hit.array->touch(*hit.way, now)) drop_unsettled_slots(*hit.array, hit.way->number);
        return {Level::kL1, hit.way};
    }
    const Found hit = find(l2_[index_of(kind)], address, pcid);
    if (!hit.way) return {};
    const TlbEntry found = hit.way->entry;
    if (config_.rule == HierarchyRule::kExclusive)
        hit.array->remove(*hit.way);
    else
        hit.array->touch(*hit.way, now);
    return {Level::kL2, insert_l1(kind, address, found)};
}

TlbWay* TlbHierarchy::fill(RefKind kind, VirtAddr address, const TlbEntry& entry) {
    const SmallPath& path = small_[index_of(kind)];
    if (entry.size == PageSize::k4K && path.l1) [[likely]] {
        const u64 now = *clock_;
        if (config_.rule != HierarchyRule::kExclusive)
            put_l2(small_l2(path, kind, entry.page_number), kind, entry, Tlb::Presence::kAbsent, now);
        return put_l1(*path.l1, kind, entry, now);
    }
    if (entry.size != PageSize::k4K) only_small_ = false;
    if (config_.rule != HierarchyRule::kExclusive) insert_l2(kind, address, entry, Tlb::Presence::kAbsent);
    return insert_l1(kind, address, entry);
}

namespace {

/// The largest of the sizes held that is not above `size`; `size` itself where none is.
template <class Choices>
PageSize size_in(const Choices& by_size, PageSize size) {
    for (unsigned i = index_of(size) + 1; i-- > 0;)
        if (by_size[i].count > 0) return kPageSizes[i];
    return size;
}

}  // namespace

TlbWay* TlbHierarchy::insert_l1(RefKind kind, VirtAddr address, const TlbEntry& entry) {
    const Group& group = l1_[index_of(kind)];
    const PageSize size = size_in(group.by_size, entry.size);
    const TlbEntry piece = size == entry.size ? entry : entry.piece_at(address, size);
    Tlb& array = arrays_[array_number(group, size, piece.page_number)];
    return put_l1(array, kind, piece, *clock_);
}

void TlbHierarchy::insert_l2(RefKind kind, VirtAddr address, const TlbEntry& entry, Tlb::Presence presence) {
    const Group& group = l2_[index_of(kind)];
    const PageSize size = group.pieces ? size_in(group.by_size, entry.size) : entry.size;
    if (group.by_size[index_of(size)].count == 0) return;
    const TlbEntry piece = size == entry.size ? entry : entry.piece_at(address, size);
    Tlb& array = arrays_[array_number(group, size, piece.page_number)];
    put_l2(array, kind, piece, presence, *clock_);
}

void TlbHierarchy::back_invalidate(RefKind kind, const TlbEntry& entry) {
    for (RefKind served : kAllKinds) {
        const Group& group = l1_[index_of(served)];
        if (!(l2_serves_[index_of(kind)] & bit_of(served)) || group.by_size[index_of(entry.size)].count == 0)
            continue;
        Tlb& array = arrays_[array_number(group, entry.size, entry.page_number)];
        if (TlbWay* way = array.find_same(entry)) evict(array, *way);
    }
}

/// After a policy has aged the set that way `number` is in.
void TlbHierarchy::drop_unsettled_slots(Tlb& array, u32 number) {
    if (!l0_ || array.kinds() == 0) return;
    const u32 first = array.first_of(array.way(number));
    for (u32 i = first; i < first + array.ways_in_set(); ++i)
        if (array.valid(i) && !array.settled(array.way(i))) drop_slots(array, array.way(i));
}

void TlbHierarchy::refresh_in(const Group& group, VirtAddr address, const TlbEntry& entry) {
    for (PageSize size : kPageSizes) {
        if (size > entry.size || group.by_size[index_of(size)].count == 0) continue;
        const TlbEntry piece = size == entry.size ? entry : entry.piece_at(address, size);
        Tlb& array = arrays_[array_number(group, size, piece.page_number)];
        TlbWay* way = array.find_same(piece);
        if (!way) continue;
        drop_slots(array, *way);
        array.refresh(*way, piece);
    }
}

bool TlbHierarchy::update(RefKind kind, VirtAddr address, const TlbEntry& entry) {
    const Found found = find(l1_[index_of(kind)], address, entry.pcid);
    if (!found.way || found.way->entry.size > entry.size || found.way->entry.global != entry.global)
        return false;
    refresh_in(l1_[index_of(kind)], address, entry);
    refresh_in(l2_[index_of(kind)], address, entry);
    return true;
}

u64 TlbHierarchy::invalidate_address(VirtAddr address, u16 pcid, Scope scope) {
    u64 dropped = 0;
    const auto matches = [&](const TlbEntry& entry) {
        const bool in_scope = entry.global ? scope == Scope::kPcidAndGlobal : entry.pcid == pcid;
        return in_scope && entry.address().page_number(entry.leaf) == address.page_number(entry.leaf);
    };
    for (Tlb& array : arrays_) {
        const auto drop = [&](TlbWay* way) {
            if (!way || !matches(way->entry)) return;
            evict(array, *way);
            ++dropped;
        };
        if (array.pieces() > 0)
            for (u32 i = 0; i < array.size(); ++i)
                if (array.valid(i)) drop(&array.way(i));
        for (PageSize size : kPageSizes) {
            if (!array.holds(size) || array.empty_of(size)) continue;
            TlbEntry page{.page_number = address.page_number(size), .size = size, .leaf = size};
            page.pcid = pcid;
            drop(array.find_same(page));
            page.global = true;
            drop(array.find_same(page));
        }
    }
    return dropped;
}

u64 TlbHierarchy::invalidate_page(VirtAddr address, u16 pcid) {
    return invalidate_address(address, pcid, Scope::kPcidAndGlobal);
}

u64 TlbHierarchy::invalidate_address_nonglobal(VirtAddr address, u16 pcid) {
    return invalidate_address(address, pcid, Scope::kPcidOnly);
}

template <class Predicate>
u64 TlbHierarchy::invalidate_where(Predicate predicate) {
    // Emptying L0 costs some 1500 stores, a page's own slots a few loads.
    constexpr u32 kMostToDropSingly = 32;
    u64 dropped = 0;
    u32 from_l1 = 0;
    bool large = false;
    for (Tlb& array : arrays_) {
        if (array.resident() == 0) continue;
        for (u32 set = 0; set < array.sets(); ++set) {
            if (array.empty_set(set)) continue;
            for (u32 i = set * array.ways_in_set(); i < (set + 1) * array.ways_in_set(); ++i) {
                if (!array.valid(i) || !predicate(array.way(i).entry)) continue;
                if (array.kinds() != 0) {
                    large |= array.way(i).entry.size != PageSize::k4K;
                    if (++from_l1 <= kMostToDropSingly && !large) drop_slots(array, array.way(i));
                }
                array.remove(array.way(i));
                ++dropped;
            }
        }
    }
    if (l0_ && (large || from_l1 > kMostToDropSingly)) l0_->clear();
    return dropped;
}

u64 TlbHierarchy::invalidate_pcid(u16 pcid) {
    return invalidate_where([=](const TlbEntry& entry) { return !entry.global && entry.pcid == pcid; });
}

u64 TlbHierarchy::invalidate_nonglobal() {
    return invalidate_where([](const TlbEntry& entry) { return !entry.global; });
}

u64 TlbHierarchy::invalidate_all() {
    only_small_ = true;
    return invalidate_where([](const TlbEntry&) { return true; });
}

TlbHierarchy::Peek TlbHierarchy::peek(RefKind kind, VirtAddr address, u16 pcid) const {
    TlbHierarchy& self = const_cast<TlbHierarchy&>(*this);
    if (const Found found = self.find(l1_[index_of(kind)], address, pcid); found.way)
        return {Level::kL1, found.array, found.way};
    if (const Found found = self.find(l2_[index_of(kind)], address, pcid); found.way)
        return {Level::kL2, found.array, found.way};
    return {};
}

}  // namespace mmu
