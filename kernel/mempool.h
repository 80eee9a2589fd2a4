// A pool that keeps a few objects back, so that whoever has to go on in order to free memory never waits for
// memory. Linux: mm/mempool.c mempool_create_slab_pool(), mempool_alloc(), mempool_free().
#pragma once

#include <vector>

#include "kernel/slab.h"

namespace kernel {

class Mempool {
  public:
    /// mempool_create(): `min_nr` objects of the cache are set aside. False: there is no memory for them.
    [[nodiscard]] bool create(MemorySystem& system, u32 min_nr, CacheId cache) {
        cache_ = cache;
        min_nr_ = min_nr;
        while (elements_.size() < min_nr_) {
            const u64 element = kmem_cache_alloc(system, cache_, GFP_KERNEL);
            if (!element) return destroy(system), false;
            elements_.push_back(element);
        }
        return true;
    }
    void destroy(MemorySystem& system) {
        for (const u64 element : elements_) kmem_cache_free(system, element);
        elements_.clear();
        min_nr_ = 0;
    }

    /// From the cache, without reclaim; else one of those set aside. 0: min_nr of them are in use already
    /// (Linux waits for one to come back; nobody can give one back meanwhile here).
    u64 alloc(MemorySystem& system) {
        const u64 element = kmem_cache_alloc(system, cache_, GFP_NOWAIT);
        if (element || elements_.empty()) return element;
        const u64 kept = elements_.back();
        elements_.pop_back();
        ++reserve_uses_;
        return kept;
    }
    void free(MemorySystem& system, u64 element) {
        if (elements_.size() < min_nr_) return elements_.push_back(element);
        kmem_cache_free(system, element);
    }

    bool exists() const { return min_nr_ != 0; }
    u32 min_nr() const { return min_nr_; }
    usize curr_nr() const { return elements_.size(); }
    u64 reserve_uses() const { return reserve_uses_; }  ///< allocations that only the reserve could answer

  private:
    std::vector<u64> elements_;
    u64 reserve_uses_ = 0;
    u32 min_nr_ = 0;
    CacheId cache_ = kNoCache;
};

}  // namespace kernel
