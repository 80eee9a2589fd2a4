// Who caused what: the CPU's and the MMU's counters, divided among the guest's tasks. What a task's own
// instructions and the kernel's work for it count is the task's, until another has the CPU. It reads counters
// alone and changes nothing.
#pragma once

#include <map>

#include "emu/report/counters.h"
#include "mmu/stats.h"

namespace emu {

struct TaskCounters {
    mmu::u64 instructions = 0, loads = 0, stores = 0, fetches = 0;
    mmu::u64 dtlb_misses = 0, itlb_misses = 0;  ///< of the first level, user mode
    mmu::u64 l2_hits = 0, l2_misses = 0;        ///< of what missed there; each miss is a walk

    /// Adds what has been counted from `before` to `now`.
    void add(const TaskCounters& now, const TaskCounters& before) {
        constexpr mmu::u64 TaskCounters::*kMembers[] = {
            &TaskCounters::instructions, &TaskCounters::loads,       &TaskCounters::stores,
            &TaskCounters::fetches,      &TaskCounters::dtlb_misses, &TaskCounters::itlb_misses,
            &TaskCounters::l2_hits,      &TaskCounters::l2_misses,
        };
        for (mmu::u64 TaskCounters::*member : kMembers) this->*member += now.*member - before.*member;
    }
};

class TaskTable {
  public:
    /// `pid` has the CPU from now on (0: nobody); the counters are the totals so far.
    void note(int pid, const RunCounters& cpu, const mmu::MmuStats& mmu) {
        if (pid != running_) [[unlikely]]
            change(pid, cpu, mmu);
    }
    /// The end of the run: the last one gets its share.
    void finish(const RunCounters& cpu, const mmu::MmuStats& mmu) { change(0, cpu, mmu); }
    const std::map<int, TaskCounters>& tasks() const { return tasks_; }

  private:
    void change(int pid, const RunCounters& cpu, const mmu::MmuStats& mmu) {
        const TaskCounters now = totals(cpu, mmu);
        if (running_) tasks_[running_].add(now, before_);
        before_ = now;
        running_ = pid;
    }
    static TaskCounters totals(const RunCounters& cpu, const mmu::MmuStats& mmu) {
        TaskCounters sum{cpu.instructions, cpu.loads, cpu.stores, cpu.fetches, 0, 0, 0, 0};
        for (unsigned kind = 0; kind < mmu::kRefKinds; ++kind) {
            const mmu::RefStats& user = mmu.user[kind];
            const bool fetch = static_cast<mmu::RefKind>(kind) == mmu::RefKind::kFetch;
            (fetch ? sum.itlb_misses : sum.dtlb_misses) += user.l1_misses;
            sum.l2_hits += user.l2_hits;
            sum.l2_misses += user.l2_misses;
        }
        return sum;
    }

    int running_ = 0;
    TaskCounters before_;
    std::map<int, TaskCounters> tasks_;
};

}  // namespace emu
