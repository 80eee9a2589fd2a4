// Purpose: choosing, ending and reaping. See oom.h. Linux: mm/oom_kill.c.
#include "kernel/oom.h"

#include <cerrno>
#include <csignal>

#include "kernel/exit.h"
#include "kernel/fs/proc_table.h"
#include "kernel/host/host.h"
#include "kernel/mm_internal.h"
#include "kernel/signal.h"
#include "mmu/base/log.h"

namespace kernel {

namespace {

u64 total_pages(const KernelState& kernel) {
    return kernel.system.buddy.managed_frames() + kernel.system.swap.total();
}

/// find_lock_task_mm(): of a process whose leader may have ended; null: it has none any more.
MmStruct* mm_of_process(KernelState& kernel, const SignalStruct& process) {
    for (const Pid thread : process.threads) {
        const Task& task = kernel.tasks.at(thread);
        if (task.mm) return &kernel.mms.at(task.mm);
    }
    return nullptr;
}

u64 kib(u64 pages) {
    return pages << (mmu::kPageShift - 10);
}

/// __oom_reap_task_mm(): all private memory. Pages freed or handed back to swap.
u64 oom_reap_mm(MemorySystem& system, MmStruct& mm) {
    const u64 before = mm.rss_pages() + mm.rss_stat[MM_SWAPENTS];
    {
        MmuGather tlb(system, mm);
        for (const auto& [end, vma] : mm.mm_mt)
            if (!vma.vm_file || !(vma.vm_flags & VM_SHARED))
                unmap_page_range(tlb, mm, vma.vm_start, vma.vm_end);
    }
    return before - mm.rss_pages() - mm.rss_stat[MM_SWAPENTS];
}

/// The running task works in this address space: its pages may not be taken from under it.
bool in_use(KernelState& kernel, const MmStruct& mm) {
    const Task* current = kernel.find_task(kernel.current);
    return current && current->mm && &kernel.mm_of(*current) == &mm;
}

/// A process that has been ended already but has not run since: its memory comes first.
bool reap_dying(KernelState& kernel) {
    for (const auto& [tgid, process] : kernel.processes) {
        MmStruct* const mm = process.group_exiting ? mm_of_process(kernel, process) : nullptr;
        if (mm && !in_use(kernel, *mm) && oom_reap_mm(kernel.system, *mm)) return true;
    }
    return false;
}

/// select_bad_process()
SignalStruct* select_bad_process(KernelState& kernel) {
    SignalStruct* chosen = nullptr;
    i64 chosen_points = kOomUnkillable;
    for (auto& [tgid, process] : kernel.processes) {
        if (process.group_exiting) continue;
        const i64 points = oom_badness(kernel, process);
        if (points == kOomUnkillable || points < chosen_points) continue;
        chosen = &process;
        chosen_points = points;
    }
    return chosen;
}

/// dump_tasks()
void dump_tasks(KernelState& kernel) {
    LOG(warn, "Tasks state (memory values in pages):");
    LOG(warn,
        "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents "
        "oom_score_adj name");
    for (const auto& [tgid, process] : kernel.processes) {
        const MmStruct* const mm = mm_of_process(kernel, process);
        if (!mm) continue;
        const std::string line =
            proc_format("[%7d] %5u %5d %8llu %8llu %8llu %8llu %9llu %8llu %8llu         %5d ", tgid,
                        host::getuid(), tgid, proc_number(mm->total_vm), proc_number(mm->rss_pages()),
                        proc_number(mm->rss_stat[MM_ANONPAGES]), proc_number(mm->rss_stat[MM_FILEPAGES]),
                        proc_number(mm->rss_stat[MM_SHMEMPAGES]), proc_number(mm->pgtables_bytes),
                        proc_number(mm->rss_stat[MM_SWAPENTS]), process.oom_score_adj);
        LOG(warn, "{}{}", line, kernel.tasks.at(process.threads.front()).comm);
    }
}

/// dump_header(), and the victim's two lines of oom_kill_process(). Linux limits the former to ten in five
/// seconds; here it is the first ten.
void tell(KernelState& kernel, const SignalStruct& victim, const MmStruct& mm, Gfp gfp, unsigned order) {
    constexpr u64 kFullReports = 10;
    const Task& task = kernel.tasks.at(victim.threads.front());
    const Task* const asker = kernel.find_task(kernel.current);
    if (asker && kernel.system.reclaim.oom_kill < kFullReports) {
        LOG(warn, "{} invoked oom-killer: gfp_mask={:#x}, order={}, oom_score_adj={}", asker->comm, gfp,
            order, kernel.process_of(*asker).oom_score_adj);
        dump_tasks(kernel);
    }
    LOG(warn,
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
        "task_memcg=/,task={},pid={},uid={}",
        task.comm, victim.tgid, host::getuid());
    LOG(error,
        "Out of memory: Killed process {} ({}) total-vm:{}kB, anon-rss:{}kB, file-rss:{}kB, shmem-rss:{}kB, "
        "UID:{} pgtables:{}kB oom_score_adj:{}",
        victim.tgid, task.comm, kib(mm.total_vm), kib(mm.rss_stat[MM_ANONPAGES]),
        kib(mm.rss_stat[MM_FILEPAGES]), kib(mm.rss_stat[MM_SHMEMPAGES]), host::getuid(),
        mm.pgtables_bytes / 1024, victim.oom_score_adj);
}

/// __oom_kill_process(): SIGKILL to it and to whoever shares its memory. False: somebody who must not be
/// ended does, and the memory stays.
bool kill_sharers(KernelState& kernel, const MmStruct& mm) {
    SigInfo info;
    info.signo = SIGKILL;
    info.code = kSiKernel;
    bool may_reap = true;
    for (auto& [tgid, process] : kernel.processes) {
        if (mm_of_process(kernel, process) != &mm) continue;
        if (process.oom_score_adj == kOomScoreAdjMin)
            may_reap = false;
        else
            (void)send_group_signal(kernel, kernel.tasks.at(process.threads.front()), info);
    }
    return may_reap;
}

}  // namespace

i64 oom_badness(KernelState& kernel, const SignalStruct& process) {
    if (process.oom_score_adj == kOomScoreAdjMin) return kOomUnkillable;
    const MmStruct* const mm = mm_of_process(kernel, process);
    if (!mm) return kOomUnkillable;
    for (const Pid thread : process.threads)  // in_vfork(): its memory is its parent's
        if (!kernel.tasks.at(thread).vfork_done) return kOomUnkillable;
    const u64 points = mm->rss_pages() + mm->rss_stat[MM_SWAPENTS] + mm->pgtables_bytes / mmu::kPageSize;
    return static_cast<i64>(points) +
           i64{process.oom_score_adj} * static_cast<i64>(total_pages(kernel) / 1000);
}

u64 oom_score(KernelState& kernel, const SignalStruct& process) {
    const i64 badness = oom_badness(kernel, process);
    if (badness == kOomUnkillable) return 0;
    const i64 points = 1000 + badness * 1000 / static_cast<i64>(total_pages(kernel));
    return static_cast<u64>(points < 0 ? 0 : points) * 2 / 3;
}

bool out_of_memory(KernelState& kernel, Gfp gfp, unsigned order) {
    if (reap_dying(kernel)) return true;
    // task_will_free_mem(): the one that asks is being ended already.
    const Task* const asker = kernel.find_task(kernel.current);
    if (asker && kernel.process_of(*asker).group_exiting) return false;
    SignalStruct* const victim = select_bad_process(kernel);
    if (!victim) return false;
    MmStruct& mm = *mm_of_process(kernel, *victim);
    tell(kernel, *victim, mm, gfp, order);
    ++kernel.system.reclaim.oom_kill;
    const bool may_reap = kill_sharers(kernel, mm);
    if (in_use(kernel, mm)) return false;
    if (may_reap) (void)oom_reap_mm(kernel.system, mm);
    return true;
}

int process_mrelease(KernelState& kernel, const SignalStruct& process) {
    MmStruct* const mm = mm_of_process(kernel, process);
    if (!mm) return ESRCH;
    for (const auto& [tgid, other] : kernel.processes)  // task_will_free_mem(): all that use it
        if (mm_of_process(kernel, other) == mm && !other.group_exiting) return EINVAL;
    (void)oom_reap_mm(kernel.system, *mm);
    return 0;
}

void oom_kill_current(KernelState& kernel) {
    Task& task = kernel.task();
    SignalStruct& process = kernel.process_of(task);
    if (!process.group_exiting) {  // nobody could be chosen
        tell(kernel, process, kernel.mm_of(task), GFP_KERNEL, 0);
        ++kernel.system.reclaim.oom_kill;
        do_group_exit(kernel, task, TaskExit{0, SIGKILL});
        return;
    }
    do_exit(kernel, task, process.group_exit);
}

}  // namespace kernel
