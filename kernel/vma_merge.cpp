// Purpose: the three edits of the set of VMAs: add, modify, split; and the sums and limits that go with them.
// Linux: mm/vma.c vma_merge_new_range(), vma_merge_existing_range(), vma_modify(), __split_vma().
// Deviation: an area that has anonymous pages merges with one that has none on either side, as Linux does
// since 6.15; 6.12 refuses that in one of the two directions.
#include <cerrno>

#include "kernel/huge_memory.h"
#include "kernel/mm_internal.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

/// VM_SPECIAL: areas that are never merged.
constexpr u64 kVmSpecial = VM_IO | VM_DONTEXPAND;

/// is_mergeable_anon_vma()
bool anon_vma_mergeable(u32 a, u32 b) {
    return a == 0 || b == 0 || a == b;
}

/// Would `right`, if it begins where `left` ends, continue it?
bool continues(const VmAreaStruct& left, const VmAreaStruct& right, u64 left_flags, u64 right_flags) {
    return left.vm_end == right.vm_start && left_flags == right_flags && !(left_flags & kVmSpecial) &&
           left.vm_file == right.vm_file && left.name == right.name &&
           left.vm_pgoff + left.pages() == right.vm_pgoff &&
           anon_vma_mergeable(left.anon_vma, right.anon_vma);
}

void set_start(MmStruct& mm, VmAreaStruct& vma, u64 start) {
    vma.vm_pgoff += pages_of(start) - pages_of(vma.vm_start);
    mm.mm_mt.set_range(vma, start, vma.vm_end);
}

void adopt_anon_vma(VmAreaStruct& vma, u32 anon_vma) {
    if (!vma.anon_vma) vma.anon_vma = anon_vma;
}

void drop_vma(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma) {
    const FileId file = vma.vm_file;
    mm.mm_mt.erase(vma);
    if (file) system.page_cache.put(system, file);
}

}  // namespace

bool vmas_mergeable(const VmAreaStruct& left, const VmAreaStruct& right) {
    return continues(left, right, left.vm_flags, right.vm_flags);
}

void vm_stat_account(MmStruct& mm, u64 vm_flags, i64 pages) {
    const u64 delta = static_cast<u64>(pages);  // may be negative: unsigned arithmetic wraps
    mm.total_vm += delta;
    if (is_exec_mapping(vm_flags)) {
        mm.exec_vm += delta;
    } else if (is_stack_mapping(vm_flags)) {
        mm.stack_vm += delta;
    } else if (is_data_mapping(vm_flags)) {
        mm.data_vm += delta;
    }
    mm.hiwater_vm = std::max(mm.hiwater_vm, mm.total_vm);
}

bool may_expand_vm(const MmStruct& mm, u64 vm_flags, u64 pages) {
    if (mm.total_vm + pages > pages_of(mm.rlimit(kRlimitAs))) return false;
    if (!is_data_mapping(vm_flags)) return true;
    const Limit& data = mm.rlimits[kRlimitData];
    if (mm.data_vm + pages <= pages_of(data.cur)) return true;
    return data.cur == 0 && mm.data_vm + pages <= pages_of(data.max);  // Linux's exception for Valgrind
}

namespace {

/// vm_committed_as, counted when it is asked for: only strict accounting (mode 2) does.
u64 committed_pages(const MemorySystem& system) {
    u64 pages = 0;
    for (const MmStruct* mm : system.address_spaces())
        for (const auto& [end, vma] : mm->mm_mt)
            if (vma.vm_flags & VM_ACCOUNT) pages += vma.pages();
    return pages;
}

}  // namespace

bool vm_enough_memory(const MemorySystem& system, u64 pages) {
    switch (system.overcommit) {
        case Overcommit::kAlways:
            return true;
        case Overcommit::kNever:  // vm_commit_limit() with overcommit_ratio 50
            return committed_pages(system) + pages <= system.buddy.managed_frames() / 2 + system.swap.total();
        case Overcommit::kGuess:
            break;
    }
    return pages <= system.mem_map.frames() + system.swap.total();
}

bool mlock_future_ok(const MmStruct& mm, u64 vm_flags, u64 bytes) {
    if (!(vm_flags & VM_LOCKED)) return true;
    return pages_of(bytes) + mm.locked_vm <= pages_of(mm.rlimit(kRlimitMemlock));
}

u64 vma_page_prot(const MemorySystem& system, const VmAreaStruct& vma) {
    const u64 prot = vm_get_page_prot(vma.vm_flags);
    if (!vma.vm_file || !(prot & Pte::kWritable)) return prot;
    const AddressSpace& space = system.page_cache.mapping_of(vma.vm_file);
    return space.shmem || space.hugetlb ? prot : prot & ~Pte::kWritable;
}

u64 vm_start_gap(const VmAreaStruct& vma) {
    if (!(vma.vm_flags & VM_GROWSDOWN)) return vma.vm_start;
    return vma.vm_start > kStackGuardGap ? vma.vm_start - kStackGuardGap : 0;
}

VmAreaStruct* split_vma(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 addr) {
    CHECK(vma.vm_start < addr && addr < vma.vm_end, vma.vm_start, addr, vma.vm_end);
    if (mm.map_count() >= kMaxMapCount || !mm.mm_mt.prepare()) return nullptr;
    vma_adjust_trans_huge(system, mm, addr);
    VmAreaStruct lower = vma;
    lower.vm_end = addr;
    set_start(mm, vma, addr);
    if (lower.vm_file) system.page_cache.get(lower.vm_file);
    return &mm.mm_mt.insert(lower);
}

namespace {

VmAreaStruct& tell_merge(MemorySystem& system, VmAreaStruct& vma) {
    system.notify({.kind = EventKind::kMapChange,
                   .level = 2,
                   .start = vma.vm_start,
                   .end = vma.vm_end,
                   .flags = vma.vm_flags,
                   .text = "vma_merge"});
    return vma;
}

}  // namespace

VmAreaStruct& add_vma(MemorySystem& system, MmStruct& mm, const VmAreaStruct& like) {
    auto after = mm.mm_mt.upper_bound(like.vm_start);
    VmAreaStruct* next = after == mm.mm_mt.end() ? nullptr : &after->second;
    VmAreaStruct* prev = after == mm.mm_mt.begin() ? nullptr : &std::prev(after)->second;
    CHECK(!next || next->vm_start >= like.vm_end, like.vm_start, like.vm_end);
    // Inside a stack's guard gap it frees what lies below it from the gap.
    if (next && (next->vm_flags & VM_GROWSDOWN)) note_free_area(mm, next->vm_end);
    const bool left = prev && continues(*prev, like, prev->vm_flags, like.vm_flags);
    const bool right = next && continues(like, *next, like.vm_flags, next->vm_flags) &&
                       (!left || anon_vma_mergeable(prev->anon_vma, next->anon_vma));
    if (!left && !right) return mm.mm_mt.insert(like);
    if (like.vm_file) system.page_cache.put(system, like.vm_file);
    if (!left) {
        set_start(mm, *next, like.vm_start);
        adopt_anon_vma(*next, like.anon_vma);
        return tell_merge(system, *next);
    }
    u64 end = like.vm_end;
    adopt_anon_vma(*prev, like.anon_vma);
    if (right) {
        end = next->vm_end;
        adopt_anon_vma(*prev, next->anon_vma);
        drop_vma(system, mm, *next);
    }
    mm.mm_mt.set_range(*prev, prev->vm_start, end);
    return tell_merge(system, *prev);
}

namespace {

/// vma_merge_existing_range(): null if [start, end) with `flags` cannot join a neighbour.
VmAreaStruct* merge_existing(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 start, u64 end,
                             u64 flags) {
    const bool left_side = start == vma.vm_start, right_side = end == vma.vm_end;
    VmAreaStruct* prev = left_side ? mm.mm_mt.prev_of(vma) : nullptr;
    VmAreaStruct* next = right_side ? mm.mm_mt.next_of(vma) : nullptr;
    const bool left = prev && continues(*prev, vma, prev->vm_flags, flags);
    const bool right = next && continues(vma, *next, flags, next->vm_flags) &&
                       (!left || anon_vma_mergeable(prev->anon_vma, next->anon_vma));
    if (left) {
        adopt_anon_vma(*prev, vma.anon_vma);
        u64 new_end = end;
        if (right_side) {
            drop_vma(system, mm, vma);
        } else {
            set_start(mm, vma, end);
        }
        if (right) {
            adopt_anon_vma(*prev, next->anon_vma);
            new_end = next->vm_end;
            drop_vma(system, mm, *next);
        }
        mm.mm_mt.set_range(*prev, prev->vm_start, new_end);
        return &tell_merge(system, *prev);
    }
    if (right) {
        adopt_anon_vma(*next, vma.anon_vma);
        if (left_side) {
            drop_vma(system, mm, vma);
        } else {
            mm.mm_mt.set_range(vma, vma.vm_start, start);
        }
        set_start(mm, *next, start);
        return &tell_merge(system, *next);
    }
    return nullptr;
}

}  // namespace

VmAreaStruct* vma_modify_flags(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 start, u64 end,
                               u64 new_flags) {
    vma_adjust_trans_huge(system, mm, start);
    vma_adjust_trans_huge(system, mm, end);
    if (VmAreaStruct* merged = merge_existing(system, mm, vma, start, end, new_flags)) return merged;
    VmAreaStruct* target = &vma;
    if (vma.vm_start < start && !split_vma(system, mm, vma, start)) return nullptr;
    if (end < vma.vm_end) {
        target = split_vma(system, mm, vma, end);
        if (!target) return nullptr;
    }
    target->vm_flags = new_flags;
    target->vm_page_prot = vma_page_prot(system, *target);
    mm.mm_mt.mirror(*target);
    system.notify({.kind = EventKind::kMapChange,
                   .start = target->vm_start,
                   .end = target->vm_end,
                   .flags = new_flags,
                   .text = "vma_modify"});
    return target;
}

u32 find_mergeable_anon_vma(MmStruct& mm, const VmAreaStruct& vma) {
    const auto compatible = [](const VmAreaStruct& a, const VmAreaStruct& b) {
        return a.vm_end == b.vm_start && a.vm_file == b.vm_file &&
               !((a.vm_flags ^ b.vm_flags) & ~VM_ACCESS_FLAGS) && a.vm_pgoff + a.pages() == b.vm_pgoff;
    };
    const VmAreaStruct* next = mm.mm_mt.next_of(vma);
    if (next && next->anon_vma && compatible(vma, *next)) return next->anon_vma;
    const VmAreaStruct* prev = mm.mm_mt.prev_of(vma);
    if (prev && prev->anon_vma && compatible(*prev, vma)) return prev->anon_vma;
    return 0;
}

}  // namespace kernel
