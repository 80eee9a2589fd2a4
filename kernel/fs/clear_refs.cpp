// Purpose: /proc/PID/clear_refs, with which a program's working set is measured: pages look as if nobody had
// used them (smaps: Referenced), until they are used again. As on Linux no translation is flushed, so that a
// page whose entry stays in a TLB looks unused. Linux: fs/proc/task_mmu.c clear_refs_write(),
// clear_refs_pte_range(). Deviation: no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY=n): 4 is taken and does
// nothing.
#include <cstdlib>

#include "kernel/fs/proc_table.h"
#include "kernel/huge_memory.h"
#include "kernel/mm_internal.h"

namespace kernel {

namespace {

enum ClearRefs : long { kAll = 1, kAnonymous, kMapped, kSoftDirty, kHiwaterRss };

void clear_area(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma) {
    if (vma.vm_flags & VM_HUGETLB) return;
    clear_huge_refs(system, mm, vma.vm_start, vma.vm_end);
    walk_page_range(system, mm, vma.vm_start, vma.vm_end, [&](u64 address, u64* ptep) {
        const Pte pte = ptep_get(ptep);
        Page* const page = pte.present() ? vm_normal_page(system, pte) : nullptr;
        if (!page) return;
        if (pte.accessed()) set_pte_at(system, address, ptep, pte.without(Pte::kAccessed));
        page->flags &= static_cast<u16>(~Page::kReferenced);
    });
}

}  // namespace

int clear_refs_write(KernelState& kernel, const OpenFile& file, const std::string& text) {
    const std::string number = text.substr(0, 12);
    char* rest = nullptr;
    const long type = std::strtol(number.c_str(), &rest, 10);
    if (rest == number.c_str() || (*rest && *rest != '\n') || type < kAll || type > kHiwaterRss)
        return -EINVAL;
    const Task* const task = kernel.find_task(static_cast<Pid>(file.object));
    if (!task) return -ESRCH;
    if (!task->mm) return 0;
    MmStruct& mm = kernel.mm_of(*task);
    if (type == kHiwaterRss) mm.hiwater_rss = mm.rss_pages();
    if (type >= kSoftDirty) return 0;
    for (const auto& [end, vma] : mm.mm_mt)
        if (type == kAll || (type == kMapped) == (vma.vm_file != 0)) clear_area(kernel.system, mm, vma);
    return 0;
}

}  // namespace kernel
