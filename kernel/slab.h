// The slab allocator: objects of one size cut out of blocks of the buddy allocator, in guest RAM. A free
// object holds the address of the next one, as SLUB's do; struct page of a slab's first frame has the head of
// that list (index), the objects in use (mapcount) and the cache (mapping). Allocation takes from the cache's
// current slab, then from partly used ones, then from the buddy allocator. Linux: mm/slub.c,
// mm/slab_common.c. Deviation: no per-CPU lists of partial slabs, no NUMA, no debugging options; caches are
// not merged.
#pragma once

#include <string>
#include <vector>

#include "kernel/page.h"
#include "kernel/slab_object.h"

namespace kernel {

/// kmem_cache_create()'s flags.
inline constexpr u32 SLAB_HWCACHE_ALIGN = 0x2000, SLAB_RECLAIM_ACCOUNT = 0x20000, SLAB_PANIC = 0x40000;

struct KmemCache {
    std::string name;  ///< empty: destroyed
    u32 object_size = 0, size = 0, align = 0;
    u32 flags = 0;
    unsigned order = 0;     ///< of a slab, when memory is not short
    u32 objects = 0;        ///< in such a slab
    u32 min_partial = 0;    ///< so many partial slabs are kept although they are empty
    PageIndex current = 0;  ///< the slab that allocations come from; 0: none
    PageIndex partial = 0;  ///< head of the list of slabs with free objects
    u64 partial_slabs = 0, slabs = 0;
    u64 total_objects = 0, active_objects = 0;
    u64 pages = 0;
};

/// The caches of the kernel itself, in the order in which they are made.
enum KernelCache : CacheId {
    kNoCache,
    kTaskStructCache,
    kSignalCache,
    kSighandCache,
    kFilesCache,
    kFsCache,
    kPidCache,
    kMmCache,
    kVmAreaCache,
    kAnonVmaCache,
    kAnonVmaChainCache,
    kFilpCache,
    kDentryCache,
    kInodeCache,
    kShmemInodeCache,
    kXarrayNodeCache,
    kPipeCache,  ///< kmalloc-1k: pipe_buffer[16]
    kSockCache,
    kBioCache,
    kKernelCaches
};

struct SlabState {
    std::vector<KmemCache> caches;                       ///< [0] is no cache; empty until slab_init()
    std::vector<CacheId> kmalloc;                        ///< by size class
    u64 reclaimable_pages = 0, unreclaimable_pages = 0;  ///< NR_SLAB_*_B
    u64 large_pages = 0;                                 ///< of kmalloc() beyond 8 KiB

    u64 pages() const { return reclaimable_pages + unreclaimable_pages; }
};

/// kmem_cache_init(): kmalloc's caches and those of the kernel. Without it no object is allocated by anybody.
void slab_init(MemorySystem& system);

/// A cache of objects of `size` bytes (1 .. 64 KiB). `align` 0: 8. kNoCache: such a size is refused.
CacheId kmem_cache_create(MemorySystem& system, const std::string& name, u32 size, u32 align, u32 flags);
/// Its address; 0: out of memory. __GFP_ZERO clears it.
u64 kmem_cache_alloc(MemorySystem& system, CacheId cache, Gfp gfp);
void kmem_cache_free(MemorySystem& system, u64 object);
/// Gives back what is free. False: objects are left, the cache stays (Linux warns and leaks them).
bool kmem_cache_destroy(MemorySystem& system, CacheId cache);
/// Gives empty slabs back to the buddy allocator. The pages freed.
u64 kmem_cache_shrink(MemorySystem& system, CacheId cache);

/// kmalloc-8 .. kmalloc-8k; beyond 8 KiB whole blocks, up to 4 MiB. 0: out of memory, or too much.
u64 kmalloc(MemorySystem& system, u64 bytes, Gfp gfp);
/// Null (0) is ignored.
void kfree(MemorySystem& system, u64 object);
/// The bytes that may be used of an object of kmalloc().
u64 ksize(const MemorySystem& system, u64 object);

/// CHECKs that free lists stay within their slabs and all sums agree. O(objects).
void validate_slabs(const MemorySystem& system);

}  // namespace kernel
