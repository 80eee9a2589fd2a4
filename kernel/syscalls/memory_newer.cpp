// Memory calls of Linux 5.10 to 6.10: process_madvise, cachestat, mseal, map_shadow_stack. Linux:
// mm/madvise.c, mm/filemap.c, mm/mseal.c, arch/x86/kernel/shstk.c.
#include "kernel/fs/files.h"
#include "kernel/fs/host_backing.h"
#include "kernel/fs/hugetlb_file.h"
#include "kernel/fs/pidfd.h"
#include "kernel/mmap.h"
#include "kernel/mseal.h"
#include "kernel/syscalls/functions.h"

namespace kernel::calls {

namespace {

struct Range {
    u64 start, length;
};

/// import_iovec(): 0 or -errno.
i64 import_ranges(Syscall& call, std::vector<Range>& ranges, u64 address, u64 count) {
    constexpr u64 kMaxRanges = 1024;  // UIO_MAXIOV
    if (count > kMaxRanges) return -EINVAL;
    for (u64 i = 0; i < count; ++i) {
        Range range{};
        if (call.get(range, address + i * sizeof range)) return -EFAULT;
        if (static_cast<i64>(range.length) < 0) return -EINVAL;
        ranges.push_back(range);
    }
    for (const Range& range : ranges)
        if (!access_ok(call.mm(), range.start, range.length)) return -EFAULT;
    return 0;
}

/// process_madvise_behavior_valid() of 6.12: what does not change the contents.
bool advice_for_others(int advice) {
    constexpr int kWillneed = 3, kCold = 20, kPageout = 21, kCollapse = 25;
    return advice == kWillneed || advice == kCold || advice == kPageout || advice == kCollapse;
}

}  // namespace

i64 process_madvise(Syscall& call) {
    if (call.args[4] & 0xffffffff) return -EINVAL;
    std::vector<Range> ranges;
    if (const i64 error = import_ranges(call, ranges, call.args[1], call.args[2])) return error;
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
    for (const Range& range : ranges) {
        const i64 error = sys_madvise(call.system(), call.mm(), range.start, range.length, advice);
        if (error < 0) return done ? static_cast<i64>(done) : error;
        done += range.length;
    }
    return static_cast<i64>(done);
}

namespace {

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

/// Deviation: of the host's files only what is mapped, or was, is in a cache here.
i64 cachestat(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    Range range{};
    if (call.get(range, call.args[1])) return -EFAULT;
    if (is_object(*file, kHugetlbFileOperations)) return -EOPNOTSUPP;
    if (call.args[3] & 0xffffffff) return -EINVAL;
    CacheStat stat{};
    const bool host = file->kind == OpenFile::Kind::kHost && file->regular();
    const AddressSpace* space = host ? call.system().page_cache.find(identity_of(file->fd.get())) : nullptr;
    const u64 last = range.length ? (range.start + range.length - 1) >> mmu::kPageShift : ~u64{0};
    if (space) stat = count_pages(call.system(), *space, range.start >> mmu::kPageShift, last);
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
