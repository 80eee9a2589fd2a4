// What a program says of a signal that it sends (rt_sigqueueinfo, pidfd_send_signal). Linux: kernel/signal.c
// copy_siginfo_from_user().
#pragma once

#include "kernel/syscall_table.h"

namespace kernel::calls {

/// The siginfo at `address`. False: EFAULT.
bool queued_info(Syscall& call, int signal, u64 address, SigInfo& info);
/// Only the kernel may send what looks as if it came from kill() or from the kernel: EPERM.
bool may_claim(const Syscall& call, const SigInfo& info, Pid pid);

}  // namespace kernel::calls
