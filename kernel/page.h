// struct page and mem_map: what the kernel knows of each frame of guest RAM. The array is one lazily
// committed host mapping, so that a large and mostly idle guest costs nothing. It knows nothing of allocation
// (buddy.h) or mappings. Linux: include/linux/mm_types.h struct page, include/linux/page-flags.h.
#pragma once

#include "mmu/arch/addr.h"
#include "mmu/base/expected.h"

namespace kernel {

using mmu::i64;
using mmu::Pfn;
using mmu::u16;
using mmu::u32;
using mmu::u64;
using mmu::u8;
using mmu::usize;

/// An index into mem_map; 0 (a reserved frame) doubles as "none" in links.
using PageIndex = u32;

/// page_type: what the kernel itself uses a frame for; of a block its first frame says so, and `order` how large
/// it is.
enum PageType : u8 {
    PGTY_none,
    PGTY_slab,       ///< slab.h says what the other members mean
    PGTY_slab_tail,  ///< not the first frame of a slab: `next` is
    PGTY_vmalloc,    ///< in an area of vmalloc()
    PGTY_table,      ///< a page table of the kernel's own half
    PGTY_kernel,     ///< of __get_free_pages()
};

struct Page {
    static constexpr u16 kReserved = 1u << 0;       ///< never given out: kernel image, the zero page
    static constexpr u16 kBuddy = 1u << 1;          ///< head of a free block; `order` is valid
    static constexpr u16 kTable = 1u << 2;          ///< a page table
    static constexpr u16 kAnon = 1u << 3;           ///< PageAnon: belongs to one anonymous mapping
    static constexpr u16 kAnonExclusive = 1u << 4;  ///< PageAnonExclusive: may be written without a copy
    static constexpr u16 kCache = 1u << 5;          ///< in the page cache: `mapping` and `index` are valid
    static constexpr u16 kShmem = 1u << 6;          ///< of shared anonymous memory: counted as MM_SHMEMPAGES
    static constexpr u16 kDirty = 1u << 7;          ///< a cache page newer than its file
    static constexpr u16 kUptodate = 1u << 8;
    static constexpr u16 kLru = 1u << 9;          ///< on an LRU list (lru.h), through `next` and `prev`
    static constexpr u16 kActive = 1u << 10;      ///< which list
    static constexpr u16 kReferenced = 1u << 11;  ///< reclaim has seen it used once
    static constexpr u16 kSwapCache = 1u << 12;   ///< a copy of swap slot `mapping`
    static constexpr u16 kLazyFree = 1u << 13;    ///< MADV_FREE: may be dropped while it is clean
    static constexpr u16 kHugetlb = 1u << 14;     ///< the first of 2^order frames of a hugetlb pool
    static constexpr u16 kReadahead = 1u << 15;   ///< PG_readahead: whoever finds it reads on

    u16 flags = 0;
    u8 order = 0;  ///< of the free block that starts here (kBuddy, kHugetlb), or of the kernel's
    u8 page_type = PGTY_none;
    u32 refcount = 0;    ///< owners: PTEs, the page cache, the kernel itself
    u32 mapcount = 0;    ///< PTEs that map it
    u32 mapping = 0;     ///< AddressSpaceId (kCache) or swap slot (kSwapCache)
    PageIndex next = 0;  ///< links of the free lists and the LRU lists
    PageIndex prev = 0;
    u64 index = 0;  ///< page index in the file (kCache), or of its area (kAnon): VmAreaStruct::index_of()

    bool is(u16 flag) const { return flags & flag; }
};
static_assert(sizeof(Page) == 32);

class MemMap {
  public:
    /// A zeroed struct page for each of `frames` frames.
    explicit MemMap(u64 frames);
    MemMap(const MemMap&) = delete;
    MemMap& operator=(const MemMap&) = delete;
    ~MemMap();

    u64 frames() const { return frames_; }
    Page& operator[](Pfn pfn) { return pages_[pfn.value]; }
    const Page& operator[](Pfn pfn) const { return pages_[pfn.value]; }
    Page& at_index(PageIndex index) { return pages_[index]; }
    const Page& at_index(PageIndex index) const { return pages_[index]; }

  private:
    Page* pages_ = nullptr;
    u64 frames_ = 0;
};

}  // namespace kernel
