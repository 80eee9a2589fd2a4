// How strace shows the arguments of each call: a row of types a call, as strace's own tables. Values are read
// from guest memory without effect; what is not there is shown as an address.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/state.h"
#include "kernel/syscall_trace.h"

namespace emu {

struct CallEntry;  // strace.h

/// The call's arguments as text: those up to the first that the call fills in, and the rest. `done`: the call
/// has ended, so what it filled in can be shown; those that `entry` says are left out.
std::string strace_arguments(kernel::KernelState& kernel, const kernel::Task& task,
                             const kernel::TracedCall& call, bool done, const CallEntry& entry);
/// How many arguments come before the first that the call fills in.
unsigned strace_arguments_before(const kernel::TracedCall& call);
/// The argument that points to the length of an address, or -1.
int strace_length_argument(const kernel::TracedCall& call);
/// "3", "0x7f0012", "-1 ENOENT (No such file or directory)", "0x1 (flags FD_CLOEXEC)", "?".
std::string strace_result(kernel::KernelState& kernel, const kernel::Task& task,
                          const kernel::TracedCall& call);
/// "{si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL}".
std::string strace_siginfo(const kernel::SigInfo& info);

/// Whether a call belongs to a set of -e: a name, or a class (%file, %memory, %process, %network, %desc,
/// %signal, %ipc, %clock). Nothing: there is no such set.
enum class InSet : mmu::u8 { kNo, kYes, kUnknownSet };
InSet strace_in_set(std::string_view set, const char* name);

}  // namespace emu
