// One argument or result of a call as strace shows it, by its type.
#pragma once

#include <string>

#include "emu/report/strace.h"
#include "emu/report/strace_values.h"
#include "kernel/syscall_trace.h"

namespace emu {

enum class Arg : u8 {
    kEnd,
    kNoArguments,
    kInt,
    kInt32,
    kUnsigned,
    kSize,
    kHex,
    kPointer,
    kFd,
    kDirFd,
    kPath,
    kBytesIn,
    kBytesOut,
    kTextOut,
    kRandomBytes,
    kOpenFlags,
    kOpenFlagsOnly,
    kCreateMode,
    kMode,
    kTypeMode,
    kAtFlags,
    kAccess,
    kWhence,
    kStat,
    kStatxFlags,
    kStatxMask,
    kStatx,
    kEntries,
    kProtection,
    kMapFlags,
    kRemapFlags,
    kNewAddress,
    kAdvice,
    kFileAdvice,
    kSignal,
    kSigsetIn,
    kSigsetOut,
    kMaskHow,
    kActionIn,
    kActionOut,
    kIoctl,
    kIoctlArgument,
    kFcntl,
    kFcntlArgument,
    kVectorIn,
    kVectorOut,
    kPairOut,
    kPollFds,
    kFdSet,
    kTimespecIn,
    kTimespecOut,
    kTimevalIn,
    kTimevalOut,
    kClock,
    kSleepFlags,
    kEpollFlags,
    kEpollOperation,
    kEpollEvent,
    kEpollEvents,
    kFamily,
    kSocketType,
    kSocketFlags,
    kSocketProtocol,
    kAddressIn,
    kAddressOut,
    kLengthOut,
    kMessageFlags,
    kShutdown,
    kArguments,
    kEnvironment,
    kWaitStatus,
    kWaitOptions,
    kClone,
    kClone3,
    kFutex,
    kFutexTimeout,
    kArchPrctl,
    kPrctl,
    kResource,
    kLimitIn,
    kLimitOut,
    kUname,
    kRandomFlags,
    kRemainingOut,
    kTimespecPair,
    kTimerKind,
    kItimerIn,
    kItimerOut,
    kFlock,
    kCpusIn,
    kCpusOut,
    kSysinfo,
    kStatfs,
    kPrctlArgument,
};

/// The call writes what this argument points to: shown when it has ended.
bool is_filled_in(Arg arg);

class ArgumentPrinter {
  public:
    ArgumentPrinter(kernel::KernelState& kernel, const kernel::Task& task, const kernel::TracedCall& call,
                    bool done, const CallEntry& entry)
        : guest_(kernel), task_(task), call_(call), done_(done), entry_(entry) {}
    /// Empty: it has no such argument this time (open's mode without O_CREAT).
    std::string print(Arg arg, unsigned index) const;

  private:
    std::string number(Arg arg, u64 value) const;
    std::string bytes(u64 address, u64 size) const;
    std::string path(u64 address) const;
    std::string flags(Arg arg, u64 value) const;
    std::string structure(Arg arg, unsigned index, u64 value) const;
    std::string stat(u64 address) const;
    std::string statx(u64 address) const;
    std::string sigset(u64 address) const;
    std::string action(u64 address) const;
    std::string vector(u64 address, u64 count, u64 limit) const;
    std::string poll_fds(u64 address, u64 count) const;
    std::string fd_set(u64 address, u64 count) const;
    std::string strings(u64 address, bool count_only) const;
    std::string epoll_events(u64 address, u64 count) const;
    std::string fcntl_argument() const;
    std::string ioctl_argument() const;
    std::string clone() const;
    std::string clone3() const;
    std::string socket_address(u64 address, u64 size) const;
    std::string limit(u64 address) const;
    std::string itimer(u64 address) const;
    std::string cpus(u64 address, u64 bytes) const;
    std::string sysinfo(u64 address) const;
    std::string statfs(u64 address) const;
    std::string remaining(u64 address) const;
    bool failed() const { return call_.result < 0 && call_.result > -4096; }

    GuestView guest_;
    const kernel::Task& task_;
    const kernel::TracedCall& call_;
    bool done_;
    CallEntry entry_;
};

/// "O_WRONLY|O_CREAT"
std::string strace_open_flags(u64 flags);

/// What a call that did not fail returned.
std::string strace_value_of_result(kernel::KernelState& kernel, const kernel::Task& task,
                                   const kernel::TracedCall& call);

}  // namespace emu
