// Purpose: the pools, files of huge pages and reservations. See hugetlb.h. Linux: mm/hugetlb.c
// set_max_huge_pages(), hugetlb_reserve_pages(), hugetlb_unreserve_pages(), fs/hugetlbfs/inode.c.
#include "kernel/hugetlb.h"

#include <algorithm>

#include "kernel/mm_internal.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

HState& hstate_of(MemorySystem& system, unsigned order) {
    for (HState& h : system.hugetlb.hstates)
        if (h.order == order) return h;
    CHECK(false, order);
    return system.hugetlb.hstates[0];
}

/// alloc_fresh_hugetlb_folio()
std::optional<Pfn> alloc_fresh(MemorySystem& system, const HState& h) {
    if (system.buddy.free_frames() < system.watermarks.high + h.pages()) return std::nullopt;
    const auto pfn = h.order > kMaxOrder ? system.buddy.alloc_contig_pages(h.order)
                                         : system.alloc_pages(h.order, GFP_NOWAIT | __GFP_MOVABLE);
    if (!pfn) return std::nullopt;
    Page& page = system.mem_map[*pfn];
    page.flags = Page::kHugetlb;
    page.order = static_cast<u8>(h.order);
    page.refcount = 0;
    return pfn;
}

/// update_and_free_hugetlb_folio(): the frames go back to the buddy allocator.
void give_back(MemorySystem& system, const HState& h, Pfn pfn) {
    system.mem_map[pfn] = Page{};
    const unsigned step = std::min(h.order, kMaxOrder);
    for (u64 i = 0; i < h.pages(); i += u64{1} << step) system.buddy.free_pages(pfn + i, step);
}

void enqueue(HState& h, Pfn pfn) {
    h.free_list.push_back(static_cast<PageIndex>(pfn.value));
    ++h.free_huge_pages;
}

/// return_unused_surplus_pages(): `count` promises are taken back, and as many surplus pages with them.
void return_unused_surplus_pages(MemorySystem& system, HState& h, u64 count) {
    CHECK(h.resv_huge_pages >= count, h.resv_huge_pages, count);
    h.resv_huge_pages -= count;
    for (; count && h.surplus_huge_pages && h.free_huge_pages > h.resv_huge_pages; --count) {
        const Pfn pfn{h.free_list.back()};
        h.free_list.pop_back();
        --h.free_huge_pages;
        --h.nr_huge_pages;
        --h.surplus_huge_pages;
        give_back(system, h, pfn);
    }
}

/// hugetlb_acct_memory(): promises `count` more pages, made on demand where the pool has too few
/// (gather_surplus_pages()). False: there are not as many.
bool acct_memory(MemorySystem& system, HState& h, u64 count) {
    const u64 available = h.free_huge_pages - h.resv_huge_pages;
    const u64 needed = count > available ? count - available : 0;
    if (needed > h.nr_overcommit_huge_pages) return false;
    u64 made = 0;
    while (made < needed && alloc_surplus(system, h)) ++made;
    h.resv_huge_pages += available + made < count ? made : count;
    if (available + made >= count) return true;
    return_unused_surplus_pages(system, h, made);
    return false;
}

/// Reserves indices [from, to) of a shared mapping; those that are reserved already cost nothing.
bool reserve_shared(MemorySystem& system, HState& h, HugetlbInode& inode, u64 from, u64 to) {
    const auto first = inode.resv_map.lower_bound(from), last = inode.resv_map.lower_bound(to);
    const u64 known = static_cast<u64>(std::distance(first, last));
    if (!acct_memory(system, h, to - from - known)) return false;
    for (u64 index = from; index < to; ++index) inode.resv_map.insert(index);
    return true;
}

}  // namespace

HState* hstate_sizelog(MemorySystem& system, u64 size_log) {
    if (!size_log) return &system.hugetlb.hstates[0];
    for (HState& h : system.hugetlb.hstates)
        if (h.order + mmu::kPageShift == size_log) return &h;
    return nullptr;
}

HState& hstate_vma(MemorySystem& system, const VmAreaStruct& vma) {
    return hstate_of(system, system.page_cache.mapping_of(vma.vm_file).hugetlb->order);
}

void set_max_huge_pages(MemorySystem& system, HState& h, u64 count) {
    const auto persistent = [&h] { return h.nr_huge_pages - h.surplus_huge_pages; };
    while (h.surplus_huge_pages && count > persistent()) --h.surplus_huge_pages;
    while (count > persistent()) {
        const auto pfn = alloc_fresh(system, h);
        if (!pfn) return;
        ++h.nr_huge_pages;
        enqueue(h, *pfn);
    }
    const u64 least = std::max(count, h.resv_huge_pages + h.nr_huge_pages - h.free_huge_pages);
    while (least < persistent() && !h.free_list.empty()) {
        const Pfn pfn{h.free_list.back()};
        h.free_list.pop_back();
        --h.free_huge_pages;
        --h.nr_huge_pages;
        give_back(system, h, pfn);
    }
    if (count < persistent()) h.surplus_huge_pages += persistent() - count;
}

bool alloc_surplus(MemorySystem& system, HState& h) {
    if (h.surplus_huge_pages >= h.nr_overcommit_huge_pages) return false;
    const auto pfn = alloc_fresh(system, h);
    if (!pfn) return false;
    ++h.nr_huge_pages;
    ++h.surplus_huge_pages;
    enqueue(h, *pfn);
    return true;
}

void free_huge_page(MemorySystem& system, Pfn pfn) {
    Page& page = system.mem_map[pfn];
    HState& h = hstate_of(system, page.order);
    CHECK(!page.refcount && !page.mapcount, pfn.value, page.mapcount);
    page.flags = Page::kHugetlb;
    if (!h.surplus_huge_pages) return enqueue(h, pfn);
    --h.surplus_huge_pages;
    --h.nr_huge_pages;
    give_back(system, h, pfn);
}

FileId hugetlb_file_setup(MemorySystem& system, const HState& h, u64 bytes, const std::string& path) {
    HugetlbInode inode;
    inode.order = h.order;
    inode.size_bytes = bytes;
    return system.page_cache.open_hugetlb(std::move(inode), path);
}

int hugetlb_reserve_file(MemorySystem& system, FileId file) {
    HugetlbInode& inode = *system.page_cache.mapping_of(file).hugetlb;
    HState& h = hstate_of(system, inode.order);
    return reserve_shared(system, h, inode, 0, inode.size_bytes / h.size()) ? 0 : -ENOMEM;
}

int hugetlb_file_mmap(MemorySystem& system, VmAreaStruct& vma) {
    HState& h = hstate_vma(system, vma);
    HugetlbInode& inode = *system.page_cache.mapping_of(vma.vm_file).hugetlb;
    const u64 offset = vma.vm_pgoff << mmu::kPageShift;
    if (vma.vm_pgoff >> (63 - mmu::kPageShift) || offset % h.size()) return -EINVAL;
    const u64 length = offset + vma.size();
    if (length < offset) return -EINVAL;
    if (!(vma.vm_flags & VM_NORESERVE)) {
        const u64 from = offset / h.size(), to = length / h.size();
        const bool shared = vma.vm_flags & VM_MAYSHARE;
        if (shared ? !reserve_shared(system, h, inode, from, to) : !acct_memory(system, h, to - from))
            return -ENOMEM;
        if (!shared) vma.vm_flags |= VM_HUGETLB_OWNER;
    }
    if ((vma.vm_flags & VM_WRITE) && inode.size_bytes < length) inode.size_bytes = length;
    return 0;
}

void hugetlb_vm_op_close(MemorySystem& system, const VmAreaStruct& vma) {
    if (!(vma.vm_flags & VM_HUGETLB_OWNER)) return;
    HState& h = hstate_vma(system, vma);
    std::set<u64>& consumed = system.page_cache.file(vma.vm_file).hugetlb_consumed;
    const u64 from = vma.vm_pgoff >> h.order, to = (vma.vm_pgoff + vma.pages()) >> h.order;
    const auto first = consumed.lower_bound(from), last = consumed.lower_bound(to);
    const u64 taken = static_cast<u64>(std::distance(first, last));
    consumed.erase(first, last);
    return_unused_surplus_pages(system, h, to - from - taken);
}

int hugetlb_vm_op_split(MemorySystem& system, const VmAreaStruct& vma, u64 address) {
    if (!(vma.vm_flags & VM_HUGETLB) || !vma.contains(address)) return 0;
    return address % hstate_vma(system, vma).size() ? -EINVAL : 0;
}

void hugetlb_remove_pages(MemorySystem& system, AddressSpace& space, u64 first, u64 last) {
    HugetlbInode& inode = *space.hugetlb;
    HState& h = hstate_of(system, inode.order);
    u64 unused = 0;
    for (auto it = inode.resv_map.lower_bound(first); it != inode.resv_map.end() && *it <= last;) {
        unused += !inode.pages.contains(*it);
        it = inode.resv_map.erase(it);
    }
    return_unused_surplus_pages(system, h, unused);
    for (auto it = inode.pages.lower_bound(first); it != inode.pages.end() && it->first <= last;) {
        const Pfn pfn{it->second};
        it = inode.pages.erase(it);
        system.mem_map[pfn].flags &= static_cast<u16>(~Page::kCache);
        system.put_page(pfn);
    }
}

}  // namespace kernel
