// Purpose: the page cache. See filemap.h; shared memory is shmem.cpp's. Linux: mm/filemap.c.
// Dirty pages are written back at msync(), at the last munmap() and before a
// read() of the file.
#include "kernel/filemap.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/swap_state.h"
#include "kernel/vmscan.h"
#include "mmu/base/check.h"

namespace kernel {

u64 AddressSpace::size_bytes() const {
    if (shmem && !backing) return shmem_pages << mmu::kPageShift;
    if (hugetlb) return hugetlb->size_bytes;
    return backing ? backing->size() : 0;
}

PageIndex AddressSpace::value_at(u64 index) const {
    const auto chunk = chunks.find(index >> kChunkShift);
    return chunk == chunks.end() ? 0 : chunk->second[index % kChunkPages];
}

PageIndex AddressSpace::find(u64 index) const {
    const PageIndex value = value_at(index);
    return value & kSwapEntry ? 0 : value;
}

SwapSlot AddressSpace::swap_entry(u64 index) const {
    const PageIndex value = value_at(index);
    return value & kSwapEntry ? value & ~kSwapEntry : 0;
}

u64 AddressSpace::collect_swapped(u64 first, u64 end) const {
    u64 count = 0;
    for (auto it = chunks.lower_bound(first >> kChunkShift); swapped && it != chunks.end(); ++it)
        for (u64 i = 0, index = it->first << kChunkShift; i < kChunkPages; ++i, ++index)
            count += index >= first && index < end && (it->second[i] & kSwapEntry);
    return count;
}

AddressSpaceId PageCache::new_space() {
    for (AddressSpaceId id = 1; id < spaces_.size(); ++id) {
        if (spaces_[id]) continue;
        spaces_[id] = std::make_unique<AddressSpace>();
        spaces_[id]->id = id;
        return id;
    }
    spaces_.push_back(std::make_unique<AddressSpace>());
    return spaces_.back()->id = static_cast<AddressSpaceId>(spaces_.size() - 1);
}

FileId PageCache::new_file(AddressSpaceId space) {
    ++spaces_[space]->users;
    FileId id = static_cast<FileId>(files_.size());
    if (free_files_.empty()) {
        files_.emplace_back();
    } else {
        id = free_files_.back();
        free_files_.pop_back();
    }
    files_[id].mapping = space;
    files_[id].refcount = 1;
    return id;
}

FileId PageCache::open(MemorySystem& system, MmapFile& file) {
    CHECK(file.backing);
    if (const auto known = by_description_.find(file.description); known != by_description_.end()) {
        get(known->second);
        return known->second;
    }
    const auto identity = file.backing->identity();
    auto [entry, is_new] = by_identity_.try_emplace(identity, 0);
    if (is_new) {
        entry->second = new_space();
        spaces_[entry->second]->identity = identity;
        spaces_[entry->second]->shmem = file.backing->is_shmem();
        spaces_[entry->second]->limited = file.limited;
        shmem_files_ += file.backing->is_shmem();
    }
    AddressSpace& space = *spaces_[entry->second];
    if (!space.shmem && space.users == 0 && space.nrpages && space.version != file.backing->version())
        truncate(system, space, 0);  // it changed while nobody looked
    // A later open may allow writing where the first did not.
    if (!space.backing || file.writable) space.backing = std::move(file.backing);
    space.version = space.backing->version();
    const FileId id = new_file(entry->second);
    files_[id].readable = file.readable;
    files_[id].writable = file.writable;
    files_[id].path = file.path;
    files_[id].description = file.description;
    if (file.description) by_description_[file.description] = id;
    return id;
}

FileId PageCache::open_shmem(u64 pages, const std::string& path) {
    const AddressSpaceId space = new_space();
    spaces_[space]->shmem = true;
    spaces_[space]->shmem_pages = pages;
    const FileId id = new_file(space);
    files_[id].readable = files_[id].writable = true;
    files_[id].path = path;
    return id;
}

FileId PageCache::open_hugetlb(HugetlbInode inode, const std::string& path) {
    constexpr u64 kDevice = 0x10;
    const AddressSpaceId space = new_space();
    spaces_[space]->hugetlb = std::make_unique<HugetlbInode>(std::move(inode));
    spaces_[space]->identity = {kDevice, next_hugetlb_ino_++};
    const FileId id = new_file(space);
    files_[id].readable = files_[id].writable = true;
    files_[id].path = path;
    return id;
}

FileId PageCache::open_again(FileId known) {
    const FileId id = new_file(files_[known].mapping);
    files_[id].readable = files_[known].readable;
    files_[id].writable = files_[known].writable;
    files_[id].path = files_[known].path;
    return id;
}

u64 PageCache::areas_of(FileId id) const {
    u64 references = 0;
    for (const MappedFile& file : files_)
        if (file.refcount && file.mapping == files_[id].mapping) references += file.refcount;
    return references;
}

void PageCache::put(MemorySystem& system, FileId id) {
    CHECK(id && files_[id].refcount > 0, id);
    if (--files_[id].refcount) return;
    const AddressSpaceId space_id = files_[id].mapping;
    AddressSpace& space = *spaces_[space_id];
    if (files_[id].description) by_description_.erase(files_[id].description);
    files_[id] = MappedFile{};
    free_files_.push_back(id);
    writeback(system, space, 0, ~u64{0});
    if (--space.users) return;
    if (space.hugetlb) {
        hugetlb_remove_pages(system, space, 0, ~u64{0});
        spaces_[space_id].reset();
    } else if (space.shmem) {
        if (space.backing && space.backing->links())
            space.backing.reset();  // the name keeps its pages
        else
            evict(system, space_id);
    } else {
        space.version = space.backing->version();
        space.backing.reset();  // closes the file; its clean pages stay
    }
}

AddressSpace* PageCache::find(FileBacking::Identity identity) {
    const auto it = by_identity_.find(identity);
    return it == by_identity_.end() ? nullptr : spaces_[it->second].get();
}

namespace {

/// The node for a page, and the inode at the first one. False: out of memory.
bool grow_tree(MemorySystem& system, AddressSpace& space, u64 key) {
    const CacheId inode = space.shmem ? kShmemInodeCache : kInodeCache;
    if (!space.inode.allocate(system, inode) || !space.dentry.allocate(system, kDentryCache)) return false;
    if (space.chunks.count(key)) return true;
    KmemObject node;
    if (!node.allocate(system, kXarrayNodeCache)) return false;
    space.chunks[key].object = std::move(node);
    return true;
}

}  // namespace

PageIndex PageCache::add(MemorySystem& system, AddressSpace& space, AddressSpaceId id, u64 index, Pfn pfn) {
    if (!grow_tree(system, space, index >> AddressSpace::kChunkShift)) {
        system.put_page(pfn);
        return 0;
    }
    Page& page = system.mem_map[pfn];
    page.flags |= Page::kCache | Page::kUptodate | (space.shmem ? Page::kShmem : 0);
    page.mapping = id;
    page.index = index;
    space.chunks[index >> AddressSpace::kChunkShift][index % AddressSpace::kChunkPages] =
        static_cast<PageIndex>(pfn.value);
    ++space.nrpages;
    ++cached_pages_;
    limited_pages_ += space.limited;
    if (!space.unevictable) system.lru.add(static_cast<PageIndex>(pfn.value));
    if (buffered_.total()) buffered_.remove(space.identity, index, index + 1);
    return static_cast<PageIndex>(pfn.value);
}

/// The pages [first, end) of the file that are missing, read with one call. False: an I/O error.
bool PageCache::read_window(MemorySystem& system, AddressSpace& space, AddressSpaceId id, u64 first, u64 end,
                            u64 wanted) {
    const u64 bytes = (end - first) << mmu::kPageShift;
    const auto buffer = std::make_unique_for_overwrite<u8[]>(bytes);
    const i64 got = system.inject.fails(InjectSite::kDiskRead)
                        ? -EIO
                        : space.backing->pread({buffer.get(), bytes}, first << mmu::kPageShift);
    if (got < 0) return false;
    std::memset(buffer.get() + got, 0,
                bytes - static_cast<u64>(got));  // the tail of the last page reads zero
    for (u64 index = first; index < end; ++index) {
        if (space.find(index)) continue;
        // Readahead takes only what is free; the page that somebody waits for may have others given up for
        // it.
        const auto pfn = system.alloc_page(index == wanted ? GFP_HIGHUSER_MOVABLE
                                                           : GFP_HIGHUSER_MOVABLE & ~__GFP_DIRECT_RECLAIM);
        if (!pfn && index == wanted) return true;
        if (!pfn) continue;
        system.memory.note_write(*pfn);
        std::memcpy(system.memory.frame(*pfn), buffer.get() + ((index - first) << mmu::kPageShift),
                    mmu::kPageSize);
        add(system, space, id, index, *pfn);
    }
    return true;
}

PageCache::Lookup PageCache::read_page(MemorySystem& system, FileId file, u64 index, u64 vm_flags) {
    AddressSpace& space = *spaces_[files_[file].mapping];
    const u64 file_pages = pages_of(page_align(space.size_bytes()));
    if (index >= file_pages) return {.past_end = true};
    if (const PageIndex page = space.find(index)) {
        if (space.shmem) system.mem_map.at_index(page).flags |= Page::kUptodate;
        async_mmap_readahead(system, files_[file], index, vm_flags, page);
        return {.page = page};
    }
    if (space.shmem) return shmem_get_page(system, space, index);
    if (buffered_.has(space.identity, index)) {
        take_buffered(system, space, index, index + 1, index);
        if (const PageIndex page = space.find(index)) return {.page = page};
    }
    if (!sync_mmap_readahead(system, files_[file], index, vm_flags)) return {};
    const PageIndex page = space.find(index);
    return {.page = page, .major = true, .oom = !page};
}

void PageCache::set_unevictable(MemorySystem& system, AddressSpace& space, bool unevictable) {
    if (space.unevictable == unevictable) return;
    space.unevictable = unevictable;
    for (const auto& [key, chunk] : space.chunks)
        for (const PageIndex page : chunk.pages)
            if (page && !(page & AddressSpace::kSwapEntry))
                unevictable ? system.lru.remove(page) : system.lru.add(page);
}

/// A page's bytes go to the file, as far as that goes. 0 or -errno.
int PageCache::write_out(MemorySystem& system, AddressSpace& space, PageIndex index) {
    const u64 offset = system.mem_map.at_index(index).index << mmu::kPageShift, size = space.size_bytes();
    if (offset >= size) return 0;
    if (!space.backing || system.inject.fails(InjectSite::kDiskWrite)) return -EIO;
    const u64 bytes = std::min(mmu::kPageSize, size - offset);
    const i64 done = space.backing->pwrite({system.memory.frame(Pfn{index}), bytes}, offset);
    return done == static_cast<i64>(bytes) ? 0 : done < 0 ? static_cast<int>(done) : -EIO;
}

int PageCache::writeback(MemorySystem& system, AddressSpace& space, u64 first, u64 last) {
    if (space.shmem || !space.backing) return 0;
    int error = 0;
    for (auto& [key, chunk] : space.chunks) {
        for (unsigned i = 0; i < AddressSpace::kChunkPages; ++i) {
            const u64 index = (key << AddressSpace::kChunkShift) + i;
            if (!chunk[i] || index < first || index > last) continue;
            Page& page = system.mem_map.at_index(chunk[i]);
            if (!page.is(Page::kDirty)) continue;
            const int failed = write_out(system, space, chunk[i]);
            if (!error) error = failed;
            // While it is mapped its next change would go unseen: it stays dirty until the last unmap.
            if (!page.mapcount) page.flags &= static_cast<u16>(~Page::kDirty);
        }
    }
    return error;
}

void PageCache::writeback_all(MemorySystem& system) {
    for (auto& space : spaces_)
        if (space) writeback(system, *space, 0, ~u64{0});
}

void PageCache::release(MemorySystem& system, AddressSpace& space, PageIndex& slot) {
    limited_pages_ -= space.limited;
    if (slot & AddressSpace::kSwapEntry) {  // shmem_free_swap()
        --space.swapped;
        return free_swap_entry(system, std::exchange(slot, 0) & ~AddressSpace::kSwapEntry);
    }
    const Pfn pfn{slot};
    Page& page = system.mem_map[pfn];
    page.flags &= static_cast<u16>(~(Page::kCache | Page::kDirty));
    slot = 0;
    --space.nrpages;
    --cached_pages_;
    system.put_page(pfn);
}

void PageCache::punch_hole(MemorySystem& system, AddressSpace& space, u64 first, u64 last) {
    for (auto it = space.chunks.lower_bound(first >> AddressSpace::kChunkShift); it != space.chunks.end();) {
        const u64 base = it->first << AddressSpace::kChunkShift;
        if (base > last) return;
        bool empty = true;
        for (unsigned i = 0; i < AddressSpace::kChunkPages; ++i) {
            PageIndex& slot = it->second[i];
            if (slot && base + i >= first && base + i <= last) release(system, space, slot);
            empty = empty && !slot;
        }
        it = empty ? space.chunks.erase(it) : std::next(it);
    }
}

bool PageCache::write_page(MemorySystem& system, PageIndex index) {
    Page& page = system.mem_map.at_index(index);
    if (write_out(system, *spaces_[page.mapping], index)) return false;
    page.flags &= static_cast<u16>(~Page::kDirty);
    return true;
}

void PageCache::drop_page(MemorySystem& system, PageIndex index) {
    const Page& page = system.mem_map.at_index(index);
    AddressSpace& space = *spaces_[page.mapping];
    const auto chunk = space.chunks.find(page.index >> AddressSpace::kChunkShift);
    CHECK(chunk != space.chunks.end(), index);
    release(system, space, chunk->second[page.index % AddressSpace::kChunkPages]);
    const auto& pages = chunk->second.pages;
    if (std::all_of(pages.begin(), pages.end(), [](PageIndex slot) { return !slot; }))
        space.chunks.erase(chunk);
}

void PageCache::before_io(MemorySystem& system, FileBacking::Identity identity) {
    if (AddressSpace* space = find(identity)) writeback(system, *space, 0, ~u64{0});
}

void PageCache::after_write(MemorySystem& system, FileBacking::Identity identity, u64 offset, u64 bytes) {
    AddressSpace* space = find(identity);
    if (!space || !bytes) return;
    if (!space->backing) {  // nobody maps it: the frames may go, what they held stays cached
        for (const auto& [key, chunk] : space->chunks)
            for (u64 i = 0; i < AddressSpace::kChunkPages; ++i)
                if (const u64 index = (key << AddressSpace::kChunkShift) + i; chunk[i])
                    buffered_.add(identity, index, index + 1, system.buddy.managed_frames());
        return truncate(system, *space, 0);
    }
    const u64 first = pages_of(offset), last = pages_of(offset + bytes - 1);
    for (auto it = space->chunks.lower_bound(first >> AddressSpace::kChunkShift);
         it != space->chunks.end() && it->first << AddressSpace::kChunkShift <= last; ++it) {
        for (unsigned i = 0; i < AddressSpace::kChunkPages; ++i) {
            const u64 index = (it->first << AddressSpace::kChunkShift) + i;
            if (!it->second[i] || index < first || index > last) continue;
            const Pfn pfn{it->second[i]};
            system.memory.note_write(pfn);
            u8* frame = system.memory.frame(pfn);
            const i64 got = space->backing->pread({frame, mmu::kPageSize}, index << mmu::kPageShift);
            const u64 valid = got > 0 ? static_cast<u64>(got) : 0;
            std::memset(frame + valid, 0, mmu::kPageSize - valid);
        }
    }
    space->version = space->backing->version();
}

void PageCache::note_buffered(MemorySystem& system, FileBacking::Identity identity, u64 offset, u64 bytes) {
    if (!bytes) return;
    const u64 first = pages_of(offset), end = pages_of(offset + bytes - 1) + 1;
    buffered_.add(identity, first, end, system.buddy.managed_frames());
    const AddressSpace* space = find(identity);
    for (u64 index = first; space && space->nrpages && index < end; ++index)
        if (space->find(index)) buffered_.remove(identity, index, index + 1);
}

void PageCache::take_buffered(MemorySystem& system, AddressSpace& space, u64 first, u64 end, u64 wanted) {
    if (!buffered_.total() || space.shmem || !space.backing) return;
    end = std::min(end, pages_of(page_align(space.size_bytes())));
    for (u64 from = first, to = end; buffered_.first_run(space.identity, from, to); from = to, to = end) {
        (void)read_window(system, space, space.id, from, to, wanted);
        if (buffered_.has(space.identity, from)) break;  // no frame, or an error: the fault of its own tells
    }
}

}  // namespace kernel
