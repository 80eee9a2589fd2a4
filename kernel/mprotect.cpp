// Purpose: changing rights. Linux: mm/mprotect.c do_mprotect_pkey(), mprotect_fixup(), change_pte_range(),
// arch/x86/include/asm/tlbflush.h pte_needs_flush().
#include "kernel/huge_memory.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/mmap.h"
#include "kernel/mseal.h"
#include "kernel/pkeys.h"

namespace kernel {

namespace {

/// can_change_pte_writable(): no write fault would have to do anything but set the bit.
bool can_change_pte_writable(MemorySystem& system, const VmAreaStruct& vma, Pte pte) {
    if (!(vma.vm_flags & VM_WRITE) || !pte.present()) return false;
    if (vma.vm_flags & VM_SHARED) return pte.dirty();
    const Page* page = vm_normal_page(system, pte);
    return page && page->is(Page::kAnon) && page->is(Page::kAnonExclusive);
}

/// pte_modify(): other rights, the same page, the same A and D.
Pte pte_modify(Pte pte, u64 page_prot) {
    constexpr u64 kKept = Pte::kAddressMask | Pte::kAccessed | Pte::kDirty | Pte::kSpecial;
    const u64 rights = page_prot & Pte::kPresent ? page_prot & ~Pte::kAccessed : kPageProtNone;
    return Pte{(pte.raw & kKept) | rights};
}

}  // namespace

bool pte_needs_flush(Pte before, Pte after) {
    if (!before.present()) return false;
    constexpr u64 kFlushOnClear = Pte::kDirty | Pte::kPresent;
    constexpr u64 kFlushOnChange = Pte::kWritable | Pte::kUser | Pte::kWriteThrough | Pte::kCacheDisable |
                                   Pte::kLarge | Pte::kGlobal | Pte::kNoExecute | kPagePkeyMask;
    const u64 changed = before.raw ^ after.raw;
    return (changed & before.raw & kFlushOnClear) || (changed & kFlushOnChange);
}

Pte changed_protection(MemorySystem& system, const VmAreaStruct& vma, Pte before) {
    const Pte after = pte_modify(before, vma.vm_page_prot);
    return !after.writable() && can_change_pte_writable(system, vma, after) ? after.with(Pte::kWritable)
                                                                            : after;
}

namespace {

void change_protection(MmuGather& tlb, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end) {
    MemorySystem& system = tlb.system();
    if (vma.vm_flags & VM_HUGETLB) return hugetlb_change_protection(tlb, mm, vma, start, end);
    change_huge_pmds(tlb, mm, vma, start, end);
    walk_page_range(system, mm, start, end, [&](u64 address, u64* ptep) {
        const Pte before = ptep_get(ptep);
        if (!pte_present(before)) return;  // nothing, or a swap entry
        const Pte after = changed_protection(system, vma, before);
        set_pte_at(system, address, ptep, after);
        if (pte_needs_flush(before, after)) tlb.remove_tlb_entry(address);
    });
}

/// mprotect_fixup(): one area's part [start, end). 0 or -errno.
int mprotect_fixup(MmuGather& tlb, MmStruct& mm, VmAreaStruct& vma, u64 start, u64 end, u64 new_flags) {
    MemorySystem& system = tlb.system();
    const u64 old_flags = vma.vm_flags;
    if (!can_modify_vma(vma)) return -EPERM;
    if (new_flags == old_flags) return 0;
    const u64 pages = pages_of(end - start);
    if (new_flags & VM_WRITE) {
        // Making memory writable turns it into data, which has limits of its own.
        if (!may_expand_vm(mm, new_flags, pages) && may_expand_vm(mm, old_flags, pages)) return -ENOMEM;
        if (!(old_flags & (VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE))) {
            if (!vm_enough_memory(system, pages)) return -ENOMEM;
            new_flags |= VM_ACCOUNT;
        }
    } else if ((old_flags & VM_ACCOUNT) && vma.is_anonymous() && !vma.anon_vma) {
        new_flags &= ~VM_ACCOUNT;
    }
    if (const int error = hugetlb_vm_op_split(system, vma, start)) return error;
    if (const int error = hugetlb_vm_op_split(system, vma, end)) return error;
    VmAreaStruct* changed = vma_modify_flags(system, mm, vma, start, end, new_flags);
    if (!changed) return -ENOMEM;
    change_protection(tlb, mm, *changed, start, end);
    if ((old_flags & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED && (new_flags & VM_WRITE))
        mm_populate(system, mm, start, end);
    vm_stat_account(mm, old_flags, -static_cast<i64>(pages));
    vm_stat_account(mm, new_flags, static_cast<i64>(pages));
    return 0;
}

i64 do_mprotect_pkey(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 prot, int pkey) {
    const u64 grows = prot & (PROT_GROWSDOWN_ | PROT_GROWSUP_);
    prot &= ~(PROT_GROWSDOWN_ | PROT_GROWSUP_);
    if (grows == (PROT_GROWSDOWN_ | PROT_GROWSUP_)) return -EINVAL;
    if (page_offset(start)) return -EINVAL;
    if (!len) return 0;
    len = page_align(len);
    const u64 end = start + len;
    if (end <= start) return -ENOMEM;
    if (prot & ~(PROT_READ_ | PROT_WRITE_ | PROT_EXEC_ | PROT_SEM_)) return -EINVAL;
    if (pkey != kNoPkey && !mm_pkey_is_allocated(system, mm, pkey)) return -EINVAL;
    VmAreaStruct* vma = mm.mm_mt.find_vma_intersection(start, end);
    if (!vma) return -ENOMEM;
    if (grows == PROT_GROWSDOWN_) {
        start = vma->vm_start;
        if (!(vma->vm_flags & VM_GROWSDOWN)) return -EINVAL;
    } else {
        if (vma->vm_start > start) return -ENOMEM;
        if (grows == PROT_GROWSUP_) return -EINVAL;  // x86 has no area that grows up
    }
    MmuGather tlb(system, mm);
    while (start < end) {
        vma = mm.mm_mt.vma_lookup(start);
        if (!vma) return -ENOMEM;  // a hole: what lies before it is changed
        const int new_pkey = arch_override_mprotect_pkey(system, mm, *vma, prot, pkey);
        const u64 kept = vma->vm_flags & ~(VM_ACCESS_FLAGS | ARCH_VM_PKEY_FLAGS);
        const u64 new_flags = calc_vm_prot_bits(prot) | pkey_vm_flags(new_pkey) | kept;
        // VM_MAY* are the rights four bits further up.
        if (new_flags & ~(new_flags >> 4) & VM_ACCESS_FLAGS) return -EACCES;
        const u64 stop = std::min(vma->vm_end, end);
        if (const int error = mprotect_fixup(tlb, mm, *vma, start, stop, new_flags)) return error;
        start = stop;
    }
    return 0;
}

}  // namespace

i64 sys_mprotect(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 prot) {
    return do_mprotect_pkey(system, mm, start, len, prot, kNoPkey);
}

i64 sys_pkey_mprotect(MemorySystem& system, MmStruct& mm, u64 start, u64 len, u64 prot, int pkey) {
    return do_mprotect_pkey(system, mm, start, len, prot, pkey);
}

}  // namespace kernel
