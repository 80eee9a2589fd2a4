// Purpose: memory of any size for the kernel, and the list of its own caches. See slab.h. Linux:
// mm/slab_common.c kmalloc_info[], mm/slub.c __kmalloc_large_node(). Object sizes are those of a 6.12 x86-64
// kernel as distributions configure it. Deviation: no kmalloc-rcl-*, -cg-* and dma-kmalloc-* caches.
#include <bit>
#include <cstring>
#include <utility>

#include "kernel/mm.h"
#include "kernel/slab.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

struct KmallocClass {
    const char* name;
    u32 size;
};
constexpr KmallocClass kKmallocInfo[] = {
    {"kmalloc-8", 8},     {"kmalloc-16", 16},   {"kmalloc-32", 32},   {"kmalloc-64", 64},
    {"kmalloc-96", 96},   {"kmalloc-128", 128}, {"kmalloc-192", 192}, {"kmalloc-256", 256},
    {"kmalloc-512", 512}, {"kmalloc-1k", 1024}, {"kmalloc-2k", 2048}, {"kmalloc-4k", 4096},
    {"kmalloc-8k", 8192},
};
constexpr u64 kKmallocMaxCacheSize = 8192;  // KMALLOC_MAX_CACHE_SIZE

struct CacheRow {
    KernelCache id;
    const char* name;
    u32 size, align, flags;
};
constexpr CacheRow kCaches[] = {
    {kTaskStructCache, "task_struct", 9792, 64, 0},
    {kSignalCache, "signal_cache", 1152, 0, SLAB_HWCACHE_ALIGN},
    {kSighandCache, "sighand_cache", 2088, 0, SLAB_HWCACHE_ALIGN},
    {kFilesCache, "files_cache", 704, 0, SLAB_HWCACHE_ALIGN},
    {kFsCache, "fs_cache", 56, 0, SLAB_HWCACHE_ALIGN},
    {kPidCache, "pid", 144, 0, SLAB_HWCACHE_ALIGN},
    {kMmCache, "mm_struct", 1408, 0, SLAB_HWCACHE_ALIGN},
    {kVmAreaCache, "vm_area_struct", 184, 0, 0},
    {kAnonVmaCache, "anon_vma", 104, 0, 0},
    {kAnonVmaChainCache, "anon_vma_chain", 64, 0, 0},
    {kFilpCache, "filp", 184, 0, SLAB_HWCACHE_ALIGN},
    {kDentryCache, "dentry", 192, 0, SLAB_RECLAIM_ACCOUNT},
    {kInodeCache, "ext4_inode_cache", 1184, 0, SLAB_RECLAIM_ACCOUNT},
    {kShmemInodeCache, "shmem_inode_cache", 768, 0, 0},
    {kXarrayNodeCache, "radix_tree_node", 576, 0, SLAB_RECLAIM_ACCOUNT},
    {kPipeCache, "pipe_buffer", 640, 0, 0},
    {kSockCache, "UNIX", 1088, 64, 0},
    {kBioCache, "bio-192", 192, 0, SLAB_HWCACHE_ALIGN},
};
static_assert(std::size(kCaches) == kKernelCaches - 1);

/// kmalloc_index(): the class of a size up to 8 KiB.
unsigned kmalloc_index(u64 bytes) {
    unsigned index = 0;
    while (kKmallocInfo[index].size < bytes) ++index;
    return index;
}

Page& page_of(MemorySystem& system, u64 object) {
    return system.mem_map[mmu::PhysAddr{object - kPageOffset}.pfn()];
}

u64 kmalloc_large(MemorySystem& system, u64 bytes, Gfp gfp) {
    const unsigned order = get_order(bytes);
    if (order > kMaxOrder) return 0;
    const u64 address = __get_free_pages(system, gfp, order);
    if (!address) return 0;
    system.slab.unreclaimable_pages += u64{1} << order;
    system.slab.large_pages += u64{1} << order;
    return address;
}

}  // namespace

void slab_init(MemorySystem& system) {
    for (const CacheRow& row : kCaches) {
        const CacheId id = kmem_cache_create(system, row.name, row.size, row.align, row.flags | SLAB_PANIC);
        CHECK(id == row.id, id, static_cast<u64>(row.id));
    }
    for (const KmallocClass& info : kKmallocInfo)  // powers of two are aligned to their size
        system.slab.kmalloc.push_back(
            kmem_cache_create(system, info.name, info.size,
                              std::has_single_bit(info.size) ? std::min(info.size, 4096u) : 0, SLAB_PANIC));
}

u64 kmalloc(MemorySystem& system, u64 bytes, Gfp gfp) {
    if (!bytes || system.slab.kmalloc.empty()) return 0;
    if (bytes > kKmallocMaxCacheSize) return kmalloc_large(system, bytes, gfp);
    return kmem_cache_alloc(system, system.slab.kmalloc[kmalloc_index(bytes)], gfp);
}

void kfree(MemorySystem& system, u64 object) {
    if (!object) return;
    const Page& page = page_of(system, object);
    if (page.page_type != PGTY_kernel) return kmem_cache_free(system, object);
    const unsigned order = page.order;
    system.slab.unreclaimable_pages -= u64{1} << order;
    system.slab.large_pages -= u64{1} << order;
    free_pages(system, object, order);
}

u64 ksize(const MemorySystem& system, u64 object) {
    const Page* page = &system.mem_map[mmu::PhysAddr{object - kPageOffset}.pfn()];
    if (page->page_type == PGTY_kernel) return mmu::kPageSize << page->order;
    if (page->page_type == PGTY_slab_tail) page = &system.mem_map.at_index(page->next);
    return system.slab.caches[page->mapping].object_size;
}

bool KmemObject::allocate(MemorySystem& system, CacheId cache, Gfp gfp) {
    if (address_ || system.slab.caches.empty()) return true;  // a machine without slabs: nothing is counted
    system_ = &system;
    address_ = kmem_cache_alloc(system, cache, gfp);
    return address_ != 0;
}

void KmemObject::free() {
    kmem_cache_free(*system_, std::exchange(address_, 0));
}

}  // namespace kernel
