// Purpose: shmget, shmat, shmdt, shmctl. See shm.h. Linux: ipc/shm.c newseg(), do_shmat(), ksys_shmdt(),
// ksys_shmctl(), ipc/util.c. Deviation: no namespaces; shm_dtime and shm_lpid change with shmdt() and shmat()
// and not with the end of a process; a segment that is to go goes when the next call looks.
#include "kernel/shm.h"

#include <sys/shm.h>

#include "kernel/fs/proc_table.h"
#include "kernel/hugetlb.h"
#include "kernel/ipc_util.h"
#include "kernel/mm_internal.h"
#include "kernel/mmap.h"
#include "kernel/uaccess.h"

namespace kernel {

namespace {

constexpr u64 kShmMax = ~u64{0} - (u64{1} << 24);
constexpr u32 kDest = 01000, kLocked = 02000;
constexpr int kShmHugetlb = 04000, kShmNoreserve = 010000;

/// shm_nattch: areas that map it.
u64 attachments(const KernelState& kernel, const ShmSegment& segment) {
    return kernel.system.page_cache.areas_of(segment.file) - 1;  // one reference is the segment's
}

/// shm_add_rss_swap(): pages of 4 KiB in memory.
u64 resident_pages(const KernelState& kernel, const ShmSegment& segment) {
    const AddressSpace& space = kernel.system.page_cache.mapping_of(segment.file);
    return space.hugetlb ? space.hugetlb->pages.size() << space.hugetlb->order : space.nrpages;
}

/// shm_destroy() of those that are marked and that nobody maps any more.
void destroy_unused(KernelState& kernel) {
    auto& segments = kernel.shm.segments;
    for (auto it = segments.begin(); it != segments.end();) {
        if (!(it->second.mode & kDest) || attachments(kernel, it->second)) {
            ++it;
            continue;
        }
        kernel.system.page_cache.put(kernel.system, it->second.file);
        it = segments.erase(it);
    }
}

ShmSegment* find_segment(KernelState& kernel, int id) {
    destroy_unused(kernel);
    const auto found = kernel.shm.segments.find(id);
    return found == kernel.shm.segments.end() ? nullptr : &found->second;
}

/// newseg()
i64 new_segment(KernelState& kernel, Task& task, u32 key, u64 size, int flags) {
    MemorySystem& system = kernel.system;
    if (size < 1 || size > kShmMax) return -EINVAL;
    if (page_align(size) < size) return -ENOSPC;
    if (kernel.shm.segments.size() >= ShmState::kShmMni) return -ENOSPC;
    const std::string path = proc_format("/SYSV%08x (deleted)", key);
    FileId file = 0;
    if (flags & kShmHugetlb) {
        HState* h = hstate_sizelog(system, static_cast<u64>(flags) >> 26 & 63);
        if (!h) return -EINVAL;
        if (host::geteuid() != 0) return -EPERM;  // can_do_hugetlb_shm(): CAP_IPC_LOCK or its group
        file = hugetlb_file_setup(system, *h, mmu::align_up(size, h->size()), path);
        if (!(flags & kShmNoreserve) && hugetlb_reserve_file(system, file)) {
            system.page_cache.put(system, file);
            return -ENOMEM;
        }
    } else {
        if (!(flags & kShmNoreserve) && !vm_enough_memory(system, pages_of(page_align(size)))) return -ENOMEM;
        file = system.page_cache.open_shmem(pages_of(page_align(size)), path);
    }
    ShmSegment segment;
    segment.size = size;
    segment.file = file;
    segment.cpid = task.tgid;
    const int id = ipc_add(kernel.shm, kernel.shm.segments, segment, kernel, key, flags, ShmState::kShmMni);
    // What /proc/PID/maps shows as device and inode.
    system.page_cache.mapping_of(file).identity = {1, static_cast<u64>(id)};
    return id;
}

}  // namespace

i64 sys_shmget(KernelState& kernel, Task& task, u32 key, u64 size, int flags) {
    destroy_unused(kernel);
    const i64 found = ipc_find_key(kernel.shm.segments, key, flags, [&](const ShmSegment& segment) {
        return segment.size < size ? -EINVAL : 0;
    });
    if (found != -ENOENT || (key != IPC_PRIVATE && !(flags & IPC_CREAT))) return found;
    return new_segment(kernel, task, key, size, flags);
}

i64 sys_shmat(KernelState& kernel, Task& task, int id, u64 address, int flags) {
    constexpr u64 kMapShared = 1, kMapFixed = 0x10;
    if (id < 0) return -EINVAL;
    if (address) {
        if (page_offset(address)) {
            if (!(flags & SHM_RND)) return -EINVAL;
            address = mmu::align_down(address, mmu::kPageSize);
            if (!address && (flags & SHM_REMAP)) return -EINVAL;
        }
    } else if (flags & SHM_REMAP) {
        return -EINVAL;
    }
    ShmSegment* segment = find_segment(kernel, id);
    if (!segment) return -EINVAL;
    u64 prot = flags & SHM_RDONLY ? PROT_READ_ : PROT_READ_ | PROT_WRITE_;
    u32 wanted = flags & SHM_RDONLY ? 0400 : 0600;
    if (flags & SHM_EXEC) {
        prot |= PROT_EXEC_;
        wanted |= 0100;
    }
    if (!ipc_permitted(*segment, wanted)) return -EACCES;
    MmStruct& mm = kernel.mm_of(task);
    const u64 size = page_align(segment->size);
    if (address && !(flags & SHM_REMAP)) {
        if (address + size < address) return -EINVAL;
        if (mm.mm_mt.find_vma_intersection(address, address + size)) return -EINVAL;
    }
    PageCache& cache = kernel.system.page_cache;
    MmapFile file;
    file.readable = true;
    file.writable = !(flags & SHM_RDONLY);
    file.attached = cache.open_again(segment->file);
    if (cache.mapping_of(segment->file).hugetlb) file.hugetlb = file.attached;
    const FileId attached = file.attached;
    const i64 place = sys_mmap(kernel.system, mm, address, segment->size, prot,
                               kMapShared | (address ? kMapFixed : 0), &file, 0);
    cache.put(kernel.system, attached);
    if (place < 0) return place;
    segment->atime = ipc_now_seconds(kernel);
    segment->lpid = task.tgid;
    return place;
}

i64 sys_shmdt(KernelState& kernel, Task& task, u64 address) {
    if (page_offset(address)) return -EINVAL;
    MmStruct& mm = kernel.mm_of(task);
    PageCache& cache = kernel.system.page_cache;
    ShmSegment* detached = nullptr;
    // The first area that would begin at `address` had it not been cut says which attachment is meant.
    FileId file = 0;
    u64 end = 0;
    for (auto it = mm.mm_mt.upper_bound(address); it != mm.mm_mt.end() && !file; ++it) {
        const VmAreaStruct& vma = it->second;
        if (!vma.vm_file || vma.vm_start < address || pages_of(vma.vm_start - address) != vma.vm_pgoff)
            continue;
        for (auto& [id, segment] : kernel.shm.segments) {
            if (!cache.same_mapping(segment.file, vma.vm_file)) continue;
            detached = &segment;
            file = vma.vm_file;
            end = address + page_align(cache.mapping_of(file).size_bytes());
        }
    }
    if (!detached) return -EINVAL;
    detached->dtime = ipc_now_seconds(kernel);
    detached->lpid = task.tgid;
    for (u64 at = address; at < end;) {
        const VmAreaStruct* vma = mm.mm_mt.find_vma(at);
        if (!vma || vma->vm_start >= end) break;
        const u64 start = vma->vm_start, stop = vma->vm_end;
        if (vma->vm_file == file && pages_of(start - address) == vma->vm_pgoff)
            do_munmap(kernel.system, mm, start, stop - start);
        at = stop;
    }
    destroy_unused(kernel);
    return 0;
}

namespace {

void fill_stat(const KernelState& kernel, const ShmSegment& segment, struct shmid_ds& out) {
    std::memset(&out, 0, sizeof out);
    ipc_fill(segment, out.shm_perm);
    out.shm_segsz = segment.size;
    out.shm_atime = segment.atime;
    out.shm_dtime = segment.dtime;
    out.shm_ctime = segment.ctime;
    out.shm_cpid = segment.cpid;
    out.shm_lpid = segment.lpid;
    out.shm_nattch = attachments(kernel, segment);
}

i64 shm_info_call(KernelState& kernel, MmStruct& mm, int command, u64 buffer) {
    destroy_unused(kernel);
    if (command == IPC_INFO) {
        struct shminfo info {};
        info.shmmax = info.shmall = kShmMax;
        info.shmmin = 1;
        info.shmmni = info.shmseg = ShmState::kShmMni;
        if (put_user(kernel.system, mm, info, buffer)) return -EFAULT;
        return ipc_highest_index(kernel.shm.segments);
    }
    struct shm_info info {};
    info.used_ids = static_cast<int>(kernel.shm.segments.size());
    for (const auto& [id, segment] : kernel.shm.segments) {
        info.shm_tot += pages_of(page_align(segment.size));
        info.shm_rss += resident_pages(kernel, segment);
        info.shm_swp += kernel.system.page_cache.mapping_of(segment.file).swapped;
    }
    return put_user(kernel.system, mm, info, buffer) ? -EFAULT : ipc_highest_index(kernel.shm.segments);
}

}  // namespace

i64 sys_shmctl(KernelState& kernel, Task& task, int id, int command, u64 buffer) {
    constexpr int kShmStatAny = 15;
    MmStruct& mm = kernel.mm_of(task);
    if (command < 0 || id < 0) return -EINVAL;
    if (command == IPC_INFO || command == SHM_INFO) return shm_info_call(kernel, mm, command, buffer);
    const bool by_index = command == SHM_STAT || command == kShmStatAny;
    struct shmid_ds data {};
    if (command == IPC_SET && get_user(kernel.system, mm, data, buffer)) return -EFAULT;
    destroy_unused(kernel);
    ShmSegment* segment = ipc_named(kernel.shm.segments, id, by_index);
    if (!segment) return -EINVAL;
    const bool owner = ipc_owned(*segment);
    switch (command) {
        case IPC_STAT:
        case SHM_STAT:
        case kShmStatAny:
            if (command != kShmStatAny && !ipc_permitted(*segment, 0400)) return -EACCES;
            fill_stat(kernel, *segment, data);
            if (put_user(kernel.system, mm, data, buffer)) return -EFAULT;
            return by_index ? id : 0;
        case IPC_SET:
            if (!owner) return -EPERM;
            ipc_update(kernel, *segment, data.shm_perm);
            return 0;
        case IPC_RMID:
            if (!owner) return -EPERM;
            segment->mode |= kDest;
            segment->key = IPC_PRIVATE;  // nobody finds it any more
            destroy_unused(kernel);
            return 0;
        case SHM_LOCK:
        case SHM_UNLOCK:
            if (!owner) return -EPERM;
            segment->mode = command == SHM_LOCK ? segment->mode | kLocked : segment->mode & ~kLocked;
            kernel.system.page_cache.set_unevictable(
                kernel.system, kernel.system.page_cache.mapping_of(segment->file), command == SHM_LOCK);
            return 0;
        default:
            return -EINVAL;
    }
}

std::string proc_sysvipc_shm(KernelState& kernel) {
    destroy_unused(kernel);
    std::string text =
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      "
        "atime      dtime      ctime                   rss                  swap\n";
    for (const auto& [id, segment] : kernel.shm.segments) {
        text += proc_format(
            "%10d %10d  %4o %21llu %5u %5u  %5llu %5u %5u %5u %5u %10lld %10lld %10lld %21llu %21llu\n",
            static_cast<int>(segment.key), id, segment.mode, proc_number(segment.size),
            static_cast<unsigned>(segment.cpid), static_cast<unsigned>(segment.lpid),
            proc_number(attachments(kernel, segment)), segment.uid, segment.gid, segment.cuid, segment.cgid,
            static_cast<long long>(segment.atime), static_cast<long long>(segment.dtime),
            static_cast<long long>(segment.ctime),
            proc_number(resident_pages(kernel, segment) << mmu::kPageShift),
            proc_number(kernel.system.page_cache.mapping_of(segment.file).swapped << mmu::kPageShift));
    }
    return text;
}

}  // namespace kernel
