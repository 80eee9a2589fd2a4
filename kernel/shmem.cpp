// Purpose: pages of shared memory: of MAP_SHARED without a file, of System V segments, of memfds and of files
// in /dev/shm. They have no copy elsewhere: what is missing is zero, and reclaim writes them to swap. Length,
// name and seals of those that have a descriptor are the file layer's (fs/shmem_file.h). Linux: mm/shmem.c.
#include "kernel/shmem.h"

#include <algorithm>
#include <cstring>

#include "kernel/mm_internal.h"
#include "kernel/swap_state.h"
#include "kernel/vmscan.h"

namespace kernel {

PageCache::Lookup PageCache::shmem_get_page(MemorySystem& system, AddressSpace& space, u64 index) {
    if (const PageIndex page = space.find(index)) {
        system.mem_map.at_index(page).flags |= Page::kUptodate;
        return {.page = page};
    }
    if (space.swap_entry(index)) return shmem_swapin(system, space, index);
    // shmem_inode_acct_blocks()
    if (space.limited && limited_pages() >= max_limited_pages) return {.past_end = true};
    const auto pfn = system.alloc_zeroed_page();
    if (!pfn) return {.oom = true};
    const PageIndex page = add(system, space, space.id, index, *pfn);
    return {.page = page, .oom = !page};
}

/// shmem_swapin_folio(): the page comes back, and its slot is free.
PageCache::Lookup PageCache::shmem_swapin(MemorySystem& system, AddressSpace& space, u64 index) {
    const SwapSlot slot = space.swap_entry(index);
    SwapRead read{swap_cache_get_folio(system, slot, nullptr, 0)};
    const bool major = !read.page;
    if (major) read = swap_cluster_readahead(system, slot);
    if (!read.page) return {.oom = !read.io_error};
    Page& page = system.mem_map.at_index(read.page);
    ++page.refcount;
    delete_from_swap_cache(system, page);
    page.flags = static_cast<u16>((page.flags & ~Page::kAnon) | Page::kCache | Page::kShmem | Page::kDirty);
    page.mapping = space.id;
    page.index = index;
    space.chunks[index >> AddressSpace::kChunkShift][index % AddressSpace::kChunkPages] = read.page;
    system.swap.put(slot);
    if (space.unevictable) system.lru.remove(read.page);
    --space.swapped;
    ++space.nrpages;
    ++cached_pages_;
    return {.page = read.page, .major = major};
}

void PageCache::shmem_replace_by_entry(MemorySystem& system, PageIndex index, SwapSlot slot) {
    Page& page = system.mem_map.at_index(index);
    AddressSpace& space = *spaces_[page.mapping];
    space.chunks[page.index >> AddressSpace::kChunkShift][page.index % AddressSpace::kChunkPages] =
        AddressSpace::kSwapEntry | slot;
    ++space.swapped;
    --space.nrpages;
    --cached_pages_;
    page.flags &= static_cast<u16>(~(Page::kCache | Page::kShmem));
}

void PageCache::evict(MemorySystem& system, AddressSpaceId id) {
    AddressSpace& space = *spaces_[id];
    truncate(system, space, 0);
    if (const auto known = by_identity_.find(space.identity);
        known != by_identity_.end() && known->second == id) {
        by_identity_.erase(known);
        --shmem_files_;
    }
    spaces_[id].reset();
}

void PageCache::evict_unlinked(MemorySystem& system, FileBacking::Identity identity) {
    const AddressSpace* space = find(identity);
    if (space && space->shmem && !space->users) evict(system, space->id);
}

namespace {

/// Calls on_page(index, offset in it, bytes) for each page of [offset, offset + size) until one says false.
template <class OnPage>
void for_each_page(u64 offset, u64 size, OnPage&& on_page) {
    while (size) {
        const u64 within = page_offset(offset), bytes = std::min(size, mmu::kPageSize - within);
        if (!on_page(pages_of(offset), within, bytes)) return;
        offset += bytes;
        size -= bytes;
    }
}

}  // namespace

i64 shmem_read(MemorySystem& system, AddressSpace& space, std::span<u8> bytes, u64 offset) {
    u64 done = 0;
    i64 error = 0;
    for_each_page(offset, bytes.size(), [&](u64 index, u64 within, u64 size) {
        PageIndex page = space.find(index);
        if (!page && space.swap_entry(index)) {
            const auto found = system.page_cache.shmem_get_page(system, space, index);
            page = found.page;
            if (!page) return error = found.oom ? -ENOMEM : -EIO, false;
        }
        if (page)
            std::memcpy(bytes.data() + done, system.memory.frame(Pfn{page}) + within, size);
        else
            std::memset(bytes.data() + done, 0, size);  // a hole stays one
        done += size;
        return true;
    });
    return done ? static_cast<i64>(done) : error;
}

i64 shmem_write(MemorySystem& system, AddressSpace& space, std::span<const u8> bytes, u64 offset) {
    u64 done = 0;
    i64 error = 0;
    for_each_page(offset, bytes.size(), [&](u64 index, u64 within, u64 size) {
        const auto found = system.page_cache.shmem_get_page(system, space, index);
        if (!found.page) return error = found.oom ? -ENOMEM : found.past_end ? -ENOSPC : -EIO, false;
        system.memory.note_write(Pfn{found.page});
        std::memcpy(system.memory.frame(Pfn{found.page}) + within, bytes.data() + done, size);
        system.mem_map.at_index(found.page).flags |= Page::kDirty;
        done += size;
        return true;
    });
    return done ? static_cast<i64>(done) : error;
}

int shmem_zero(MemorySystem& system, AddressSpace& space, u64 offset, u64 size) {
    int error = 0;
    for_each_page(offset, size, [&](u64 index, u64 within, u64 bytes) {
        if (!space.find(index) && !space.swap_entry(index)) return true;
        const auto found = system.page_cache.shmem_get_page(system, space, index);
        if (!found.page) return error = -ENOMEM, false;
        system.memory.note_write(Pfn{found.page});
        std::memset(system.memory.frame(Pfn{found.page}) + within, 0, bytes);
        system.mem_map.at_index(found.page).flags |= Page::kDirty;
        return true;
    });
    return error;
}

int shmem_allocate(MemorySystem& system, AddressSpace& space, u64 offset, u64 size) {
    std::vector<u64> made;
    int error = 0;
    for_each_page(offset, size, [&](u64 index, u64, u64) {
        if (space.swap_entry(index)) return true;
        if (const PageIndex known = space.find(index)) {
            system.mem_map.at_index(known).flags |=
                Page::kDirty | Page::kUptodate;  // SGP_FALLOC a second time
            return true;
        }
        const auto found = system.page_cache.shmem_get_page(system, space, index);
        if (!found.page) return error = found.past_end ? -ENOSPC : -ENOMEM, false;
        Page& page = system.mem_map.at_index(found.page);
        page.flags |= Page::kDirty;                        // it stays, though it is zero
        page.flags &= static_cast<u16>(~Page::kUptodate);  // until somebody uses it
        made.push_back(index);
        return true;
    });
    for (const u64 index : made)  // shmem_undo_range(): all or nothing
        if (error) system.page_cache.punch_hole(system, space, index, index);
    return error;
}

u64 shmem_seek(const MemorySystem& system, const AddressSpace& space, u64 offset, u64 end, bool data) {
    constexpr unsigned kShift = AddressSpace::kChunkShift;
    // folio_seek_hole_data(): what fallocate() has made and nobody has used yet is a hole.
    const auto used = [&](PageIndex page) { return system.mem_map.at_index(page).is(Page::kUptodate); };
    u64 index = pages_of(offset);
    if (!data) {  // as many steps as there are pages
        while (space.swap_entry(index) || (space.find(index) && used(space.find(index)))) ++index;
        return std::min(std::max(offset, index << mmu::kPageShift), end);
    }
    for (auto it = space.chunks.lower_bound(index >> kShift); it != space.chunks.end(); ++it)
        for (u64 i = 0; i < AddressSpace::kChunkPages; ++i)
            if (const u64 at = (it->first << kShift) + i; it->second[i] && at >= index)
                if ((it->second[i] & AddressSpace::kSwapEntry) || used(it->second[i]))
                    return std::min(std::max(offset, at << mmu::kPageShift), end);
    return end;
}

}  // namespace kernel
