#include "emu/report/strace_args.h"

#include <algorithm>
#include <cstring>

#include "emu/report/strace_structs.h"
#include "emu/report/strace_values.h"
#include "kernel/errno.h"
#include "kernel/signal.h"
#include "kernel/syscall_table.h"
#include "kernel/wait.h"

namespace emu {

namespace {

using kernel::TracedCall;

/// A row a call: its arguments in order. A call without a row shows six numbers.
struct Row {
    const char* name;
    Arg args[7];
};

using enum Arg;

constexpr Row kRows[] = {
    {"read", {kFd, kBytesOut, kSize}},
    {"write", {kFd, kBytesIn, kSize}},
    {"open", {kPath, kOpenFlags, kCreateMode}},
    {"openat", {kDirFd, kPath, kOpenFlags, kCreateMode}},
    {"creat", {kPath, kMode}},
    {"close", {kFd}},
    {"close_range", {kUnsigned, kUnsigned, kHex}},
    {"stat", {kPath, kStat}},
    {"lstat", {kPath, kStat}},
    {"fstat", {kFd, kStat}},
    {"newfstatat", {kDirFd, kPath, kStat, kAtFlags}},
    {"statx", {kDirFd, kPath, kStatxFlags, kStatxMask, kStatx}},
    {"statfs", {kPath, kStatfs}},
    {"fstatfs", {kFd, kStatfs}},
    {"poll", {kPollFds, kUnsigned, kInt}},
    {"ppoll", {kPollFds, kUnsigned, kTimespecIn, kSigsetIn, kUnsigned}},
    {"select", {kInt, kFdSet, kFdSet, kFdSet, kTimevalIn}},
    {"pselect6", {kInt, kFdSet, kFdSet, kFdSet, kTimespecIn, kPointer}},
    {"lseek", {kFd, kInt, kWhence}},
    {"mmap", {kPointer, kSize, kProtection, kMapFlags, kFd, kHex}},
    {"mprotect", {kPointer, kSize, kProtection}},
    {"munmap", {kPointer, kSize}},
    {"mremap", {kPointer, kSize, kSize, kRemapFlags, kNewAddress}},
    {"msync", {kPointer, kSize, kHex}},
    {"madvise", {kPointer, kSize, kAdvice}},
    {"mincore", {kPointer, kSize, kPointer}},
    {"mlock", {kPointer, kSize}},
    {"munlock", {kPointer, kSize}},
    {"brk", {kPointer}},
    {"rt_sigaction", {kSignal, kActionIn, kActionOut, kUnsigned}},
    {"rt_sigprocmask", {kMaskHow, kSigsetIn, kSigsetOut, kUnsigned}},
    {"rt_sigpending", {kSigsetOut, kUnsigned}},
    {"rt_sigsuspend", {kSigsetIn, kUnsigned}},
    {"rt_sigtimedwait", {kSigsetIn, kPointer, kTimespecIn, kUnsigned}},
    {"rt_sigreturn", {kNoArguments}},
    {"sigaltstack", {kPointer, kPointer}},
    {"ioctl", {kFd, kIoctl, kIoctlArgument}},
    {"pread64", {kFd, kBytesOut, kSize, kInt}},
    {"pwrite64", {kFd, kBytesIn, kSize, kInt}},
    {"readv", {kFd, kVectorOut, kInt}},
    {"writev", {kFd, kVectorIn, kInt}},
    {"preadv", {kFd, kVectorOut, kInt, kInt}},
    {"pwritev", {kFd, kVectorIn, kInt, kInt}},
    {"access", {kPath, kAccess}},
    {"faccessat", {kDirFd, kPath, kAccess}},
    {"faccessat2", {kDirFd, kPath, kAccess, kAtFlags}},
    {"pipe", {kPairOut}},
    {"pipe2", {kPairOut, kOpenFlagsOnly}},
    {"dup", {kFd}},
    {"dup2", {kFd, kFd}},
    {"dup3", {kFd, kFd, kOpenFlagsOnly}},
    {"fcntl", {kFd, kFcntl, kFcntlArgument}},
    {"flock", {kFd, kFlock}},
    {"fsync", {kFd}},
    {"fdatasync", {kFd}},
    {"truncate", {kPath, kInt}},
    {"ftruncate", {kFd, kInt}},
    {"fallocate", {kFd, kHex, kInt, kInt}},
    {"fadvise64", {kFd, kInt, kInt, kFileAdvice}},
    {"getdents", {kFd, kEntries, kUnsigned}},
    {"getdents64", {kFd, kEntries, kUnsigned}},
    {"getcwd", {kTextOut, kSize}},
    {"chdir", {kPath}},
    {"fchdir", {kFd}},
    {"rename", {kPath, kPath}},
    {"renameat", {kDirFd, kPath, kDirFd, kPath}},
    {"renameat2", {kDirFd, kPath, kDirFd, kPath, kHex}},
    {"mkdir", {kPath, kMode}},
    {"mkdirat", {kDirFd, kPath, kMode}},
    {"rmdir", {kPath}},
    {"link", {kPath, kPath}},
    {"linkat", {kDirFd, kPath, kDirFd, kPath, kAtFlags}},
    {"symlink", {kPath, kPath}},
    {"symlinkat", {kPath, kDirFd, kPath}},
    {"unlink", {kPath}},
    {"unlinkat", {kDirFd, kPath, kAtFlags}},
    {"readlink", {kPath, kBytesOut, kSize}},
    {"readlinkat", {kDirFd, kPath, kBytesOut, kSize}},
    {"chmod", {kPath, kMode}},
    {"fchmod", {kFd, kMode}},
    {"fchmodat", {kDirFd, kPath, kMode}},
    {"chown", {kPath, kInt32, kInt32}},
    {"fchown", {kFd, kInt32, kInt32}},
    {"lchown", {kPath, kInt32, kInt32}},
    {"fchownat", {kDirFd, kPath, kInt32, kInt32, kAtFlags}},
    {"mknod", {kPath, kTypeMode}},
    {"mknodat", {kDirFd, kPath, kTypeMode}},
    {"umask", {kMode}},
    {"utimensat", {kDirFd, kPath, kTimespecPair, kAtFlags}},
    {"sendfile", {kFd, kFd, kPointer, kSize}},
    {"splice", {kFd, kPointer, kFd, kPointer, kSize, kHex}},
    {"copy_file_range", {kFd, kPointer, kFd, kPointer, kSize, kUnsigned}},
    {"memfd_create", {kPath, kHex}},
    {"eventfd2", {kUnsigned, kOpenFlagsOnly}},
    {"timerfd_create", {kClock, kOpenFlagsOnly}},
    {"signalfd4", {kFd, kSigsetIn, kUnsigned, kOpenFlagsOnly}},
    {"epoll_create", {kInt}},
    {"epoll_create1", {kEpollFlags}},
    {"epoll_ctl", {kFd, kEpollOperation, kFd, kEpollEvent}},
    {"epoll_wait", {kFd, kEpollEvents, kInt, kInt}},
    {"epoll_pwait", {kFd, kEpollEvents, kInt, kInt, kSigsetIn, kUnsigned}},
    {"socket", {kFamily, kSocketType, kSocketProtocol}},
    {"socketpair", {kFamily, kSocketType, kInt, kPairOut}},
    {"bind", {kFd, kAddressIn, kInt}},
    {"connect", {kFd, kAddressIn, kInt}},
    {"listen", {kFd, kInt}},
    {"accept", {kFd, kAddressOut, kLengthOut}},
    {"accept4", {kFd, kAddressOut, kLengthOut, kSocketFlags}},
    {"getsockname", {kFd, kAddressOut, kLengthOut}},
    {"getpeername", {kFd, kAddressOut, kLengthOut}},
    {"sendto", {kFd, kBytesIn, kSize, kMessageFlags, kAddressIn, kInt}},
    {"recvfrom", {kFd, kBytesOut, kSize, kMessageFlags, kAddressOut, kPointer}},
    {"sendmsg", {kFd, kPointer, kMessageFlags}},
    {"recvmsg", {kFd, kPointer, kMessageFlags}},
    {"shutdown", {kFd, kShutdown}},
    {"setsockopt", {kFd, kInt, kInt, kPointer, kInt}},
    {"getsockopt", {kFd, kInt, kInt, kPointer, kLengthOut}},
    {"execve", {kPath, kArguments, kEnvironment}},
    {"exit", {kInt32}},
    {"exit_group", {kInt32}},
    {"wait4", {kInt32, kWaitStatus, kWaitOptions, kPointer}},
    {"waitid", {kInt, kInt32, kPointer, kWaitOptions, kPointer}},
    {"kill", {kInt32, kSignal}},
    {"tkill", {kInt32, kSignal}},
    {"tgkill", {kInt32, kInt32, kSignal}},
    {"fork", {kNoArguments}},
    {"vfork", {kNoArguments}},
    {"clone", {kClone}},
    {"clone3", {kClone3, kSize}},
    {"futex", {kPointer, kFutex, kUnsigned, kFutexTimeout}},
    {"set_tid_address", {kPointer}},
    {"set_robust_list", {kPointer, kSize}},
    {"rseq", {kPointer, kHex, kInt, kHex}},
    {"arch_prctl", {kArchPrctl, kPointer}},
    {"prctl", {kPrctl, kPrctlArgument}},
    {"getpid", {kNoArguments}},
    {"getppid", {kNoArguments}},
    {"gettid", {kNoArguments}},
    {"getuid", {kNoArguments}},
    {"geteuid", {kNoArguments}},
    {"getgid", {kNoArguments}},
    {"getegid", {kNoArguments}},
    {"getpgrp", {kNoArguments}},
    {"setsid", {kNoArguments}},
    {"pause", {kNoArguments}},
    {"sync", {kNoArguments}},
    {"sched_yield", {kNoArguments}},
    {"getpgid", {kInt32}},
    {"getsid", {kInt32}},
    {"setpgid", {kInt32, kInt32}},
    {"setuid", {kInt32}},
    {"setgid", {kInt32}},
    {"getgroups", {kInt32, kPointer}},
    {"getresuid", {kPointer, kPointer, kPointer}},
    {"getresgid", {kPointer, kPointer, kPointer}},
    {"getrlimit", {kResource, kLimitOut}},
    {"setrlimit", {kResource, kLimitIn}},
    {"prlimit64", {kInt32, kResource, kLimitIn, kLimitOut}},
    {"getrusage", {kInt32, kPointer}},
    {"uname", {kUname}},
    {"sysinfo", {kSysinfo}},
    {"times", {kPointer}},
    {"time", {kPointer}},
    {"gettimeofday", {kTimevalOut, kPointer}},
    {"clock_gettime", {kClock, kTimespecOut}},
    {"clock_getres", {kClock, kTimespecOut}},
    {"clock_nanosleep", {kClock, kSleepFlags, kTimespecIn, kRemainingOut}},
    {"nanosleep", {kTimespecIn, kRemainingOut}},
    {"alarm", {kUnsigned}},
    {"getrandom", {kRandomBytes, kSize, kRandomFlags}},
    {"sched_getaffinity", {kInt32, kUnsigned, kCpusOut}},
    {"sched_setaffinity", {kInt32, kUnsigned, kCpusIn}},
    {"getxattr", {kPath, kPath, kPointer, kSize}},
    {"lgetxattr", {kPath, kPath, kPointer, kSize}},
    {"fgetxattr", {kFd, kPath, kPointer, kSize}},
    {"listxattr", {kPath, kPointer, kSize}},
    {"shmget", {kHex, kSize, kHex}},
    {"shmat", {kInt32, kPointer, kHex}},
    {"shmctl", {kInt32, kHex, kPointer}},
    {"shmdt", {kPointer}},
    {"semget", {kHex, kInt32, kHex}},
    {"semop", {kInt32, kPointer, kUnsigned}},
    {"semtimedop", {kInt32, kPointer, kUnsigned, kTimespecIn}},
    {"semctl", {kInt32, kInt32, kHex, kHex}},
    {"msgget", {kHex, kHex}},
    {"msgsnd", {kInt32, kPointer, kSize, kHex}},
    {"msgrcv", {kInt32, kPointer, kSize, kInt, kHex}},
    {"msgctl", {kInt32, kHex, kPointer}},
    {"mq_open", {kPath, kOpenFlags, kCreateMode, kPointer}},
    {"mq_unlink", {kPath}},
    {"mq_timedsend", {kFd, kBytesIn, kSize, kUnsigned, kTimespecIn}},
    {"mq_timedreceive", {kFd, kBytesOut, kSize, kPointer, kTimespecIn}},
    {"mq_notify", {kFd, kPointer}},
    {"mq_getsetattr", {kFd, kPointer, kPointer}},
    {"inotify_init", {kNoArguments}},
    {"inotify_init1", {kOpenFlagsOnly}},
    {"inotify_add_watch", {kFd, kPath, kHex}},
    {"inotify_rm_watch", {kFd, kInt32}},
    {"getitimer", {kTimerKind, kItimerOut}},
    {"setitimer", {kTimerKind, kItimerIn, kItimerOut}},
    {"setreuid", {kInt32, kInt32}},
    {"setregid", {kInt32, kInt32}},
    {"setresuid", {kInt32, kInt32, kInt32}},
    {"setresgid", {kInt32, kInt32, kInt32}},
    {"setgroups", {kInt32, kPointer}},
    {"setfsuid", {kInt32}},
    {"setfsgid", {kInt32}},
    {"rt_sigqueueinfo", {kInt32, kSignal, kPointer}},
    {"rt_tgsigqueueinfo", {kInt32, kInt32, kSignal, kPointer}},
    {"utime", {kPath, kPointer}},
    {"utimes", {kPath, kPointer}},
    {"futimesat", {kDirFd, kPath, kPointer}},
    {"personality", {kHex}},
    {"ioprio_get", {kHex, kInt32}},
    {"ioprio_set", {kHex, kInt32, kHex}},
    {"unshare", {kHex}},
    {"setns", {kFd, kHex}},
    {"sync_file_range", {kFd, kInt, kInt, kHex}},
    {"getpriority", {kHex, kInt32}},
    {"setpriority", {kHex, kInt32, kInt32}},
    {"sched_setparam", {kInt32, kPointer}},
    {"sched_getparam", {kInt32, kPointer}},
    {"sched_setscheduler", {kInt32, kHex, kPointer}},
    {"sched_getscheduler", {kInt32}},
    {"sched_get_priority_max", {kHex}},
    {"sched_get_priority_min", {kHex}},
    {"sched_rr_get_interval", {kInt32, kPointer}},
    {"sched_setattr", {kInt32, kPointer, kHex}},
    {"sched_getattr", {kInt32, kPointer, kUnsigned, kHex}},
    {"mlockall", {kHex}},
    {"munlockall", {kNoArguments}},
    {"mlock2", {kPointer, kSize, kHex}},
    {"readahead", {kFd, kInt, kSize}},
    {"setxattr", {kPath, kPath, kPointer, kSize, kHex}},
    {"lsetxattr", {kPath, kPath, kPointer, kSize, kHex}},
    {"fsetxattr", {kFd, kPath, kPointer, kSize, kHex}},
    {"llistxattr", {kPath, kPointer, kSize}},
    {"flistxattr", {kFd, kPointer, kSize}},
    {"removexattr", {kPath, kPath}},
    {"lremovexattr", {kPath, kPath}},
    {"fremovexattr", {kFd, kPath}},
    {"remap_file_pages", {kPointer, kSize, kHex, kSize, kHex}},
    {"restart_syscall", {kNoArguments}},
    {"timer_create", {kClock, kPointer, kPointer}},
    {"timer_settime", {kInt32, kHex, kPointer, kPointer}},
    {"timer_gettime", {kInt32, kPointer}},
    {"timer_getoverrun", {kInt32}},
    {"timer_delete", {kInt32}},
    {"get_robust_list", {kInt32, kPointer, kPointer}},
    {"tee", {kFd, kFd, kSize, kHex}},
    {"vmsplice", {kFd, kVectorIn, kSize, kHex}},
    {"signalfd", {kFd, kSigsetIn, kUnsigned}},
    {"eventfd", {kUnsigned}},
    {"timerfd_settime", {kFd, kHex, kPointer, kPointer}},
    {"timerfd_gettime", {kFd, kPointer}},
    {"recvmmsg", {kFd, kPointer, kUnsigned, kMessageFlags, kTimespecIn}},
    {"sendmmsg", {kFd, kPointer, kUnsigned, kMessageFlags}},
    {"name_to_handle_at", {kDirFd, kPath, kPointer, kPointer, kAtFlags}},
    {"open_by_handle_at", {kFd, kPointer, kOpenFlags}},
    {"syncfs", {kFd}},
    {"getcpu", {kPointer, kPointer, kPointer}},
    {"process_vm_readv", {kInt32, kPointer, kUnsigned, kPointer, kUnsigned, kHex}},
    {"process_vm_writev", {kInt32, kPointer, kUnsigned, kPointer, kUnsigned, kHex}},
    {"execveat", {kDirFd, kPath, kArguments, kEnvironment, kAtFlags}},
    {"preadv2", {kFd, kVectorOut, kInt, kInt, kHex}},
    {"pwritev2", {kFd, kVectorIn, kInt, kInt, kHex}},
    {"pkey_mprotect", {kPointer, kSize, kProtection, kInt32}},
    {"pkey_alloc", {kHex, kHex}},
    {"pkey_free", {kInt32}},
    {"pidfd_open", {kInt32, kHex}},
    {"pidfd_send_signal", {kFd, kSignal, kPointer, kHex}},
    {"pidfd_getfd", {kFd, kInt32, kHex}},
    {"openat2", {kDirFd, kPath, kPointer, kSize}},
    {"epoll_pwait2", {kFd, kEpollEvents, kInt, kTimespecIn, kSigsetIn, kUnsigned}},
    {"futex_waitv", {kPointer, kUnsigned, kHex, kTimespecIn, kClock}},
    {"fchmodat2", {kDirFd, kPath, kMode, kAtFlags}},
    {"futex_wake", {kPointer, kHex, kInt32, kHex}},
    {"futex_wait", {kPointer, kHex, kHex, kHex, kTimespecIn, kClock}},
    {"futex_requeue", {kPointer, kHex, kInt32, kInt32}},
    {"membarrier", {kHex, kHex}},
};

constexpr Row kUnknown = {"", {kHex, kHex, kHex, kHex, kHex, kHex}};

const Row& row_of(const char* name) {
    if (name)
        for (const Row& row : kRows)
            if (!std::strcmp(row.name, name)) return row;
    return kUnknown;
}

bool in_list(const char* name, std::initializer_list<const char*> list) {
    return std::any_of(list.begin(), list.end(),
                       [&](const char* entry) { return !std::strcmp(entry, name); });
}

bool has_argument(const char* name, std::initializer_list<Arg> kinds) {
    for (const Arg arg : row_of(name).args)
        if (std::find(kinds.begin(), kinds.end(), arg) != kinds.end()) return true;
    return false;
}

}  // namespace

std::string strace_arguments(kernel::KernelState& kernel, const kernel::Task& task, const TracedCall& call,
                             bool done, const CallEntry& entry) {
    const Row& row = row_of(call.name);
    const ArgumentPrinter printer(kernel, task, call, done, entry);
    std::string text;
    for (unsigned i = entry.shown; i < 6 && row.args[i] != kEnd && row.args[i] != kNoArguments; ++i) {
        const bool separated = i > entry.shown;
        if (!done && is_filled_in(row.args[i])) {
            if (i) text += ", ";
            break;
        }
        const std::string value = printer.print(row.args[i], i);
        if (value.empty()) break;  // an optional one that is not there
        if (separated) text += ", ";
        text += value;
    }
    return text;
}

unsigned strace_arguments_before(const TracedCall& call) {
    const Row& row = row_of(call.name);
    unsigned count = 0;
    while (count < 6 && row.args[count] != kEnd && !is_filled_in(row.args[count])) ++count;
    return count;
}

int strace_length_argument(const TracedCall& call) {
    const Row& row = row_of(call.name);
    for (int i = 0; i < 6; ++i)
        if (row.args[i] == kLengthOut) return i;
    return -1;
}

std::string strace_result(kernel::KernelState& kernel, const kernel::Task& task, const TracedCall& call) {
    const i64 result = call.result;
    static constexpr struct {
        int error;
        const char* text;
    } kInternal[] = {{kernel::kErestartSys, "ERESTARTSYS (To be restarted if SA_RESTART is set)"},
                     {kernel::kErestartNoIntr, "ERESTARTNOINTR (To be restarted)"},
                     {kernel::kErestartNoHand, "ERESTARTNOHAND (To be restarted if no handler)"},
                     {kernel::kErestartBlock, "ERESTART_RESTARTBLOCK (Interrupted by signal)"}};
    for (const auto& row : kInternal)
        if (result == -row.error) return std::string("? ") + row.text;
    if (result < 0 && result > -4096) {
        const int error = static_cast<int>(-result);
        return strace_printf("-1 %s (%s)", kernel::errno_name(error), strace_error_text(error));
    }
    return strace_value_of_result(kernel, task, call);
}

InSet strace_in_set(std::string_view set, const char* name) {
    if (!name) name = "";
    const auto answer = [](bool member) { return member ? InSet::kYes : InSet::kNo; };
    if (set.empty() || set == "all") return InSet::kYes;
    if (set == "none") return InSet::kNo;
    if (set[0] == '%') set.remove_prefix(1);
    if (set == "file") return answer(has_argument(name, {kPath}) && std::strcmp(name, "memfd_create") != 0);
    if (set == "desc")
        return answer(
            has_argument(name, {kFd, kDirFd, kPairOut, kPollFds, kFdSet}) ||
            in_list(name, {"epoll_create", "epoll_create1", "eventfd2", "timerfd_create", "memfd_create",
                           "inotify_init", "inotify_init1", "pidfd_open", "mq_open"}));
    if (set == "memory")
        return answer(in_list(name, {"mmap", "munmap", "mprotect", "mremap", "brk", "msync", "mincore",
                                     "madvise", "mlock", "munlock", "mlockall", "munlockall", "mlock2",
                                     "shmat", "shmdt", "remap_file_pages", "mbind"}));
    if (set == "process")
        return answer(in_list(name, {"fork", "vfork", "clone", "clone3", "execve", "execveat", "exit",
                                     "exit_group", "wait4", "waitid", "kill", "tkill", "tgkill", "pidfd_open",
                                     "rt_sigqueueinfo", "pidfd_send_signal"}));
    if (set == "network" || set == "net")
        return answer(has_argument(name, {kFamily, kAddressIn, kAddressOut, kMessageFlags, kShutdown}) ||
                      in_list(name, {"listen", "setsockopt", "getsockopt", "sendmmsg", "recvmmsg"}));
    if (set == "signal")
        return answer(has_argument(name, {kActionIn, kSigsetIn, kSigsetOut, kSignal}) ||
                      in_list(name, {"rt_sigreturn", "sigaltstack", "pause"}));
    if (set == "ipc")
        return answer(!std::strncmp(name, "shm", 3) || !std::strncmp(name, "sem", 3) ||
                      in_list(name, {"msgget", "msgsnd", "msgrcv", "msgctl"}));
    if (set == "clock")
        return answer(in_list(name, {"clock_gettime", "clock_settime", "clock_getres", "clock_adjtime",
                                     "gettimeofday", "settimeofday", "adjtimex", "time"}));
    if (set == name) return InSet::kYes;
    const auto [first, last] = kernel::syscall_rows();
    const bool known =
        std::any_of(first, last, [&](const kernel::SyscallRow& row) { return set == row.name; });
    return known ? InSet::kNo : InSet::kUnknownSet;
}

}  // namespace emu
