#include "mmu/walk_cache.h"

#include <bit>

namespace mmu {

WalkCacheLevel::WalkCacheLevel(unsigned level, unsigned capacity)
    : shift_(12 + 9 * (level - 1)), capacity_(capacity) {
    CHECK(level >= 2 && level <= 5 && capacity < kNone, level, capacity);
    if (!capacity_) return;
    entries_.resize(capacity_);
    buckets_.resize(std::bit_ceil(2 * capacity_));
    bucket_shift_ = 64 - static_cast<unsigned>(std::countr_zero(buckets_.size()));
    reset();
}

void WalkCacheLevel::reset() {
    std::fill(buckets_.begin(), buckets_.end(), kNone);
    for (unsigned i = 0; i < capacity_; ++i)
        entries_[i].older = i + 1 < capacity_ ? static_cast<Link>(i + 1) : kNone;
    free_ = 0;
    newest_ = oldest_ = kNone;
    size_ = 0;
}

inline WalkCacheLevel::Link WalkCacheLevel::find(u64 key) const {
    if (!size_) return kNone;
    Link link = buckets_[bucket_of(key)];
    while (link != kNone && entries_[link].key != key) link = entries_[link].chain;
    return link;
}

inline void WalkCacheLevel::unlink(Link link) {
    const Entry& entry = entries_[link];
    (entry.newer == kNone ? newest_ : entries_[entry.newer].older) = entry.older;
    (entry.older == kNone ? oldest_ : entries_[entry.older].newer) = entry.newer;
}

inline void WalkCacheLevel::push_newest(Link link) {
    entries_[link].newer = kNone;
    entries_[link].older = newest_;
    (newest_ == kNone ? oldest_ : entries_[newest_].newer) = link;
    newest_ = link;
}

[[gnu::always_inline]] inline const WalkStart* WalkCacheLevel::look(VirtAddr address, u16 pcid) {
    const Link link = find(key_of(address, pcid));
    if (link == kNone) return nullptr;
    if (link != newest_) {
        unlink(link);
        push_newest(link);
    }
    return &entries_[link].below;
}

const WalkStart* WalkCacheLevel::lookup(VirtAddr address, u16 pcid) {
    return look(address, pcid);
}

const WalkStart* WalkCacheLevel::peek(VirtAddr address, u16 pcid) const {
    const Link link = find(key_of(address, pcid));
    return link == kNone ? nullptr : &entries_[link].below;
}

void WalkCacheLevel::insert(VirtAddr address, u16 pcid, const WalkStart& below) {
    if (!capacity_) return;
    const u64 key = key_of(address, pcid);
    Link link = find(key);
    if (link != kNone) {
        unlink(link);
    } else {
        if (free_ == kNone) drop(oldest_);
        link = free_;
        free_ = entries_[link].older;
        Link& bucket = buckets_[bucket_of(key)];
        entries_[link].key = key;
        entries_[link].chain = bucket;
        bucket = link;
        ++size_;
    }
    entries_[link].below = below;
    push_newest(link);
}

void WalkCacheLevel::drop(Link link) {
    Link* place = &buckets_[bucket_of(entries_[link].key)];
    while (*place != link) place = &entries_[*place].chain;
    *place = entries_[link].chain;
    unlink(link);
    entries_[link].older = free_;
    free_ = link;
    --size_;
}

u64 WalkCacheLevel::invalidate(VirtAddr address, u16 pcid) {
    const Link link = find(key_of(address, pcid));
    if (link == kNone) return 0;
    drop(link);
    return 1;
}

u64 WalkCacheLevel::invalidate_pcid(u16 pcid) {
    u64 dropped = 0;
    for (Link link = newest_; link != kNone;) {
        const Link next = entries_[link].older;
        if ((entries_[link].key & ControlRegisters::kCr3PcidMask) == pcid) {
            drop(link);
            ++dropped;
        }
        link = next;
    }
    return dropped;
}

u64 WalkCacheLevel::invalidate_all() {
    const u64 dropped = size_;
    if (dropped) reset();
    return dropped;
}

WalkCache::WalkCache(const WalkCacheConfig& config)
    : levels_{WalkCacheLevel{2, config.pde}, WalkCacheLevel{3, config.pdpte}, WalkCacheLevel{4, config.pml4e},
              WalkCacheLevel{5, config.pml5e}} {}

WalkStart WalkCache::lookup(VirtAddr address, const ControlRegisters& control) {
    const u16 pcid = control.pcid();
    for (unsigned level = 2; level <= control.levels(); ++level)
        if (const WalkStart* const start = levels_[level - 2].look(address, pcid)) return *start;
    return PageWalker::root_of(control);
}

void WalkCache::insert(VirtAddr address, u16 pcid, const Walk& walk) {
    // The rights of each level are those of the walk so far; the walk keeps only the end result, so they are
    // taken again from the entries.
    Rights rights = walk.inherited;
    for (unsigned i = 0; i + 1 < walk.entries_read; ++i) {
        const Pte entry = walk.entry(i).value;
        rights = rights.under(entry);
        const unsigned level = walk.level_of(i);
        levels_[level - 2].insert(address, pcid, {level - 1, entry.address(), rights});
    }
}

u64 WalkCache::invalidate(VirtAddr address, u16 pcid) {
    u64 dropped = 0;
    for (WalkCacheLevel& level : levels_) dropped += level.invalidate(address, pcid);
    return dropped;
}

u64 WalkCache::invalidate_pcid(u16 pcid) {
    u64 dropped = 0;
    for (WalkCacheLevel& level : levels_) dropped += level.invalidate_pcid(pcid);
    return dropped;
}

u64 WalkCache::invalidate_all() {
    u64 dropped = 0;
    for (WalkCacheLevel& level : levels_) dropped += level.invalidate_all();
    return dropped;
}

}  // namespace mmu
