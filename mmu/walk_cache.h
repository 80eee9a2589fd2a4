// The paging-structure caches (PDE, PDPTE, PML4E, PML5E): fully associative, true LRU, keyed by the bits of
// the address that select the entry, and by PCID. They let a walk begin further down. SDM Vol. 3A 4.10.3.
//
// An entry is always P=1, A=1, PS=0 and without reserved bits (4.10.3.1), because only a completed walk
// inserts. The global bit does not exist here. They must not know of TLBs.
#pragma once

#include <array>
#include <vector>

#include "mmu/page_walker.h"
#include "mmu/tlb_config.h"

namespace mmu {

/// One of the caches: a hash table with its entries on a list in order of use, so that nothing is searched.
class WalkCacheLevel {
  public:
    /// `level` is that of the entries it holds: 2 = PDE ... 5 = PML5E. Capacity 0 is a cache that does not
    /// exist.
    WalkCacheLevel(unsigned level, unsigned capacity);

    /// What the entry for `address` remembers, now the most recently used; null if there is none.
    const WalkStart* lookup(VirtAddr address, u16 pcid);
    /// As lookup(), without counting as a use.
    const WalkStart* peek(VirtAddr address, u16 pcid) const;
    /// Remembers (or refreshes) the entry; the least recently used one makes room.
    void insert(VirtAddr address, u16 pcid, const WalkStart& below);

    u64 invalidate(VirtAddr address, u16 pcid);  ///< returns entries dropped, as the next two do
    u64 invalidate_pcid(u16 pcid);
    u64 invalidate_all();

    /// visit(first address covered, pcid, what is remembered), the most recently used first.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (Link link = newest_; link != kNone; link = entries_[link].older) {
            const u64 key = entries_[link].key;
            visit(key >> 12 << shift_, key & 0xfff, entries_[link].below);
        }
    }

    unsigned size() const { return size_; }
    unsigned capacity() const { return capacity_; }

  private:
    using Link = u16;
    static constexpr Link kNone = 0xffff;

    struct Entry {
        u64 key = 0;
        WalkStart below{};
        Link chain = kNone;                 ///< next entry of the same bucket
        Link newer = kNone, older = kNone;  ///< the list in order of use; `older` also links the free ones
    };

    u64 key_of(VirtAddr address, u16 pcid) const { return (address.value >> shift_) << 12 | pcid; }
    unsigned bucket_of(u64 key) const {
        return static_cast<unsigned>(key * 0x9e3779b97f4a7c15 >> bucket_shift_);
    }
    friend class WalkCache;
    const WalkStart* look(VirtAddr address, u16 pcid);  ///< lookup() itself, inline
    Link find(u64 key) const;
    void unlink(Link link);
    void push_newest(Link link);
    void drop(Link link);
    void reset();

    unsigned shift_;  ///< address bits below it do not select the entry
    unsigned capacity_;
    unsigned size_ = 0;
    unsigned bucket_shift_ = 0;
    Link newest_ = kNone, oldest_ = kNone, free_ = kNone;
    std::vector<Entry> entries_;
    std::vector<Link> buckets_;
};

class WalkCache {
  public:
    explicit WalkCache(const WalkCacheConfig& config);

    /// Where a walk of `address` may begin: below the cached entry nearest to the leaf, else at CR3.
    WalkStart lookup(VirtAddr address, const ControlRegisters& control);
    /// Remembers the entries above the leaf that a completed walk read.
    void insert(VirtAddr address, u16 pcid, const Walk& walk);

    u64 invalidate(VirtAddr address, u16 pcid);  ///< a page fault: the entries that `address` would use
    u64 invalidate_pcid(u16 pcid);               ///< INVLPG, MOV to CR3: of this PCID, whatever the address
    u64 invalidate_all();

    /// The cache of PDEs (2) ... PML5Es (5).
    const WalkCacheLevel& level(unsigned level) const { return levels_[level - 2]; }

  private:
    std::array<WalkCacheLevel, 4> levels_;  ///< from the PDE cache upwards
};

}  // namespace mmu
