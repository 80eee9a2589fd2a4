// How a call of host.h goes through the seam: each has a number, what goes in, what comes out, and the host's
// own function. For the files of this room alone.
#pragma once

#include <cerrno>
#include <climits>

#include "kernel/host/host.h"
#include "kernel/host/seam.h"

namespace kernel::host {

/// Their numbers are in recordings: the order is part of the format.
enum class Call : u8 {
    kOpenat2,
    kOpen,
    kOpenat,
    kMemfdCreate,
    kFcntlLock,
    kFlock,
    kRead,
    kPread,
    kWrite,
    kPwrite,
    kLseek,
    kFtruncate,
    kTruncate,
    kFallocate,
    kFsync,
    kFstat,
    kFstatat,
    kFstatfs,
    kReadlink,
    kReadlinkat,
    kFaccessat,
    kGetdents,
    kMkdirat,
    kMknodat,
    kUnlinkat,
    kRenameat2,
    kLinkat,
    kSymlinkat,
    kChmod,
    kFchmod,
    kFchown,
    kFchownat,
    kFutimens,
    kUtimensat,
    kUmask,
    kIoctl,
    kIoctlNumber,
    kIsatty,
    kTcgetpgrp,
    kGetpgrp,
    kPoll,
    kEpollCreate1,
    kEpollCtl,
    kEpollWait,
    kSocket,
    kBind,
    kConnect,
    kListen,
    kShutdown,
    kSetsockopt,
    kSendto,
    kGetuid,
    kGeteuid,
    kGetgid,
    kGetegid,
    kGetgroups,
    kGetpid,
    kClose,
    kFcntl,
    kMkdtemp,
    kRemoveTree,
    kPollUnless,
    kInterrupted,
    kAccept4,
    kGetsockname,
    kGetpeername,
    kGetsockopt,
    kRecvfrom,
    kStopSelf,
    kClock,
    kInotifyInit1,
    kInotifyAddWatch,
    kInotifyRmWatch,
};

struct About {
    Call call;
    int fd;      ///< that the call is on; -1: on none
    bool opens;  ///< its result is a new descriptor
    long most;   ///< no result is greater
};
inline constexpr long kAny = LONG_MAX;

template <class T>
In given(const T& of) {
    return {&of, sizeof of};
}
inline In named(const char* of) {
    return {of, __builtin_strlen(of)};
}

/// FNV-1a, over eight bytes at a time: a fingerprint of arguments, not a defence.
inline u32 fingerprint(std::initializer_list<In> in) {
    u64 hash = 0xcbf29ce484222325;
    const auto mix = [&](u64 part) { hash = (hash ^ part) * 0x100000001b3, hash ^= hash >> 29; };
    for (const In& part : in) {
        mix(part.size);
        const char* at = static_cast<const char*>(part.data);
        usize left = part.size;
        for (; left >= sizeof(u64); at += sizeof(u64), left -= sizeof(u64)) {
            u64 word;
            __builtin_memcpy(&word, at, sizeof word);
            mix(word);
        }
        for (; left; ++at, --left) mix(static_cast<u8>(*at));
    }
    return static_cast<u32>(hash ^ hash >> 32);
}

/// What all calls have in common.
template <class Direct>
long perform(const About& about, std::initializer_list<In> in, std::initializer_list<Out> out,
             Direct direct) {
    Seam& seam = Seam::get();
    if (seam.direct()) [[likely]]
        return direct();
    if (const auto aside = seam.aside(about.fd)) {
        if (!*aside) {
            errno = EBADF;
            return -1;
        }
        const long result = direct();
        return about.opens ? seam.opened(static_cast<int>(result)) : result;
    }
    const u32 hash = fingerprint(in);
    const u8 call = static_cast<u8>(about.call);
    if (seam.mode() == Seam::Mode::kReplay) {
        const long result = seam.read_record(call, hash, out, about.most);
        return about.opens ? seam.opened(static_cast<int>(result)) : result;
    }
    const long result = direct();
    const int error = errno;
    seam.write_record(call, hash, result, error, out);
    if (about.opens) (void)seam.opened(static_cast<int>(result));
    errno = error;
    return result;
}

}  // namespace kernel::host
