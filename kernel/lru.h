// The LRU lists: which pages were used lately, as far as anybody has looked. New pages go to the head of an
// inactive list; reclaim (vmscan.h) takes from its tail. Linux: include/linux/mm_inline.h, mm/swap.c.
#pragma once

#include <array>

#include "kernel/page.h"

namespace kernel {

enum LruList : u8 { LRU_INACTIVE_ANON, LRU_ACTIVE_ANON, LRU_INACTIVE_FILE, LRU_ACTIVE_FILE, NR_LRU_LISTS };

class LruLists {
  public:
    explicit LruLists(MemMap& mem_map) : mem_map_(mem_map) {}

    static LruList list_of(const Page& page) {
        return static_cast<LruList>((is_file_lru(page) ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON) +
                                    page.is(Page::kActive));
    }
    /// folio_is_file_lru(): giving it up needs no swap. Shared memory does, as anonymous memory.
    static bool is_file_lru(const Page& page) {
        return !page.is(Page::kAnon | Page::kShmem) || page.is(Page::kLazyFree);
    }
    /// folio_add_lru(): to the head of the list that its flags name.
    void add(PageIndex index) {
        Page& page = mem_map_.at_index(index);
        const LruList list = list_of(page);
        page.flags |= Page::kLru;
        page.prev = 0;
        page.next = head_[list];
        (page.next ? mem_map_.at_index(page.next).prev : tail_[list]) = index;
        head_[list] = index;
        ++count_[list];
    }
    /// lruvec_del_folio()
    void remove(PageIndex index) {
        Page& page = mem_map_.at_index(index);
        const LruList list = list_of(page);
        (page.prev ? mem_map_.at_index(page.prev).next : head_[list]) = page.next;
        (page.next ? mem_map_.at_index(page.next).prev : tail_[list]) = page.prev;
        page.next = page.prev = 0;
        page.flags &= static_cast<u16>(~Page::kLru);
        --count_[list];
    }
    PageIndex oldest(LruList list) const { return tail_[list]; }
    u64 count(LruList list) const { return count_[list]; }

  private:
    MemMap& mem_map_;
    std::array<PageIndex, NR_LRU_LISTS> head_{}, tail_{};
    std::array<u64, NR_LRU_LISTS> count_{};
};

}  // namespace kernel
