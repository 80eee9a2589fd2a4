// Purpose: the heap's end. Linux: mm/mmap.c SYSCALL_DEFINE1(brk), do_brk_flags(), vm_brk_flags().
#include "kernel/mm_internal.h"
#include "kernel/mmap.h"

namespace kernel {

namespace {

bool check_data_rlimit(const MmStruct& mm, u64 brk) {
    const u64 limit = mm.rlimit(kRlimitData);
    return limit == kRlimInfinity || (brk - mm.start_brk) + (mm.end_data - mm.start_data) <= limit;
}

/// check_brk_limits(): may [addr, addr + len) be mapped at all?
int check_brk_limits(const MmStruct& mm, u64 addr, u64 len) {
    if (len > mm.task_size || addr > mm.task_size - len) return -ENOMEM;
    if (page_offset(addr)) return -EINVAL;
    if (addr < kMmapMinAddr) return -EPERM;
    return mlock_future_ok(mm, mm.def_flags, len) ? 0 : -EAGAIN;
}

int do_brk_flags(MemorySystem& system, MmStruct& mm, u64 addr, u64 len, u64 flags) {
    flags |= VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT | mm.def_flags;
    const u64 pages = pages_of(len);
    system.notify({.kind = EventKind::kMapChange,
                   .level = 1,
                   .start = addr,
                   .end = addr + len,
                   .flags = flags,
                   .text = "do_brk_flags"});
    if (!may_expand_vm(mm, flags, pages)) return -ENOMEM;
    if (mm.map_count() > kMaxMapCount) return -ENOMEM;
    if (!vm_enough_memory(system, pages) || !mm.mm_mt.prepare()) return -ENOMEM;
    VmAreaStruct vma;
    vma.vm_start = addr;
    vma.vm_end = addr + len;
    vma.vm_flags = flags;
    vma.vm_page_prot = vm_get_page_prot(flags);
    vma.vm_pgoff = pages_of(addr);
    add_vma(system, mm, vma);
    vm_stat_account(mm, flags, static_cast<i64>(pages));
    if (flags & VM_LOCKED) mm.locked_vm += pages;
    system.notify({.kind = EventKind::kMapChange,
                   .start = addr,
                   .end = addr + len,
                   .flags = flags,
                   .text = "do_brk_flags"});
    return 0;
}

/// The growing half: false leaves everything as it was.
bool grow_brk(MemorySystem& system, MmStruct& mm, u64 old_end, u64 new_end) {
    if (check_brk_limits(mm, old_end, new_end - old_end)) return false;
    // At least a page must stay free above the heap; a stack there keeps its guard gap.
    const u64 above = new_end + mmu::kPageSize;
    const VmAreaStruct* next = mm.mm_mt.find_vma_intersection(old_end, above + kStackGuardGap);
    if (next && above > vm_start_gap(*next)) return false;
    return do_brk_flags(system, mm, old_end, new_end - old_end, 0) == 0;
}

}  // namespace

u64 sys_brk(MemorySystem& system, MmStruct& mm, u64 brk) {
    if (brk < mm.start_brk || !check_data_rlimit(mm, brk)) return mm.brk;
    const u64 new_end = page_align(brk), old_end = page_align(mm.brk);
    if (new_end < brk) return mm.brk;  // page_align() wrapped
    if (new_end == old_end) return mm.brk = brk;
    if (brk <= mm.brk) {
        const VmAreaStruct* vma = mm.mm_mt.find_vma_intersection(new_end, old_end);
        if (!vma) return mm.brk;
        if (do_munmap(system, mm, new_end, old_end - new_end)) return mm.brk;
        return mm.brk = brk;
    }
    if (!grow_brk(system, mm, old_end, new_end)) return mm.brk;
    mm.brk = brk;
    if (mm.def_flags & VM_LOCKED) mm_populate(system, mm, old_end, new_end);
    return mm.brk;
}

int vm_brk_flags(MemorySystem& system, MmStruct& mm, u64 addr, u64 request, u64 vm_flags) {
    const u64 len = page_align(request);
    if (len < request) return -ENOMEM;
    if (!len) return 0;
    if (vm_flags & ~VM_EXEC) return -EINVAL;
    if (const int error = check_brk_limits(mm, addr, len)) return error;
    if (const int error = do_munmap(system, mm, addr, len)) return error;
    if (const int error = do_brk_flags(system, mm, addr, len, vm_flags)) return error;
    if (mm.def_flags & VM_LOCKED) mm_populate(system, mm, addr, addr + len);
    return 0;
}

}  // namespace kernel
