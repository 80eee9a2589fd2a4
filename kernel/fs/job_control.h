// Job control: which process group a terminal belongs to, and what others meet that read, write or change it.
// A terminal is one of the guest's own (tty.h) or the user's. Linux: drivers/tty/tty_jobctrl.c.
#pragma once

#include "kernel/state.h"

namespace kernel {

void signal_group(KernelState& kernel, Pid pgrp, int signal);

/// tty_check_change(), job_control(): 0 for whoever may use the controlling terminal `tty` (tty.h). A
/// background process gets `signal` (SIGTTIN, SIGTTOU), and the call is to be made again; -EIO where it
/// cannot be stopped.
i64 check_background(KernelState& kernel, Task& task, u32 tty, int signal);

/// The foreground group and the session of a terminal.
Pid foreground_of(KernelState& kernel, u32 tty);
Pid session_of(KernelState& kernel, u32 tty);

/// TIOCSPGRP, TIOCGPGRP, TIOCGSID, TIOCSCTTY, TIOCNOTTY. Nothing: another request.
std::optional<i64> ioctl_job_control(KernelState& kernel, Task& task, u32 tty, u64 request, u64 argument);

/// A session leader without a terminal that opens one nobody has gets it.
void maybe_acquire(KernelState& kernel, Task& task, u32 tty);
/// disassociate_ctty(): the session leader has ended, or gives its terminal up.
void disassociate(KernelState& kernel, Task& task);
/// The last master is closed: its session hears SIGHUP.
void hang_up(KernelState& kernel, u32 tty);

}  // namespace kernel
