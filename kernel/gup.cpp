#include "kernel/gup.h"

#include "kernel/mm_internal.h"

namespace kernel {

namespace {

/// The entry that maps `address`, of whatever size; null: none.
u64* leaf_entry(MemorySystem& system, const MmStruct& mm, u64 address) {
    Pfn table = mm.pgd;
    for (unsigned level = mm.levels;; --level) {
        u64* entry = &table_words(system, table)[mmu::VirtAddr{address}.table_index(level)];
        if (!Pte{*entry}.present()) return nullptr;
        if (level == 1 || Pte{*entry}.large()) return entry;
        table = Pte{*entry}.pfn();
    }
}

}  // namespace

u8* get_user_page(MemorySystem& system, MmStruct& mm, u64 address, GupAccess access) {
    const bool write = access == GupAccess::kWrite;
    if (address >= mm.task_size) return nullptr;
    constexpr unsigned kMostFaultsOfOnePage = 4;
    for (unsigned tries = 0; tries < kMostFaultsOfOnePage; ++tries) {
        VmAreaStruct* vma = lock_mm_and_find_vma(system, mm, address);
        if (!vma || !(vma->vm_flags & (write ? VM_WRITE : VM_READ)) || (vma->vm_flags & VM_IO))
            return nullptr;
        const Pte pte = leaf_of(system, mm, address);
        if (pte.present() && (!write || pte.writable())) {
            if (write) {  // FOLL_TOUCH
                u64* entry = leaf_entry(system, mm, address);
                set_pte_at(system, address, entry, Pte{*entry}.with(Pte::kDirty | Pte::kAccessed));
                system.memory.note_write(pte.pfn());
            }
            return system.memory.frame(pte.pfn());
        }
        const u32 flags = FAULT_FLAG_REMOTE | (write ? u32{FAULT_FLAG_WRITE} : 0);
        if (handle_mm_fault(system, mm, *vma, address, flags) & VM_FAULT_ERROR) return nullptr;
    }
    return nullptr;
}

}  // namespace kernel
