// A VMA and the ordered set of them: find_vma() is the first area that ends above an address. It knows
// nothing of pages or page tables. Linux: include/linux/mm_types.h struct vm_area_struct, include/linux/mm.h
// VM_*. Deviation: a std::map keyed by vm_end with a one-entry cache instead of a maple tree.
#pragma once

#include <map>

#include "kernel/slab_object.h"
#include "mmu/arch/addr.h"

namespace kernel {

using mmu::u32;
using mmu::u64;

/// A mapped file, counted by the areas that map it (filemap.h). 0: none.
using FileId = u32;

inline constexpr u64 VM_NONE = 0, VM_READ = 0x1, VM_WRITE = 0x2, VM_EXEC = 0x4, VM_SHARED = 0x8,
                     VM_MAYREAD = 0x10, VM_MAYWRITE = 0x20, VM_MAYEXEC = 0x40, VM_MAYSHARE = 0x80,
                     VM_GROWSDOWN = 0x100, VM_LOCKED = 0x2000, VM_IO = 0x4000, VM_SEQ_READ = 0x8000,
                     VM_RAND_READ = 0x10000, VM_DONTCOPY = 0x20000, VM_DONTEXPAND = 0x40000,
                     VM_LOCKONFAULT = 0x80000, VM_ACCOUNT = 0x100000, VM_NORESERVE = 0x200000,
                     VM_HUGETLB = 0x400000,
                     VM_WIPEONFORK = 0x2000000, VM_DONTDUMP = 0x4000000, VM_HUGEPAGE = 0x20000000,
                     VM_NOHUGEPAGE = 0x40000000, VM_MERGEABLE = 0x80000000;
inline constexpr unsigned VM_PKEY_SHIFT = 32;                        ///< VM_HIGH_ARCH_BIT_0
inline constexpr u64 ARCH_VM_PKEY_FLAGS = u64{15} << VM_PKEY_SHIFT;  ///< VM_PKEY_BIT0 .. BIT3
inline constexpr unsigned kPagePkeyShift = 59;                       ///< _PAGE_PKEY_BIT0
inline constexpr u64 kPagePkeyMask = u64{15} << kPagePkeyShift;
/// HPAGE_RESV_OWNER: a private hugetlb mapping of the process that reserved its pages.
inline constexpr u64 VM_HUGETLB_OWNER = u64{1} << 62;
inline constexpr u64 VM_ACCESS_FLAGS = VM_READ | VM_WRITE | VM_EXEC;
inline constexpr u64 VM_DATA_DEFAULT_FLAGS = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
inline constexpr u64 VM_STACK_FLAGS = VM_GROWSDOWN | VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT;

struct VmAreaStruct {
    u64 vm_start = 0, vm_end = 0;  ///< [vm_start, vm_end), page aligned
    u64 vm_flags = 0;
    u64 vm_pgoff = 0;       ///< in pages: of the file, or the address's own for anonymous memory
    u64 vm_page_prot = 0;   ///< PTE bits of a page of this area
    FileId vm_file = 0;     ///< also set for shared anonymous memory (shmem)
    u32 anon_vma = 0;       ///< identity of the anonymous pages; 0 until the first one
    u64 swap_readahead_info = 0;  ///< page, window and hits of the last fault on swap (swap_fault.cpp)
    const char* name = "";  ///< of special mappings ("[vdso]"); static storage
    KmemObject object;      ///< its place in guest RAM, while it is in a VmaMap
    KmemObject anon_object, chain_object;  ///< anon_vma and anon_vma_chain, once it has anonymous pages

    u64 size() const { return vm_end - vm_start; }
    u64 pages() const { return size() >> mmu::kPageShift; }
    bool contains(u64 address) const { return vm_start <= address && address < vm_end; }
    u64 index_of(u64 address) const { return vm_pgoff + ((address - vm_start) >> mmu::kPageShift); }
    bool is_anonymous() const { return vm_file == 0; }  ///< vma_is_anonymous()
    /// The flags a reader of /proc/PID/maps sees, "rw-p".
    void permissions(char (&text)[5]) const;
};

/// The PTE bits of an area: arch/x86/mm/pgprot.c protection_map[]. Private writable areas start read-only
/// (COW) and get kWritable by maybe_mkwrite().
u64 vm_get_page_prot(u64 vm_flags);

class VmaMap {
  public:
    using Map = std::map<u64, VmAreaStruct>;
    using Iterator = Map::iterator;
    using ConstIterator = Map::const_iterator;

    VmaMap() = default;
    VmaMap(VmaMap&& other) noexcept { *this = std::move(other); }
    VmaMap& operator=(VmaMap&& other) noexcept {
        map_ = std::move(other.map_);
        spare_ = std::move(other.spare_);
        system_ = other.system_;
        other.clear();
        cached_ = nullptr;
        note_change();
        return *this;
    }

    /// Areas take up guest RAM from now on.
    void set_allocator(MemorySystem& system) { system_ = &system; }
    /// vm_area_alloc(): room for one more area. False: out of memory. Without it insert() finds room itself,
    /// and an area that gets none is not counted.
    [[nodiscard]] bool prepare();
    /// Writes the area's members to its place in guest RAM, for who looks there.
    void mirror(const VmAreaStruct& vma);

    /// The first area with vm_end > address, or null.
    VmAreaStruct* find_vma(u64 address) {
        if (cached_ && cached_->contains(address)) return cached_;
        return find_vma_slow(address);
    }
    /// The area that contains `address`, or null (vma_lookup()).
    VmAreaStruct* vma_lookup(u64 address) {
        VmAreaStruct* vma = find_vma(address);
        return vma && vma->vm_start <= address ? vma : nullptr;
    }
    /// The first area that overlaps [start, end), or null.
    VmAreaStruct* find_vma_intersection(u64 start, u64 end) {
        VmAreaStruct* vma = find_vma(start);
        return vma && vma->vm_start < end ? vma : nullptr;
    }
    Iterator upper_bound(u64 address) { return map_.upper_bound(address); }
    Iterator iterator_of(const VmAreaStruct& vma) { return map_.find(vma.vm_end); }
    VmAreaStruct* prev_of(const VmAreaStruct& vma);
    VmAreaStruct* next_of(const VmAreaStruct& vma);

    VmAreaStruct& insert(const VmAreaStruct& vma);
    /// Removes it; the reference is gone afterwards.
    void erase(const VmAreaStruct& vma);
    Iterator erase(Iterator it);
    /// Moves the borders. The area stays where it is in memory and in order.
    void set_range(VmAreaStruct& vma, u64 start, u64 end);

    Iterator begin() { return map_.begin(); }
    Iterator end() { return map_.end(); }
    ConstIterator begin() const { return map_.begin(); }
    ConstIterator end() const { return map_.end(); }
    mmu::usize size() const { return map_.size(); }
    bool empty() const { return map_.empty(); }
    void clear() {
        map_.clear();
        cached_ = nullptr;
        note_change();
    }

  private:
    VmAreaStruct* find_vma_slow(u64 address);
    void note_change();

    Map map_;
    MemorySystem* system_ = nullptr;
    KmemObject spare_;                ///< what prepare() has got
    VmAreaStruct* cached_ = nullptr;  ///< last result of find_vma(); nodes never move
};

}  // namespace kernel
