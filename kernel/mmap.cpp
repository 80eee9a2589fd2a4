// Purpose: mmap(2): checks in Linux's order, then one new area. Linux: arch/x86/kernel/sys_x86_64.c,
// mm/mmap.c ksys_mmap_pgoff(), do_mmap(), mm/vma.c mmap_region().
#include "kernel/mmap.h"

#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/mseal.h"
#include "kernel/pkeys.h"

namespace kernel {

namespace {

constexpr u64 kMapShared = 1, kMapPrivate = 2, kMapSharedValidate = 3, kMapDroppable = 8, kMapType = 0xf,
              kMapFixed = 0x10, kMapGrowsdown = 0x100, kMapLocked = 0x2000, kMapNoreserve = 0x4000,
              kMapPopulate = 0x8000, kMapNonblock = 0x10000, kMapStack = 0x20000, kMapHugetlb = 0x40000,
              kMapFixedNoreplace = 0x100000;
/// LEGACY_MAP_MASK: what MAP_SHARED_VALIDATE accepts.
constexpr u64 kLegacyMapMask = kMapShared | kMapPrivate | kMapFixed | 0x20 | 0x800 | 0x1000 | kMapLocked |
                               kMapNoreserve | kMapPopulate | kMapNonblock | kMapStack | kMapHugetlb | 0x40 |
                               kMapGrowsdown | 0x4000000 /* UNINITIALIZED */ | 0x80 /* ABOVE4G */ |
                               u64{21} << 26 | u64{30} << 26 /* HUGE_2MB, HUGE_1GB */;
constexpr u64 kMaxFileBytes = ~u64{0} >> 1;  // MAX_LFS_FILESIZE

/// calc_vm_flag_bits()
u64 vm_flags_of_map(u64 flags) {
    u64 vm_flags = 0;
    if (flags & kMapGrowsdown) vm_flags |= VM_GROWSDOWN;
    if (flags & kMapLocked) vm_flags |= VM_LOCKED;
    if (flags & kMapStack) vm_flags |= VM_NOHUGEPAGE;
    return vm_flags;
}

/// do_mmap()'s switch for files: 0, or -errno; adds to `vm_flags`.
int check_file(const MmapFile& file, u64 prot, u64 flags, u64 pgoff, u64 len, u64& vm_flags) {
    if (len > kMaxFileBytes || pgoff > pages_of(kMaxFileBytes - len)) return -EOVERFLOW;
    const u64 type = flags & kMapType;
    if (type != kMapShared && type != kMapSharedValidate && type != kMapPrivate) return -EINVAL;
    if (type != kMapPrivate) {
        if (type == kMapSharedValidate && (flags & ~(kLegacyMapMask | kMapSharedValidate)))
            return -EOPNOTSUPP;
        if ((prot & PROT_WRITE_) && !file.writable) return -EACCES;
        vm_flags |= VM_SHARED | VM_MAYSHARE;
        if (!file.writable) vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
        if (file.write_sealed && (prot & PROT_WRITE_)) return -EPERM;
        if (file.write_sealed) vm_flags &= ~VM_MAYWRITE;
    }
    if (!file.readable) return -EACCES;
    if (file.path_noexec) {
        if (vm_flags & VM_EXEC) return -EPERM;
        vm_flags &= ~VM_MAYEXEC;
    }
    if (!file.backing && !file.dev_zero && !file.hugetlb && !file.attached) return -ENODEV;
    if (vm_flags & VM_GROWSDOWN) return -EINVAL;
    return 0;
}

/// The same for anonymous memory.
int check_anonymous(u64 flags, u64& vm_flags) {
    switch (flags & kMapType) {
        case kMapShared:
            if (vm_flags & VM_GROWSDOWN) return -EINVAL;
            vm_flags |= VM_SHARED | VM_MAYSHARE;
            return 0;
        case kMapDroppable:
            if ((flags & (kMapLocked | kMapHugetlb)) || (vm_flags & VM_GROWSDOWN)) return -EINVAL;
            vm_flags |= VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
            return 0;
        case kMapPrivate:
            return 0;
        default:
            return -EINVAL;
    }
}

/// What the area is backed by. 0: anonymous; nothing: -ENOMEM.
std::optional<FileId> backing_of(MemorySystem& system, MmapFile* file, u64 vm_flags, u64 len) {
    if (file && file->hugetlb) {
        // A private mapping has a file of its own, for its reservation.
        if (vm_flags & VM_MAYSHARE) system.page_cache.get(file->hugetlb);
        return vm_flags & VM_MAYSHARE ? file->hugetlb : system.page_cache.open_again(file->hugetlb);
    }
    if (file && file->attached) {
        system.page_cache.get(file->attached);
        return file->attached;
    }
    if (file && !file->dev_zero) return system.page_cache.open(system, *file);
    if (!(vm_flags & VM_SHARED)) return FileId{0};
    if (!(vm_flags & VM_NORESERVE) && !vm_enough_memory(system, pages_of(len))) return std::nullopt;
    return system.page_cache.open_shmem(pages_of(len));
}

/// mmap(MAP_HUGETLB) without a file: one of its own, as long as the mapping.
i64 mmap_huge(MemorySystem& system, MmStruct& mm, u64 addr, u64 len, u64 prot, u64 flags, u64 offset) {
    constexpr u64 kMapHugeShift = 26, kMapHugeMask = 63;
    const HState* h = hstate_sizelog(system, (flags >> kMapHugeShift) & kMapHugeMask);
    if (!h) return -EINVAL;
    len = mmu::align_up(len, h->size());
    MmapFile file;
    file.readable = file.writable = true;
    file.hugetlb = hugetlb_file_setup(system, *h, len, "/anon_hugepage (deleted)");
    const i64 result = sys_mmap(system, mm, addr, len, prot, flags & ~kMapHugetlb, &file, offset);
    system.page_cache.put(system, file.hugetlb);
    return result;
}

}  // namespace

i64 sys_mmap(MemorySystem& system, MmStruct& mm, u64 addr, u64 len, u64 prot, u64 flags, MmapFile* file,
             u64 offset) {
    if (page_offset(offset)) return -EINVAL;
    u64 pgoff = pages_of(offset);
    if (!file && (flags & kMapHugetlb)) return mmap_huge(system, mm, addr, len, prot, flags, offset);
    const u64 huge_size = file && file->hugetlb
                              ? mmu::kPageSize << system.page_cache.mapping_of(file->hugetlb).hugetlb->order
                              : 0;
    if (huge_size) {
        len = mmu::align_up(len, huge_size);
    } else if (flags & kMapHugetlb) {
        return -EINVAL;
    }
    if (!len) return -EINVAL;
    if (flags & kMapFixedNoreplace) flags |= kMapFixed;
    if (!(flags & kMapFixed)) {  // round_hint_to_min()
        addr = mmu::align_down(addr, mmu::kPageSize);
        if (addr && addr < kMmapMinAddr) addr = kMmapMinAddr;
    }
    len = page_align(len);
    if (!len) return -ENOMEM;
    if (pgoff + pages_of(len) < pgoff) return -EOVERFLOW;
    if (mm.map_count() > kMaxMapCount) return -ENOMEM;

    u64 vm_flags = calc_vm_prot_bits(prot) | vm_flags_of_map(flags) | mm.def_flags | VM_MAYREAD |
                   VM_MAYWRITE | VM_MAYEXEC;
    const u64 shared = flags & kMapShared ? VM_SHARED : 0;
    const i64 place = huge_size ? hugetlb_get_unmapped_area(mm, addr, len, flags, huge_size)
                                : get_unmapped_area(system, mm, addr, len, flags, vm_flags | shared, !file);
    if (place < 0) return place;
    addr = static_cast<u64>(place);
    if ((flags & kMapFixedNoreplace) && mm.mm_mt.find_vma_intersection(addr, addr + len)) return -EEXIST;
    if (prot == PROT_EXEC_) {
        const int pkey = execute_only_pkey(system, mm);
        vm_flags |= pkey_vm_flags(pkey < 0 ? 0 : pkey);
    }
    if ((flags & kMapLocked) && !can_do_mlock(mm)) return -EPERM;
    if (!mlock_future_ok(mm, vm_flags, len)) return -EAGAIN;

    if (const int error =
            file ? check_file(*file, prot, flags, pgoff, len, vm_flags) : check_anonymous(flags, vm_flags))
        return error;
    const bool anonymous = !file || file->dev_zero;
    if (anonymous) pgoff = vm_flags & VM_SHARED ? 0 : pages_of(addr);
    // With strict overcommit nothing goes unaccounted but huge pages, whose pool is the limit.
    if ((flags & kMapNoreserve) && (system.overcommit != Overcommit::kNever || huge_size))
        vm_flags |= VM_NORESERVE;
    const bool populate = (vm_flags & VM_LOCKED) || (flags & (kMapPopulate | kMapNonblock)) == kMapPopulate;
    if (huge_size) vm_flags = (vm_flags & ~(VM_LOCKED | VM_LOCKONFAULT)) | VM_HUGETLB | VM_DONTEXPAND;
    const auto backing = backing_of(system, file, vm_flags, len);
    if (!backing) return -ENOMEM;
    const i64 result = mmap_region(system, mm, addr, len, vm_flags, pgoff, *backing);
    if (result >= 0 && populate) mm_populate(system, mm, addr, addr + len);
    return result;
}

i64 sys_remap_file_pages(MemorySystem& system, MmStruct& mm, u64 start, u64 size, u64 prot, u64 pgoff,
                         u64 flags) {
    if (prot) return -EINVAL;
    start = mmu::align_down(start, mmu::kPageSize);
    size = mmu::align_down(size, mmu::kPageSize);
    if (start + size <= start || pgoff + pages_of(size) < pgoff) return -EINVAL;
    const VmAreaStruct* vma = mm.mm_mt.vma_lookup(start);
    if (!vma || !(vma->vm_flags & VM_SHARED)) return -EINVAL;
    const VmAreaStruct first = *vma;
    while (vma && start + size > vma->vm_end) {  // more areas, which must be of the same kind
        const VmAreaStruct* next = mm.mm_mt.next_of(*vma);
        if (!next || next->vm_start != vma->vm_end || next->vm_file != first.vm_file ||
            next->vm_flags != first.vm_flags)
            return -EINVAL;
        vma = next;
    }
    flags = (flags & kMapNonblock) | kMapShared | kMapFixed | kMapPopulate;
    if (first.vm_flags & VM_LOCKED) flags |= kMapLocked;
    MmapFile file;
    file.readable = true;
    file.writable = system.page_cache.file(first.vm_file).writable;
    file.attached = first.vm_file;
    if (first.vm_flags & VM_HUGETLB) file.hugetlb = first.vm_file;
    system.page_cache.get(first.vm_file);  // it goes on while its areas are taken away
    const i64 result = sys_mmap(system, mm, start, size, first.vm_flags & VM_ACCESS_FLAGS, flags, &file,
                                pgoff << mmu::kPageShift);
    system.page_cache.put(system, first.vm_file);
    return result < 0 ? result : 0;
}

i64 mmap_region(MemorySystem& system, MmStruct& mm, u64 addr, u64 len, u64 vm_flags, u64 pgoff, FileId file) {
    const auto fail = [&](int error) {
        if (file) system.page_cache.put(system, file);
        return static_cast<i64>(error);
    };
    const u64 end = addr + len;
    u64 replaced = 0, replaced_accounted = 0;
    for (auto it = mm.mm_mt.upper_bound(addr); it != mm.mm_mt.end() && it->second.vm_start < end; ++it) {
        const u64 overlap = pages_of(std::min(end, it->second.vm_end) - std::max(addr, it->second.vm_start));
        replaced += overlap;
        if (it->second.vm_flags & VM_ACCOUNT) replaced_accounted += overlap;
    }
    const u64 pages = pages_of(len);
    system.notify({.kind = EventKind::kMapChange,
                   .level = 1,
                   .start = addr,
                   .end = end,
                   .flags = vm_flags,
                   .text = "mmap_region"});
    if (!mm.mm_mt.prepare()) return fail(-ENOMEM);
    if (!may_expand_vm(mm, vm_flags, pages - replaced)) return fail(-ENOMEM);
    if (accountable_mapping(vm_flags)) {
        const u64 charged = pages - replaced_accounted;
        if (charged && !vm_enough_memory(system, charged)) return fail(-ENOMEM);
        vm_flags |= VM_ACCOUNT;
    }
    if (replaced) {
        if (const int error = do_munmap(system, mm, addr, len)) return fail(error);
    }
    VmAreaStruct vma;
    vma.vm_start = addr;
    vma.vm_end = end;
    vma.vm_flags = vm_flags;
    vma.vm_pgoff = pgoff;
    vma.vm_file = file;
    vma.vm_page_prot = vma_page_prot(system, vma);
    if (vm_flags & VM_HUGETLB)
        if (const int error = hugetlb_file_mmap(system, vma)) return fail(error);
    add_vma(system, mm, vma);
    vm_stat_account(mm, vm_flags, static_cast<i64>(pages));
    if (vm_flags & VM_LOCKED) mm.locked_vm += pages;
    system.notify(
        {.kind = EventKind::kMapChange, .start = addr, .end = end, .flags = vm_flags, .text = "mmap_region"});
    return static_cast<i64>(addr);
}

}  // namespace kernel
