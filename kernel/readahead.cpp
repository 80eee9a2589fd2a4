// Purpose: what of a file is read before it is asked for. Linux: mm/readahead.c (6.12), mm/filemap.c
// do_sync_mmap_readahead(), do_async_mmap_readahead(). Deviation: pages of the asynchronous window are there
// at once; read(2) goes to the host's file and takes no part; io_pages (what one request of a disk may be) is
// the largest window.
#include "kernel/mm_internal.h"

namespace kernel {

namespace {

constexpr u64 kMmapLotsamiss = 100;

/// get_next_ra_size()
u64 get_next_ra_size(u64 size, u64 max) {
    return size < max / 16 ? 4 * size : size <= max / 2 ? 2 * size : max;
}

}  // namespace

FileAdvice PageCache::advice_of(const MappedFile& file) const {
    const auto found = advice_.find(file.description);
    return file.description && found != advice_.end() ? found->second : FileAdvice::kNormal;
}

u64 PageCache::ra_pages_of(const MemorySystem& system, const MappedFile& file) const {
    return system.ra_pages * (advice_of(file) == FileAdvice::kSequential ? 2 : 1);
}

/// do_page_cache_ra(): [first, first + size) as far as the file goes, with a mark `async_size` before the
/// end. False: an I/O error.
bool PageCache::do_page_cache_ra(MemorySystem& system, const MappedFile& file, u64 first, u64 size,
                                 u64 async_size, u64 wanted) {
    AddressSpace& space = *spaces_[file.mapping];
    const u64 file_pages = pages_of(page_align(space.size_bytes()));
    const u64 end = first < file_pages ? first + std::min(size, file_pages - first) : first;
    if (first >= end) return true;
    system.notify({.kind = EventKind::kPageCacheMiss, .before = wanted, .start = first, .end = end - 1});
    const u64 mark = async_size ? first + size - async_size : ~u64{0};
    const bool is_new = mark < end && !space.find(mark);
    if (!read_window(system, space, file.mapping, first, end, wanted)) return false;
    if (is_new)
        if (const PageIndex page = space.find(mark)) system.mem_map.at_index(page).flags |= Page::kReadahead;
    return true;
}

bool PageCache::sync_mmap_readahead(MemorySystem& system, MappedFile& file, u64 index, u64 vm_flags) {
    FileRaState& ra = file.ra;
    const u64 max = ra_pages_of(system, file);
    if ((vm_flags & VM_RAND_READ) || !max) return do_page_cache_ra(system, file, index, 1, 0, index);
    if (vm_flags & VM_SEQ_READ) {
        // page_cache_sync_ra() of a whole window: get_init_ra_size() is the window again, and what a stream has
        // left behind (page_cache_prev_miss()) is never looked for beyond it.
        const bool sequential = !index || index - ra.prev_index <= 1;
        ra.prev_index = index;
        if (!sequential || advice_of(file) == FileAdvice::kRandom)
            return do_page_cache_ra(system, file, index, max, 0, index);
        ra.start = index;
        ra.size = max;
        ra.async_size = max / 2;
        return do_page_cache_ra(system, file, ra.start, ra.size, ra.async_size, index);
    }
    if (ra.mmap_miss < kMmapLotsamiss * 10) ++ra.mmap_miss;
    if (ra.mmap_miss > kMmapLotsamiss) return do_page_cache_ra(system, file, index, 1, 0, index);
    ra.start = index > max / 2 ? index - max / 2 : 0;  // mmap read-around
    ra.size = max;
    ra.async_size = max / 4;
    return do_page_cache_ra(system, file, ra.start, ra.size, ra.async_size, index);
}

void PageCache::async_mmap_readahead(MemorySystem& system, MappedFile& file, u64 index, u64 vm_flags,
                                     PageIndex found) {
    FileRaState& ra = file.ra;
    if ((vm_flags & VM_RAND_READ) || !system.ra_pages) return;
    if (ra.mmap_miss) --ra.mmap_miss;
    Page& page = system.mem_map.at_index(found);
    if (!page.is(Page::kReadahead)) return;
    const u64 max = ra_pages_of(system, file);
    page.flags &= static_cast<u16>(~Page::kReadahead);
    ++page.refcount;  // it must outlast the reading
    if (index == ra.start + ra.size - ra.async_size) {
        ra.start += ra.size;
        ra.size = std::max<u64>(get_next_ra_size(ra.size, max), 1);
        ra.async_size = ra.size;
        (void)do_page_cache_ra(system, file, ra.start, ra.size, ra.async_size, ~u64{0});
    } else {  // a mark of another stream: go on behind what is cached
        const AddressSpace& space = *spaces_[file.mapping];
        u64 start = index + 1;
        while (start - index <= max && space.find(start)) ++start;
        if (start - index <= max) {
            ra.start = start;
            ra.size = get_next_ra_size(start - index + 1, max);
            ra.async_size = ra.size;
            (void)do_page_cache_ra(system, file, ra.start, ra.size, ra.async_size, ~u64{0});
        }
    }
    system.put_page(Pfn{found});
}

void PageCache::drop_clean_pages(MemorySystem& system, AddressSpace& space, u64 first, u64 end) {
    if (space.shmem || space.hugetlb) return;
    std::vector<PageIndex> unused;
    for (const auto& [key, chunk] : space.chunks)
        for (unsigned i = 0; i < AddressSpace::kChunkPages; ++i) {
            const u64 index = (key << AddressSpace::kChunkShift) + i;
            if (!chunk[i] || index < first || index >= end) continue;
            const Page& page = system.mem_map.at_index(chunk[i]);
            if (!page.mapcount && page.refcount == 1 && !page.is(Page::kDirty)) unused.push_back(chunk[i]);
        }
    for (const PageIndex page : unused) drop_page(system, page);
}

void PageCache::read_ahead(MemorySystem& system, AddressSpace& space, u64 first, u64 end) {
    if (!space.backing) return;
    const u64 file_pages = pages_of(page_align(space.size_bytes()));
    end = std::min({end, file_pages, first + std::max<u64>(system.ra_pages, 1)});
    for (AddressSpaceId id = 1; id < spaces_.size(); ++id)
        if (spaces_[id].get() == &space && first < end)
            (void)read_window(system, space, id, first, end, ~u64{0});
}

}  // namespace kernel
