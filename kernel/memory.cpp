// Purpose: making a page present: the general half of a page fault, anonymous memory and copy-on-write.
// Linux: mm/memory.c handle_mm_fault() .. handle_pte_fault(), do_anonymous_page(), do_wp_page().
// Deviation: no large folios but huge pages.
#include "kernel/memory.h"

#include "kernel/huge_memory.h"
#include "kernel/hugetlb.h"
#include "kernel/vmscan.h"
#include "mmu/base/check.h"

namespace kernel {

void anon_vma_prepare(VmFaultInfo& vmf) {
    if (vmf.vma.anon_vma) [[likely]]
        return;
    VmAreaStruct& vma = vmf.vma;
    // Deviation: memory for these two that cannot be had is not counted; the fault itself will find none.
    (void)(vma.anon_object.allocate(vmf.system, kAnonVmaCache) &&
           vma.chain_object.allocate(vmf.system, kAnonVmaChainCache));
    const u32 shared = find_mergeable_anon_vma(vmf.mm, vmf.vma);
    vmf.vma.anon_vma = shared ? shared : vmf.mm.next_anon_vma++;
}

namespace {

u32 do_anonymous_page(VmFaultInfo& vmf) {
    if (vmf.vma.vm_flags & VM_SHARED) return VM_FAULT_SIGBUS;  // a shared mapping without ->fault
    MemorySystem& system = vmf.system;
    vmf.pte = pte_alloc(system, vmf.mm, vmf.pmd, vmf.address);
    if (!vmf.pte) return VM_FAULT_OOM;
    if (!vmf.write()) {  // all reads share the zero page; the first write gets a frame
        system.notify(
            {.kind = EventKind::kAnonZeroPage, .address = vmf.address, .pfn = system.zero_page.value});
        set_pte_at(system, vmf.address, vmf.pte,
                   mk_pte(system.zero_page, vmf.vma.vm_page_prot).with(Pte::kSpecial));
        vmf.kind = &FaultStats::anonymous_zero;
        return 0;
    }
    anon_vma_prepare(vmf);
    const auto pfn = system.alloc_zeroed_page();
    if (!pfn) return VM_FAULT_OOM;
    system.notify({.kind = EventKind::kAnonPage, .address = vmf.address, .pfn = pfn->value});
    add_new_anon_page(vmf, *pfn);
    set_pte_at(system, vmf.address, vmf.pte,
               maybe_mkwrite(mk_pte(*pfn, vmf.vma.vm_page_prot).with(Pte::kDirty), vmf.vma));
    vmf.kind = &FaultStats::anonymous;
    return 0;
}

/// wp_page_reuse(): nobody else uses the frame, so it becomes writable as it is. RO to RW needs no flush.
u32 wp_page_reuse(VmFaultInfo& vmf) {
    vmf.system.notify(
        {.kind = EventKind::kCowReuse, .address = vmf.address, .pfn = vmf.orig_pte.pfn().value});
    set_pte_at(vmf.system, vmf.address, vmf.pte,
               maybe_mkwrite(vmf.orig_pte.with(Pte::kAccessed | Pte::kDirty), vmf.vma));
    vmf.kind = &FaultStats::cow_reuse;
    return 0;
}

/// wp_page_copy(): a frame of its own for this address space, with what the old one holds.
u32 wp_page_copy(VmFaultInfo& vmf, Page* old_page) {
    MemorySystem& system = vmf.system;
    const Pfn old_pfn = vmf.orig_pte.pfn();
    anon_vma_prepare(vmf);
    if (old_page) {  // the copy waits for its first lines, the rest the host fetches ahead by itself
        const u8* const bytes = system.memory.frame(old_pfn);
        for (unsigned line = 0; line < 8; ++line) __builtin_prefetch(bytes + line * 64);
    }
    if (old_page) ++old_page->refcount;  // it must not be reclaimed while a frame is looked for
    const auto pfn = old_page ? system.alloc_page() : system.alloc_zeroed_page();
    if (pfn && old_page) system.memory.copy_frame(*pfn, old_pfn);
    if (old_page) system.put_page(old_pfn);
    vmf.kind = &FaultStats::cow_copy;
    if (!pfn) return VM_FAULT_OOM;
    if (!(ptep_get(vmf.pte) == vmf.orig_pte)) {  // the OOM killer has taken this memory back for the frame
        system.put_page(*pfn);
        return 0;
    }
    system.notify(
        {.kind = EventKind::kCowCopy, .address = vmf.address, .before = old_pfn.value, .after = pfn->value});
    if (old_page) --vmf.mm.rss_stat[mm_counter(*old_page)];
    add_new_anon_page(vmf, *pfn);
    ptep_get_and_clear(system, vmf.address, vmf.pte);
    flush_tlb_page(system, vmf.mm, vmf.address);
    set_pte_at(system, vmf.address, vmf.pte,
               maybe_mkwrite(mk_pte(*pfn, vmf.vma.vm_page_prot).with(Pte::kDirty), vmf.vma));
    if (old_page) {
        --old_page->mapcount;
        system.put_page(old_pfn);
    }
    return 0;
}

}  // namespace

u32 do_wp_page(VmFaultInfo& vmf) {
    Page* page = vm_normal_page(vmf.system, vmf.orig_pte);
    if (vmf.vma.vm_flags & (VM_SHARED | VM_MAYSHARE)) {  // wp_page_shared(): the first write to a clean page
        if (page) page->flags |= Page::kDirty;
        return wp_page_reuse(vmf);
    }
    // wp_can_reuse_anon_folio(): one reference, and it is ours. A copy in swap that nobody needs is no owner.
    if (page && page->is(Page::kSwapCache) && page->refcount == 2 && !vmf.system.swap.users(page->mapping))
        delete_from_swap_cache(vmf.system, *page);
    if (page && page->is(Page::kAnon) && (page->is(Page::kAnonExclusive) || page->refcount == 1)) {
        page->flags |= Page::kAnonExclusive;
        return wp_page_reuse(vmf);
    }
    return wp_page_copy(vmf, page);
}

namespace {

const char* branch_name(const VmFaultInfo& vmf) {
    if (!vmf.pte || pte_none(vmf.orig_pte)) return vmf.vma.is_anonymous() ? "do_anonymous_page" : "do_fault";
    if (!pte_present(vmf.orig_pte)) return "do_swap_page";
    return vmf.write() && !vmf.orig_pte.writable() ? "do_wp_page" : "young";
}

u32 handle_pte_fault(VmFaultInfo& vmf) {
    MemorySystem& system = vmf.system;
    if (Pte{*vmf.pmd}.present()) {
        vmf.pte = pte_alloc(system, vmf.mm, vmf.pmd, vmf.address);
        vmf.orig_pte = ptep_get(vmf.pte);
    }
    if (system.observer) [[unlikely]]
        system.observer->on_event({.kind = EventKind::kHandlePteFault,
                                   .address = vmf.address,
                                   .before = vmf.orig_pte.raw,
                                   .text = branch_name(vmf)});
    if (pte_none(vmf.orig_pte))  // do_pte_missing()
        return vmf.vma.is_anonymous() ? do_anonymous_page(vmf) : do_fault(vmf);
    if (!pte_present(vmf.orig_pte)) return do_swap_page(vmf);
    // A present page of an area without any right never gets here: access_error() came first.
    CHECK(vmf.orig_pte.present(), vmf.address, vmf.orig_pte.raw);
    if (vmf.write() && !vmf.orig_pte.writable()) return do_wp_page(vmf);
    const Pte young = vmf.orig_pte.with(Pte::kAccessed | (vmf.write() ? Pte::kDirty : 0));
    if (!(young == vmf.orig_pte)) set_pte_at(system, vmf.address, vmf.pte, young);
    system.notify({.kind = EventKind::kSpurious, .address = vmf.address});
    flush_tlb_page(system, vmf.mm, vmf.address);
    vmf.kind = &FaultStats::spurious;
    return 0;
}

u32 __handle_mm_fault(VmFaultInfo& vmf) {
    vmf.pmd = pmd_alloc_map(vmf.system, vmf.mm, vmf.address);
    if (!vmf.pmd) return VM_FAULT_OOM;
    if (!Pte{*vmf.pmd}.present() || pmd_trans_huge(*vmf.pmd)) {
        const u32 result = handle_huge_pmd_fault(vmf);
        if (!(result & VM_FAULT_FALLBACK)) return result;
    }
    return handle_pte_fault(vmf);
}

/// mm_account_fault(): a fault that failed counts for nobody here.
void mm_account_fault(const VmFaultInfo& vmf, u32 result) {
    if (result & VM_FAULT_ERROR) return;
    FaultStats& stats = vmf.system.faults;
    const bool major = result & VM_FAULT_MAJOR;
    ++(major ? vmf.mm.maj_flt : vmf.mm.min_flt);
    ++(major ? stats.major : stats.minor);
    ++(stats.*vmf.kind);
    if (vmf.flags & FAULT_FLAG_REMOTE) ++stats.populated;
    vmf.system.notify({.kind = EventKind::kFaultVerdict,
                       .address = vmf.address,
                       .after = major ? stats.major : stats.minor,
                       .text = major ? "major" : "minor"});
}

}  // namespace

u32 handle_mm_fault(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 address, u32 flags) {
    system.notify({.kind = EventKind::kHandleMmFault, .address = address, .flags = flags});
    VmFaultInfo vmf{system, mm, vma, mmu::align_down(address, mmu::kPageSize), flags};
    const u32 result = vma.vm_flags & VM_HUGETLB ? hugetlb_fault(vmf) : __handle_mm_fault(vmf);
    mm_account_fault(vmf, result);
    return result;
}

namespace {

/// populate_vma_page_range(): 0 or -errno.
int populate_area(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 start, u64 end) {
    if (vma.vm_flags & VM_LOCKONFAULT) return 0;
    if (!(vma.vm_flags & VM_ACCESS_FLAGS)) return -EFAULT;
    // A private writable area is written at once, so that its frames are its own.
    const bool write = (vma.vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
    const u32 flags = FAULT_FLAG_REMOTE | (write ? u32{FAULT_FLAG_WRITE} : 0);
    for (u64 address = start; address < end; address += mmu::kPageSize) {
        const Pte pte = leaf_of(system, mm, address);
        if (pte.present() && (!write || pte.writable())) continue;
        const u32 result = handle_mm_fault(system, mm, vma, address, flags);
        if (result & VM_FAULT_OOM) return -ENOMEM;
        if (result & VM_FAULT_ERROR) return -EFAULT;
    }
    return 0;
}

}  // namespace

int __mm_populate(MemorySystem& system, MmStruct& mm, u64 start, u64 end, PopulateErrors errors) {
    for (u64 at = start; at < end;) {
        VmAreaStruct* vma = mm.mm_mt.find_vma_intersection(at, end);
        if (!vma) break;
        const u64 stop = std::min(end, vma->vm_end);
        const int error = populate_area(system, mm, *vma, std::max(at, vma->vm_start), stop);
        if (error && (error == -ENOMEM || errors == PopulateErrors::kStop)) return error;
        at = stop;
    }
    return 0;
}

}  // namespace kernel
