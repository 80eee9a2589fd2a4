// Purpose: faults on pages of files and of shared anonymous memory. Linux: mm/memory.c do_fault(),
// do_read_fault(), do_cow_fault(), do_shared_fault(), mm/filemap.c filemap_map_pages().
#include <algorithm>

#include "kernel/memory.h"

namespace kernel {

namespace {

/// set_pte_range() for a page of the cache.
void map_cache_page(VmFaultInfo& vmf, u64 address, u64* ptep, PageIndex index, bool write) {
    Page& page = vmf.system.mem_map.at_index(index);
    ++page.refcount;
    ++page.mapcount;
    add_mm_rss(vmf.mm, mm_counter(page));
    Pte pte = mk_pte(Pfn{index}, vmf.vma.vm_page_prot);
    if (write) pte = maybe_mkwrite(pte.with(Pte::kDirty), vmf.vma);
    set_pte_at(vmf.system, address, ptep, pte);
}

u32 fault_of(const PageCache::Lookup& found) {
    if (found.page) return found.major ? u32{VM_FAULT_MAJOR} : 0;
    return found.oom ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

/// filemap_fault(): the page, held so that it stays in the cache while other frames are allocated.
class FoundPage {
  public:
    explicit FoundPage(VmFaultInfo& vmf)
        : system_(vmf.system),
          found_(
              vmf.system.page_cache.read_page(vmf.system, vmf.vma.vm_file, vmf.pgoff(), vmf.vma.vm_flags)) {
        if (found_.page) ++system_.mem_map.at_index(found_.page).refcount;
    }
    FoundPage(const FoundPage&) = delete;
    FoundPage& operator=(const FoundPage&) = delete;
    ~FoundPage() {
        if (found_.page) system_.put_page(Pfn{found_.page});
    }
    PageIndex page() const { return found_.page; }
    u32 result() const { return fault_of(found_); }

  private:
    MemorySystem& system_;
    PageCache::Lookup found_;
};

/// do_fault_around(): maps what the cache holds of the 16 pages around, within the area and one page table.
/// True if the faulting page was among them. OOM is left to the slow path.
bool do_fault_around(VmFaultInfo& vmf) {
    const u64 around = vmf.system.fault_around_pages;
    if (around <= 1) return false;  // should_fault_around()
    AddressSpace& space = vmf.system.page_cache.mapping_of(vmf.vma.vm_file);
    const u64 pgoff = vmf.pgoff();
    const u64 file_pages = pages_of(page_align(space.size_bytes()));
    const u64 pte_off = mmu::VirtAddr{vmf.address}.table_index(1);
    const u64 vma_off = pgoff - vmf.vma.vm_pgoff;
    const u64 from =
        std::max(mmu::align_down(pte_off, around), pte_off - std::min(pte_off, vma_off));
    const u64 to = std::min({from + around, u64{512}, pte_off + vmf.vma.pages() - vma_off});
    vmf.system.page_cache.take_buffered(vmf.system, space, pgoff + from - pte_off, pgoff + to - pte_off);
    u64 mapped = 0;
    for (u64 i = from; i < to; ++i) {
        const u64 index = pgoff + i - pte_off;
        PageIndex page = index < file_pages ? space.find(index) : 0;
        // next_uptodate_folio(): a mark is left to be found by a fault of its own, and so is a page of fallocate()
        // that nobody has used yet.
        if (!page) continue;
        const Page& known = vmf.system.mem_map.at_index(page);
        if (known.is(Page::kReadahead) || !known.is(Page::kUptodate)) continue;
        if (!vmf.pte) {
            vmf.pte = pte_alloc(vmf.system, vmf.mm, vmf.pmd, vmf.address);
            if (!vmf.pte) return false;
            page = space.find(index);  // the table may have cost the cache this very page
            if (!page) continue;
        }
        u64* ptep = vmf.pte + i - pte_off;
        if (*ptep) continue;
        map_cache_page(vmf, vmf.address + (i - pte_off) * mmu::kPageSize, ptep, page, false);
        ++mapped;
    }
    if (mapped) vmf.system.page_cache.note_mapped_around(vmf.vma.vm_file, mapped);
    if (mapped) vmf.system.notify({.kind = EventKind::kFaultAround, .address = vmf.address, .after = mapped});
    return vmf.pte && *vmf.pte;
}

void tell(VmFaultInfo& vmf, PageIndex page, const char* function) {
    vmf.system.notify({.kind = EventKind::kFileFault,
                       .address = vmf.address,
                       .pfn = page,
                       .start = vmf.pgoff(),
                       .text = function});
}

u32 do_read_fault(VmFaultInfo& vmf) {
    vmf.kind = &FaultStats::file_read;
    if (do_fault_around(vmf)) return VM_FAULT_NOPAGE;
    const FoundPage found(vmf);
    if (!found.page()) return found.result();
    tell(vmf, found.page(), "do_read_fault");
    vmf.pte = pte_alloc(vmf.system, vmf.mm, vmf.pmd, vmf.address);
    if (!vmf.pte) return VM_FAULT_OOM;
    map_cache_page(vmf, vmf.address, vmf.pte, found.page(), false);
    return found.result();
}

u32 do_cow_fault(VmFaultInfo& vmf) {
    vmf.kind = &FaultStats::file_cow;
    MemorySystem& system = vmf.system;
    anon_vma_prepare(vmf);
    const auto copy = system.alloc_page();
    if (!copy) return VM_FAULT_OOM;
    const FoundPage found(vmf);
    vmf.pte = found.page() ? pte_alloc(system, vmf.mm, vmf.pmd, vmf.address) : nullptr;
    if (!vmf.pte) {
        system.put_page(*copy);
        return found.page() ? u32{VM_FAULT_OOM} : found.result();
    }
    tell(vmf, found.page(), "do_cow_fault");
    system.memory.copy_frame(*copy, Pfn{found.page()});
    add_new_anon_page(vmf, *copy);
    set_pte_at(system, vmf.address, vmf.pte,
               maybe_mkwrite(mk_pte(*copy, vmf.vma.vm_page_prot).with(Pte::kDirty), vmf.vma));
    return found.result();
}

u32 do_shared_fault(VmFaultInfo& vmf) {
    vmf.kind = &FaultStats::file_shared;
    const FoundPage found(vmf);
    if (!found.page()) return found.result();
    tell(vmf, found.page(), "do_shared_fault");
    vmf.pte = pte_alloc(vmf.system, vmf.mm, vmf.pmd, vmf.address);
    if (!vmf.pte) return VM_FAULT_OOM;
    map_cache_page(vmf, vmf.address, vmf.pte, found.page(), true);
    vmf.system.mem_map.at_index(found.page()).flags |= Page::kDirty;
    return found.result();
}

}  // namespace

u32 do_fault(VmFaultInfo& vmf) {
    if (!vmf.write()) return do_read_fault(vmf);
    return vmf.vma.vm_flags & VM_SHARED ? do_shared_fault(vmf) : do_cow_fault(vmf);
}

}  // namespace kernel
