// Memory calls of Linux 5.10 to 6.10: process_madvise, cachestat, mseal, map_shadow_stack. Linux:
// mm/madvise.c, mm/filemap.c, mm/mseal.c, arch/x86/kernel/shstk.c.
#include "kernel/fs/files.h"
#include "kernel/fs/host_backing.h"
#include "kernel/fs/hugetlb_file.h"
#include "kernel/fs/pidfd.h"
#include "kernel/mmap.h"
#include "kernel/mseal.h"
#include "kernel/syscalls/functions.h"
#include "kernel/syscalls/iovec.h"

namespace kernel::calls {

namespace {

/// process_madvise_behavior_valid() of 6.12: what does not change the contents.
bool advice_for_others(int advice) {
    constexpr int kWillneed = 3, kCold = 20, kPageout = 21, kCollapse = 25;
    return advice == kWillneed || advice == kCold || advice == kPageout || advice == kCollapse;
}

}  // namespace

i64 process_madvise(Syscall& call) {
    if (call.args[4] & 0xffffffff) return -EINVAL;
    const auto ranges = import_iovec(call, call.args[1], call.args[2]);
    if (!ranges) return -ranges.error();
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    const auto pid = pid_of_file(call.kernel, *file);
    if (!pid) return -pid.error();
    const int advice = call.integer(3);
    if (!advice_for_others(advice)) return -EINVAL;
    Task* task = call.kernel.find_task(*pid);
    if (!task || !task->mm) return -ESRCH;
    if (task->mm != call.task.mm) return -EPERM;  // CAP_SYS_NICE
    u64 done = 0;
    for (const UserBuffer& range : *ranges) {
        const i64 error = sys_madvise(call.system(), call.mm(), range.base, range.size, advice);
        if (error < 0) return done ? static_cast<i64>(done) : error;
        done += range.size;
    }
    return static_cast<i64>(done);
}

namespace {

/// struct cachestat_range
struct Range {
    u64 start, length;
};

/// struct cachestat
struct CacheStat {
    u64 cached, dirty, written_back, evicted, recently_evicted;
};

/// filemap_cachestat(): pages [first, last].
CacheStat count_pages(const MemorySystem& system, const AddressSpace& space, u64 first, u64 last) {
    CacheStat stat{};
    for (const auto& [key, chunk] : space.chunks) {
        for (u64 i = 0, index = key << AddressSpace::kChunkShift; i < AddressSpace::kChunkPages;
             ++i, ++index) {
            if (!chunk[i] || index < first || index > last) continue;
            if (chunk[i] & AddressSpace::kSwapEntry) {
                ++stat.evicted;
                continue;
            }
            ++stat.cached;
            stat.dirty += !space.shmem && system.mem_map.at_index(chunk[i]).is(Page::kDirty);
        }
    }
    return stat;
}

}  // namespace

/// Deviation: what write() has written is the host's at once, and not dirty.
i64 cachestat(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    Range range{};
    if (call.get(range, call.args[1])) return -EFAULT;
    if (is_object(*file, kHugetlbFileOperations)) return -EOPNOTSUPP;
    if (call.args[3] & 0xffffffff) return -EINVAL;
    CacheStat stat{};
    const bool host = file->kind == OpenFile::Kind::kHost && file->regular();
    const FileIdentity identity = host ? identity_of(file->fd.get()) : FileIdentity{};
    const AddressSpace* space = host ? call.system().page_cache.find(identity) : nullptr;
    const u64 first = range.start >> mmu::kPageShift;
    const u64 last = range.length ? (range.start + range.length - 1) >> mmu::kPageShift : ~u64{0};
    if (space) stat = count_pages(call.system(), *space, first, last);
    if (host)
        stat.cached += call.system().page_cache.buffered().count(identity, first, last + (last != ~u64{0}));
    return call.put(stat, call.args[2]);
}

/// No CPU here has shadow stacks.
i64 map_shadow_stack(Syscall&) {
    return -EOPNOTSUPP;
}

i64 mseal(Syscall& call) {
    return sys_mseal(call.system(), call.mm(), call.args[0], call.args[1], call.args[2]);
}

}  // namespace kernel::calls
