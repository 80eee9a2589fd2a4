// Purpose: resizing and moving mappings. Linux: mm/mremap.c (6.12).
// Deviation: a page table that moves as a whole is rebuilt entry by entry.
#include "kernel/huge_memory.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/mmap.h"
#include "kernel/mseal.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

constexpr u64 kMayMove = 1, kFixed = 2, kDontUnmap = 4;
constexpr u64 kMapFixed = 0x10;

struct Move {
    u64 addr, old_len, new_addr, new_len, flags;
};

/// vma_to_resize(): may [addr, addr + old_len) become new_len long? 0 or -errno.
int vma_to_resize(const MmStruct& mm, const VmAreaStruct* vma, const Move& move) {
    if (!vma) return -EFAULT;
    if (!move.old_len && !(vma->vm_flags & (VM_SHARED | VM_MAYSHARE))) return -EINVAL;
    if ((move.flags & kDontUnmap) && (vma->vm_flags & VM_DONTEXPAND)) return -EINVAL;
    if (move.old_len > vma->vm_end - move.addr) return -EFAULT;
    if (move.new_len == move.old_len) return 0;
    const u64 pgoff = vma->index_of(move.addr);
    if (pgoff + pages_of(move.new_len) < pgoff) return -EINVAL;
    if (vma->vm_flags & VM_DONTEXPAND) return -EFAULT;
    if (!mlock_future_ok(mm, vma->vm_flags, move.new_len - move.old_len)) return -EAGAIN;
    if (!may_expand_vm(mm, vma->vm_flags, pages_of(move.new_len - move.old_len))) return -ENOMEM;
    return 0;
}

/// move_page_tables(): the same frames under other addresses. Tables are made first, so that it fails before
/// it has moved anything.
bool move_page_tables(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, const Move& move) {
    if (vma.vm_flags & VM_HUGETLB)
        return move_hugetlb_page_tables(system, mm, vma, move.addr, move.old_len, move.new_addr);
    const u64 end = move.addr + move.old_len;
    bool complete = prepare_huge_move(system, mm, move.addr, move.old_len, move.new_addr);
    walk_page_range(system, mm, move.addr, end, [&](u64 address, u64* ptep) {
        if (*ptep && complete)
            complete = pte_alloc_map(system, mm, address - move.addr + move.new_addr) != nullptr;
    });
    if (!complete) return false;
    MmuGather tlb(system, mm);
    move_huge_pmds(tlb, mm, move.addr, move.old_len, move.new_addr);
    walk_page_range(system, mm, move.addr, end, [&](u64 address, u64* ptep) {
        if (!*ptep) return;
        const u64 target = address - move.addr + move.new_addr;
        const Pte pte = ptep_get_and_clear(system, address, ptep);
        if (pte.present()) tlb.remove_tlb_entry(address);
        set_pte_at(system, target, pte_offset_map(system, mm, target), pte);
    });
    return true;
}

/// copy_vma(): the new area, which takes part in merging.
void copy_vma(MemorySystem& system, MmStruct& mm, const VmAreaStruct& old, const Move& move) {
    VmAreaStruct copy = old;
    copy.vm_start = move.new_addr;
    copy.vm_end = move.new_addr + move.new_len;
    // Anonymous memory that was never touched belongs to its new place, which lets it merge there.
    copy.vm_pgoff = old.is_anonymous() && !old.anon_vma ? pages_of(move.new_addr) : old.index_of(move.addr);
    if (copy.vm_file) system.page_cache.get(copy.vm_file);
    add_vma(system, mm, copy);
}

/// clear_vma_resv_huge_pages(): the reservation has moved with the pages.
void disown_hugetlb(MmStruct& mm, const Move& move) {
    VmAreaStruct* vma = mm.mm_mt.vma_lookup(move.addr);
    if (vma && vma->vm_start == move.addr && vma->vm_end == move.addr + move.old_len)
        vma->vm_flags &= ~VM_HUGETLB_OWNER;
}

i64 move_vma(MemorySystem& system, MmStruct& mm, const Move& move) {
    if (mm.map_count() >= kMaxMapCount - 3 || !mm.mm_mt.prepare()) return -ENOMEM;
    const VmAreaStruct old = *mm.mm_mt.vma_lookup(move.addr);
    const bool keep = move.flags & kDontUnmap;
    const u64 charged = pages_of(keep ? move.new_len : move.new_len - move.old_len);
    if ((old.vm_flags & VM_ACCOUNT) && !vm_enough_memory(system, charged)) return -ENOMEM;
    copy_vma(system, mm, old, move);
    const u64 peak = mm.hiwater_vm;
    vm_stat_account(mm, old.vm_flags, static_cast<i64>(pages_of(move.new_len)));
    if (old.vm_flags & VM_LOCKED) mm.locked_vm += pages_of(move.new_len);
    if (!move_page_tables(system, mm, old, move)) {
        CHECK(do_munmap(system, mm, move.new_addr, move.new_len) == 0, move.new_addr);
        mm.hiwater_vm = peak;
        return -ENOMEM;
    }
    if (keep) {
        VmAreaStruct* left = mm.mm_mt.vma_lookup(move.addr);
        if (left->vm_flags & VM_LOCKED) mm.locked_vm -= left->pages();
        left->vm_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
        if (left->vm_start == move.addr && left->vm_end == move.addr + move.old_len) left->anon_vma = 0;
    } else {
        disown_hugetlb(mm, move);
        // old_len 0 leaves the old area as it is: a second view of shared memory.
        if (move.old_len) do_munmap(system, mm, move.addr, move.old_len);
        mm.hiwater_vm = std::max(peak, mm.total_vm);
    }
    return static_cast<i64>(move.new_addr);
}

/// mremap_to(): a fixed target, or a move that leaves the old area.
i64 mremap_to(MemorySystem& system, MmStruct& mm, Move move) {
    if (page_offset(move.new_addr)) return -EINVAL;
    if (move.new_len > mm.task_size || move.new_addr > mm.task_size - move.new_len) return -EINVAL;
    if (move.addr + move.old_len > move.new_addr && move.new_addr + move.new_len > move.addr) return -EINVAL;
    if (mm.map_count() + 2 >= kMaxMapCount - 3) return -ENOMEM;
    if (move.flags & kFixed) {
        if (const int error = do_munmap(system, mm, move.new_addr, move.new_len)) return error;
    }
    if (move.old_len > move.new_len) {
        if (const int error = do_munmap(system, mm, move.addr + move.new_len, move.old_len - move.new_len))
            return error;
        move.old_len = move.new_len;
    }
    const VmAreaStruct* vma = mm.mm_mt.vma_lookup(move.addr);
    if (const int error = vma_to_resize(mm, vma, move)) return error;
    if ((move.flags & kDontUnmap) && !may_expand_vm(mm, vma->vm_flags, pages_of(move.old_len)))
        return -ENOMEM;
    const u64 map_flags = move.flags & kFixed ? kMapFixed : 0;
    const i64 place = get_unmapped_area(system, mm, move.new_addr, move.new_len, map_flags, vma->vm_flags,
                                        vma->is_anonymous());
    if (place < 0) return place;
    if (!(move.flags & kFixed)) move.new_addr = static_cast<u64>(place);
    return move_vma(system, mm, move);
}

/// vma_expandable() and what follows: grows in place. False: the space is taken. `error` is set if limits
/// forbid it.
bool expand_in_place(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 delta, int& error) {
    const u64 end = vma.vm_end + delta;
    if (end < vma.vm_end || end > mm.task_size) return false;
    if (mm.mm_mt.find_vma_intersection(vma.vm_end, end)) return false;
    const u64 pages = pages_of(delta);
    if ((vma.vm_flags & VM_ACCOUNT) && !vm_enough_memory(system, pages)) {
        error = -ENOMEM;
        return true;
    }
    VmAreaStruct extension = vma;
    extension.vm_start = vma.vm_end;
    extension.vm_end = end;
    extension.vm_pgoff = vma.vm_pgoff + vma.pages();
    if (extension.vm_file) system.page_cache.get(extension.vm_file);
    vm_stat_account(mm, extension.vm_flags, static_cast<i64>(pages));
    if (extension.vm_flags & VM_LOCKED) mm.locked_vm += pages;
    add_vma(system, mm, extension);
    return true;
}

i64 grow(MemorySystem& system, MmStruct& mm, VmAreaStruct* vma, Move move) {
    if (const int error = vma_to_resize(mm, vma, move)) return error;
    if (move.old_len == vma->vm_end - move.addr) {
        int error = 0;
        if (expand_in_place(system, mm, *vma, move.new_len - move.old_len, error))
            return error ? error : static_cast<i64>(move.addr);
    }
    if (!(move.flags & kMayMove)) return -ENOMEM;
    const i64 place = get_unmapped_area(system, mm, 0, move.new_len, 0, vma->vm_flags, vma->is_anonymous());
    if (place < 0) return place;
    move.new_addr = static_cast<u64>(place);
    return move_vma(system, mm, move);
}

/// What a mapping of huge pages can be asked for: whole pages, and no growth. 0 or -EINVAL.
int check_hugetlb(MemorySystem& system, const VmAreaStruct& vma, Move& move) {
    const u64 size = hstate_vma(system, vma).size();
    move.old_len = mmu::align_up(move.old_len, size);
    move.new_len = mmu::align_up(move.new_len, size);
    if (move.addr % size || move.new_addr % size) return -EINVAL;
    return move.new_len > move.old_len ? -EINVAL : 0;
}

}  // namespace

i64 sys_mremap(MemorySystem& system, MmStruct& mm, u64 addr, u64 old_len, u64 new_len, u64 flags,
               u64 new_addr) {
    if (flags & ~(kMayMove | kFixed | kDontUnmap)) return -EINVAL;
    if ((flags & kFixed) && !(flags & kMayMove)) return -EINVAL;
    if ((flags & kDontUnmap) && (!(flags & kMayMove) || old_len != new_len)) return -EINVAL;
    if (page_offset(addr)) return -EINVAL;
    Move move{addr, page_align(old_len), new_addr, page_align(new_len), flags};
    if (!move.new_len) return -EINVAL;
    VmAreaStruct* vma = mm.mm_mt.vma_lookup(addr);
    if (!vma) return -EFAULT;
    if (!can_modify_vma(*vma)) return -EPERM;
    if (vma->vm_flags & VM_HUGETLB)
        if (const int error = check_hugetlb(system, *vma, move)) return error;
    const u64 vm_flags = vma->vm_flags;
    i64 result = static_cast<i64>(addr);
    if (flags & (kFixed | kDontUnmap)) {
        result = mremap_to(system, mm, move);
    } else if (move.old_len > move.new_len) {
        if (const int error = do_munmap(system, mm, addr + move.new_len, move.old_len - move.new_len))
            return error;
    } else if (move.old_len < move.new_len) {
        result = grow(system, mm, vma, move);
    }
    if (result >= 0 && (vm_flags & VM_LOCKED) && move.new_len > move.old_len) {
        const u64 at = static_cast<u64>(result);
        mm_populate(system, mm, at + move.old_len, at + move.new_len);
    }
    return result;
}

}  // namespace kernel
