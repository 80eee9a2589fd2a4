// Arguments that are flags or one of a set of values.
#include <cstring>

#include "emu/report/strace_names.h"
#include "emu/report/strace_structs.h"

namespace emu {

using enum Arg;

std::string strace_open_flags(u64 flags) {
    const std::string mode = strace_one_of(flags & O_ACCMODE, kOpenModes, "");
    const u64 rest = flags & ~u64{O_ACCMODE};
    return rest ? mode + "|" + strace_flags(rest, kOpen) : mode;
}

std::string ArgumentPrinter::flags(Arg arg, u64 value) const {
    switch (arg) {
        case kOpenFlags:
            return strace_open_flags(value);
        case kOpenFlagsOnly:
            return strace_flags(value, kOpen);
        case kAtFlags:
            return call_.name && std::strcmp(call_.name, "unlinkat") == 0 ? strace_flags(value, kUnlinkAt)
                                                                          : strace_flags(value, kAt);
        case kStatxFlags: {
            constexpr u64 kSyncType = 0x6000;
            const std::string sync = value & 0x2000   ? "AT_STATX_FORCE_SYNC"
                                     : value & 0x4000 ? "AT_STATX_DONT_SYNC"
                                                      : "AT_STATX_SYNC_AS_STAT";
            return value & ~kSyncType ? sync + "|" + strace_flags(value & ~kSyncType, kAt) : sync;
        }
        case kStatxMask:
            return strace_flags(value, kStatxBits);
        case kAccess:
            return strace_flags(value, kAccessModes, "F_OK");
        case kWhence:
            return strace_one_of(value, kWhences, "SEEK_???");
        case kProtection:
            return strace_flags(value, kProt, "PROT_NONE", "PROT_???");
        case kMapFlags:
            return strace_flags(value, kMap, "0", "MAP_???");
        case kRemapFlags:
            return strace_flags(value, kRemap);
        case kAdvice:
            return strace_one_of(value, kMadvise, "MADV_???");
        case kFileAdvice:
            return strace_one_of(value, kFadvise, "POSIX_FADV_???");
        case kSignal:
            return strace_signal(static_cast<int>(value));
        case kMaskHow:
            return strace_one_of(value, kMaskHows, "SIG_???");
        case kIoctl:
            return strace_one_of(static_cast<u32>(value), kIoctls, "");
        case kFcntl:
            return strace_one_of(static_cast<u32>(value), kFcntls, "F_???");
        case kClock:
            return strace_one_of(value, kClocks, "CLOCK_???");
        case kSleepFlags:
            return strace_flags(value, kSleeps);
        case kEpollFlags:
            return strace_flags(value, kEpollCreate);
        case kEpollOperation:
            return strace_one_of(value, kEpollOps, "EPOLL_CTL_???");
        case kFamily:
            return strace_one_of(value, kFamilies, "AF_???");
        case kSocketType: {
            const std::string type = strace_one_of(value & 0xf, kTypes, "SOCK_???");
            return value & ~u64{0xf} ? type + "|" + strace_flags(value & ~u64{0xf}, kTypeFlags) : type;
        }
        case kSocketFlags:
            return strace_flags(value, kTypeFlags);
        case kMessageFlags:
            return strace_flags(value, kMessages);
        case kShutdown:
            return strace_one_of(value, kShutdowns, "SHUT_???");
        case kWaitOptions:
            return strace_flags(value, kWaits);
        case kArchPrctl:
            return strace_one_of(value, kArch, "ARCH_???");
        case kPrctl:
            return strace_one_of(value, kPrctls, "PR_???");
        case kResource:
            return strace_one_of(value, kResources, "RLIMIT_???");
        case kTimerKind:
            return strace_one_of(value, kItimers, "ITIMER_???");
        case kFlock:
            return strace_flags(value, kFlocks);
        case kRandomFlags:
            return strace_flags(value, kRandoms);
        default:
            return {};
    }
}

}  // namespace emu
