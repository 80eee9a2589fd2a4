// The page cache: for each file (by device and inode) a map from page index to frame, shared by all its
// mappings. A shared anonymous mapping is the same thing without a file behind it (Linux: shmem). The
// kernel's file layer supplies the bytes through FileBacking; this file knows nothing of descriptors, paths
// or the host. Linux: mm/filemap.c filemap_fault(), filemap_map_pages(), include/linux/fs.h struct
// address_space.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernel/buffered_pages.h"
#include "kernel/hugetlb_pool.h"
#include "kernel/page.h"
#include "kernel/swap.h"
#include "kernel/vma.h"

namespace kernel {

struct MemorySystem;

/// Bytes of a regular file. Implemented by the file layer; owned by the page cache while the file is mapped.
class FileBacking {
  public:
    using Identity = FileIdentity;

    virtual ~FileBacking() = default;
    virtual Identity identity() const = 0;
    /// The file's length in bytes, now.
    virtual u64 size() const = 0;
    /// Changes when the contents do (the modification time); 0 if unknown.
    virtual u64 version() const { return 0; }
    /// tmpfs (shmem.h): the pages are the page cache's alone, the backing has length and identity only.
    virtual bool is_shmem() const { return false; }
    /// i_nlink; without one the last user takes the pages along.
    virtual u64 links() const { return 1; }
    /// Bytes read, fewer only at the end of the file; -errno.
    virtual i64 pread(std::span<u8> buffer, u64 offset) = 0;
    /// Bytes written; -errno (-EROFS where nothing may be written).
    virtual i64 pwrite(std::span<const u8> buffer, u64 offset) = 0;
};

/// What mmap(2) needs to know of an open file (Linux: struct file).
struct MmapFile {
    std::unique_ptr<FileBacking> backing;  ///< null: cannot be mapped (pipe, directory, terminal): ENODEV
    /// Number of the open file description, never used again for another. Areas of one description can merge.
    /// 0: none but this mapping knows it.
    u64 description = 0;
    bool readable = false, writable = false;  ///< FMODE_READ, FMODE_WRITE
    bool limited = false;                     ///< of shmem: on /dev/shm
    bool path_noexec = false;
    bool write_sealed = false;  ///< F_SEAL_WRITE or F_SEAL_FUTURE_WRITE
    FileId hugetlb = 0;     ///< a file of huge pages (hugetlb.h) instead of a backing
    FileId attached = 0;    ///< a mapped file that is known already, instead of a backing
    bool dev_zero = false;  ///< /dev/zero: anonymous memory; needs no backing
    std::string path;       ///< for /proc/PID/maps
};

using AddressSpaceId = u32;  ///< 0: none

/// The cached pages of one file.
struct AddressSpace {
    /// Marks a place whose page of shared memory went to this slot (swp_to_radix_entry()).
    static constexpr PageIndex kSwapEntry = 0x80000000;
    static constexpr unsigned kChunkShift = 6, kChunkPages = 1u << kChunkShift;
    /// xa_node of the lowest level.
    struct Chunk {
        std::array<PageIndex, kChunkPages> pages{};
        KmemObject object;
        PageIndex& operator[](u64 i) { return pages[i]; }
        PageIndex operator[](u64 i) const { return pages[i]; }
    };

    FileBacking::Identity identity{};
    AddressSpaceId id = 0;
    bool shmem = false;                    ///< no file's pages behind it: one that is missing is zero
    bool limited = false;                  ///< of shmem: /dev/shm's, whose size is limited
    u64 shmem_pages = 0;                   ///< length of a shmem object without a name (no backing)
    u64 swapped = 0;                       ///< shmem_inode_info.swapped: its pages that are in swap
    bool unevictable = false;              ///< mapping_unevictable(): reclaim lets its pages be (SHM_LOCK)
    u32 users = 0;                         ///< MappedFiles that refer to it
    std::unique_ptr<FileBacking> backing;  ///< present while users > 0, unless shmem without a name
    std::unique_ptr<HugetlbInode> hugetlb;  ///< of a file of huge pages; then nothing of this but `users`
    u64 version = 0;                       ///< of the backing when the pages were read
    u64 nrpages = 0;
    KmemObject inode, dentry;  ///< from the first cached page on
    std::map<u64, Chunk> chunks;  ///< page index >> kChunkShift

    u64 size_bytes() const;           ///< i_size
    u64 blocks() const { return (nrpages + swapped) * (mmu::kPageSize / 512); }  ///< i_blocks of shmem
    PageIndex find(u64 index) const;  ///< 0: not cached
    SwapSlot swap_entry(u64 index) const;  ///< where it went; 0: nowhere
    u64 collect_swapped(u64 first, u64 end) const;  ///< shmem_partial_swap_usage(): pages of [first, end) in swap

  private:
    PageIndex value_at(u64 index) const;

  public:
};

/// posix_fadvise() of an open file.
enum class FileAdvice : u8 { kNormal, kRandom, kSequential };

/// struct file_ra_state: the window that was read ahead last, in pages.
struct FileRaState {
    u64 start = 0, size = 0;
    u64 async_size = 0;  ///< at this distance from its end the next window is read
    u64 mmap_miss = 0;   ///< faults that found nothing, less those that did
    u64 prev_index = ~u64{0};  ///< page of the last read
};

/// An open file as VMAs refer to it.
struct MappedFile {
    AddressSpaceId mapping = 0;
    u32 refcount = 0;     ///< areas that map it
    u64 description = 0;  ///< of MmapFile
    bool readable = false, writable = false;
    std::string path;
    FileRaState ra;
    std::set<u64> hugetlb_consumed;  ///< of a private hugetlb mapping: reserved pages that it has taken
};

class PageCache {
  public:
    struct Lookup {
        PageIndex page = 0;     ///< 0: error
        bool major = false;     ///< the page had to be read
        bool past_end = false;  ///< index is at or beyond the end of the file: SIGBUS
        bool oom = false;
    };
    /// Takes over `file.backing`; one reference is the caller's. Never 0.
    FileId open(MemorySystem& system, MmapFile& file);
    /// A shared anonymous object of `pages` pages (shmem_zero_setup()).
    FileId open_shmem(u64 pages, const std::string& path = "/dev/zero (deleted)");
    /// A file of huge pages.
    FileId open_hugetlb(HugetlbInode inode, const std::string& path);
    /// Another mapped file of the same file, that no area shares.
    FileId open_again(FileId id);
    void get(FileId id) { files_[id].refcount++; }  ///< get_file()
    /// fput(): the last one writes dirty pages back; clean pages stay cached.
    void put(MemorySystem& system, FileId id);

    const MappedFile& file(FileId id) const { return files_[id]; }
    MappedFile& file(FileId id) { return files_[id]; }
    AddressSpace& mapping_of(FileId id) { return *spaces_[files_[id].mapping]; }
    const AddressSpace& mapping_of(FileId id) const { return *spaces_[files_[id].mapping]; }
    AddressSpace* find(FileBacking::Identity identity);
    const AddressSpace* find(FileBacking::Identity identity) const {
        return const_cast<PageCache*>(this)->find(identity);
    }
    /// shmem_get_folio(): the page of shared memory, from swap or new where there is none. `past_end` says that
    /// /dev/shm is full.
    Lookup shmem_get_page(MemorySystem& system, AddressSpace& space, u64 index);
    /// shmem_evict_inode(): the last name of a file is gone; so are its pages when nobody has it open.
    void evict_unlinked(MemorySystem& system, FileBacking::Identity identity);
    /// Of the files of /dev/shm, in memory and in swap, and how many they may have.
    u64 limited_pages() const { return limited_pages_; }
    u64 max_limited_pages = ~u64{0};
    bool has_shmem_files() const { return shmem_files_; }
    bool same_mapping(FileId a, FileId b) const { return files_[a].mapping == files_[b].mapping; }
    /// References to all mapped files of this file: areas, and who else holds one.
    u64 areas_of(FileId id) const;
    /// The open file `description` has this advice, until forget_advice().
    void advise(u64 description, FileAdvice advice) { advice_[description] = advice; }
    void forget_advice(u64 description) {
        if (!advice_.empty()) advice_.erase(description);
    }
    /// force_page_cache_readahead(): pages [first, end), at most a window of them.
    void read_ahead(MemorySystem& system, AddressSpace& space, u64 first, u64 end);
    /// do_fault_around() has mapped so many pages of the file.
    void note_mapped_around(FileId id, u64 pages) {
        u64& miss = files_[id].ra.mmap_miss;
        miss -= std::min(miss, pages);
    }

    /// The file layer is about to read() or write() a file that may be mapped: dirty pages go to the file
    /// first. After a write() the cached pages are read again. Both are cheap for a file that is not cached.
    void before_io(MemorySystem& system, FileBacking::Identity identity);
    void after_write(MemorySystem& system, FileBacking::Identity identity, u64 offset, u64 bytes);
    /// A read() or write() of a host's file has used these bytes of it: their pages are cached now.
    void note_buffered(MemorySystem& system, FileBacking::Identity identity, u64 offset, u64 bytes);
    /// Pages [first, end) are not any more, as far as they have no frame.
    void forget_buffered(FileBacking::Identity identity, u64 first, u64 end) {
        buffered_.remove(identity, first, end);
    }
    const BufferedPages& buffered() const { return buffered_; }
    /// Frames for those of [first, end) that are cached without one; of `wanted` at any price.
    void take_buffered(MemorySystem& system, AddressSpace& space, u64 first, u64 end, u64 wanted = ~u64{0});

    /// filemap_fault()'s core: the page, read with `readahead` pages around it if it is missing.
    Lookup read_page(MemorySystem& system, FileId id, u64 index, u64 vm_flags);
    /// Writes dirty pages of [first, last] to the file. 0 or -errno.
    int writeback(MemorySystem& system, AddressSpace& space, u64 first, u64 last);
    /// Writes all dirty pages of all files (sync(), and the end of the guest).
    void writeback_all(MemorySystem& system);
    /// Drops cached pages from `first` on (truncate); the caller has unmapped them.
    void truncate(MemorySystem& system, AddressSpace& space, u64 first) {
        punch_hole(system, space, first, ~u64{0});
    }
    /// Drops cached pages [first, last] (fallocate's PUNCH_HOLE); the caller has unmapped them.
    void punch_hole(MemorySystem& system, AddressSpace& space, u64 first, u64 last);
    /// Reclaim: writes one dirty page to its file (false: it could not), and forgets a clean one that nobody
    /// maps.
    bool write_page(MemorySystem& system, PageIndex page);
    void drop_page(MemorySystem& system, PageIndex page);

    /// invalidate_mapping_pages(): forgets clean pages [first, end) that nobody maps.
    void drop_clean_pages(MemorySystem& system, AddressSpace& space, u64 first, u64 end);

    /// The half of shmem_writepage() that concerns the cache: `slot` takes the place of the page.
    void shmem_replace_by_entry(MemorySystem& system, PageIndex page, SwapSlot slot);
    /// mapping_set_unevictable(), mapping_clear_unevictable(): its pages are on no list meanwhile.
    void set_unevictable(MemorySystem& system, AddressSpace& space, bool unevictable);
    /// visit(slot) for each page of shared memory that is in swap.
    template <class Visit>
    void for_each_swap_entry(Visit&& visit) const {
        for (const auto& space : spaces_)
            if (space && space->swapped)
                for (const auto& [key, chunk] : space->chunks)
                    for (const PageIndex value : chunk.pages)
                        if (value & AddressSpace::kSwapEntry) visit(value & ~AddressSpace::kSwapEntry);
    }

    u64 cached_pages() const { return cached_pages_; }

  private:
    AddressSpaceId new_space();
    FileId new_file(AddressSpaceId space);
    /// filemap_add_folio(). 0: no memory for the tree; the frame is given back.
    PageIndex add(MemorySystem& system, AddressSpace& space, AddressSpaceId id, u64 index, Pfn pfn);
    bool read_window(MemorySystem& system, AddressSpace& space, AddressSpaceId id, u64 first, u64 end,
                     u64 wanted);
    u64 ra_pages_of(const MemorySystem& system, const MappedFile& file) const;
    FileAdvice advice_of(const MappedFile& file) const;
    bool do_page_cache_ra(MemorySystem& system, const MappedFile& file, u64 first, u64 size, u64 async_size,
                          u64 wanted);
    bool sync_mmap_readahead(MemorySystem& system, MappedFile& file, u64 index, u64 vm_flags);
    void async_mmap_readahead(MemorySystem& system, MappedFile& file, u64 index, u64 vm_flags,
                              PageIndex found);
    Lookup shmem_swapin(MemorySystem& system, AddressSpace& space, u64 index);
    void evict(MemorySystem& system, AddressSpaceId id);
    int write_out(MemorySystem& system, AddressSpace& space, PageIndex index);
    void release(MemorySystem& system, AddressSpace& space, PageIndex& slot);

    std::vector<MappedFile> files_{1};  ///< [0] is "none"
    std::vector<FileId> free_files_;
    std::vector<std::unique_ptr<AddressSpace>> spaces_{1};
    std::map<u64, FileId> by_description_;  ///< of the files that areas map now
    std::map<FileBacking::Identity, AddressSpaceId> by_identity_;
    std::map<u64, FileAdvice> advice_;  ///< by description
    BufferedPages buffered_;
    u64 cached_pages_ = 0;
    u64 limited_pages_ = 0;
    u64 shmem_files_ = 0;  ///< spaces of shared memory with a backing or a name
    u64 next_hugetlb_ino_ = 1024;
};

}  // namespace kernel
