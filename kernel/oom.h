// The OOM killer: which process is ended when no memory is left, and how its memory comes back. Linux:
// mm/oom_kill.c out_of_memory(), oom_badness(), oom_reap_task_mm(), fs/proc/base.c proc_oom_score().
// Deviation: the victim's private memory is taken back at once, not by a thread of its own; where nobody can
// be ended Linux panics, here the one that asks is.
#pragma once

#include <limits>

#include "kernel/gfp.h"
#include "kernel/state.h"

namespace kernel {

inline constexpr int kOomScoreAdjMin = -1000, kOomScoreAdjMax = 1000;
inline constexpr i64 kOomUnkillable = std::numeric_limits<i64>::min();

/// oom_badness(): pages that would come back, moved by oom_score_adj; kOomUnkillable: never to be ended.
i64 oom_badness(KernelState& kernel, const SignalStruct& process);
/// What /proc/PID/oom_score shows: about 0 .. 1333, 667 for nothing at all.
u64 oom_score(KernelState& kernel, const SignalStruct& process);

/// out_of_memory(): ends the worst process with SIGKILL, says so as Linux does, and takes its private memory
/// back. False: nobody can be ended, or it is the one that asks, whose memory comes back when its call has
/// failed.
bool out_of_memory(KernelState& kernel, Gfp gfp, unsigned order);
/// process_mrelease(): takes the memory of a process back that is being ended. 0, ESRCH (it has none any more),
/// EINVAL (nobody ends it).
int process_mrelease(KernelState& kernel, const SignalStruct& process);
/// The running task found no memory and nobody else could be ended.
void oom_kill_current(KernelState& kernel);

}  // namespace kernel
