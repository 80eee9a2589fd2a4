#include "emu/report/strace_structs.h"

#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include <cstring>

#include "emu/report/strace_names.h"
#include "kernel/signal.h"

namespace emu {

namespace {

using enum Arg;

std::string long_text(i64 value) {
    return std::to_string(value);
}

}  // namespace

bool is_filled_in(Arg arg) {
    switch (arg) {
        case kBytesOut:
        case kTextOut:
        case kRandomBytes:
        case kStat:
        case kStatx:
        case kEntries:
        case kSigsetOut:
        case kActionOut:
        case kIoctlArgument:
        case kVectorOut:
        case kPairOut:
        case kTimespecOut:
        case kTimevalOut:
        case kEpollEvents:
        case kAddressOut:
        case kLengthOut:
        case kWaitStatus:
        case kLimitOut:
        case kUname:
        case kRemainingOut:
        case kItimerOut:
        case kCpusOut:
        case kSysinfo:
        case kStatfs:
        case kPrctlArgument:
            return true;
        default:
            return false;
    }
}

std::string ArgumentPrinter::print(Arg arg, unsigned index) const {
    const u64 value = call_.args[index];
    if (arg <= kFd || arg == kDirFd) return number(arg, value);
    switch (arg) {
        case kPath:
            return path(value);
        case kBytesIn:
            return bytes(value, call_.args[index + 1]);
        case kBytesOut:
        case kRandomBytes:
            if (failed()) return strace_pointer(value);
            if (arg == kRandomBytes) {
                u8 raw[32];
                const u64 size = std::min<u64>(static_cast<u64>(call_.result), sizeof raw);
                if (!guest_.read(value, raw, size)) return strace_pointer(value);
                std::string text = "\"";
                for (u64 i = 0; i < size; ++i) text += strace_printf("\\x%02x", raw[i]);
                return text + (static_cast<u64>(call_.result) > size ? "\"..." : "\"");
            }
            return bytes(value, static_cast<u64>(call_.result));
        case kTextOut:
            return failed() ? strace_pointer(value) : path(value);
        case kCreateMode: {
            const u64 flags = call_.args[index - 1];
            return flags & (O_CREAT | 020000000) ? strace_permissions(static_cast<u32>(value)) : "";
        }
        case kMode:
            return strace_permissions(static_cast<u32>(value));
        case kTypeMode:
            return strace_mode(static_cast<u32>(value));
        default:
            break;
    }
    const std::string text = flags(arg, value);
    return text.empty() ? structure(arg, index, value) : text;
}

std::string ArgumentPrinter::number(Arg arg, u64 value) const {
    switch (arg) {
        case kInt:
            return long_text(call_.name && std::strcmp(call_.name, "lseek") == 0 ? static_cast<i64>(value)
                             : value >> 32 == 0 || value >> 31 == 0x1ffffffff    ? static_cast<int>(value)
                                                                                 : static_cast<i64>(value));
        case kInt32:
        case kFd:
            return long_text(static_cast<int>(value));
        case kDirFd:
            return static_cast<int>(value) == AT_FDCWD ? "AT_FDCWD" : long_text(static_cast<int>(value));
        case kUnsigned:
            return std::to_string(static_cast<u32>(value));
        case kSize:
            return std::to_string(value);
        case kHex:
            return value ? strace_pointer(value) : "0";
        default:
            return strace_pointer(value);
    }
}

std::string ArgumentPrinter::bytes(u64 address, u64 size) const {
    u8 raw[33];
    if (!address) return "NULL";
    const u64 shown = std::min<u64>(size, sizeof raw);
    return guest_.read(address, raw, shown) ? strace_quoted(raw, shown, size) : strace_pointer(address);
}

std::string ArgumentPrinter::path(u64 address) const {
    std::string text;
    bool whole = false;
    if (!address || !guest_.text(address, 4095, text, whole)) return strace_pointer(address);
    // Paths are shown whole: in pieces of what strace_quoted() shows of strings.
    std::string quoted = "\"";
    for (usize at = 0; at < text.size(); at += 32) {
        const usize size = std::min<usize>(32, text.size() - at);
        const std::string piece = strace_quoted(reinterpret_cast<const u8*>(text.data()) + at, size, size);
        quoted += piece.substr(1, piece.size() - 2);
    }
    return quoted + (whole ? "\"" : "\"...");
}

std::string ArgumentPrinter::structure(Arg arg, unsigned index, u64 value) const {
    const bool unseen = is_filled_in(arg) && (!done_ || failed());
    if (unseen && arg != kIoctlArgument && arg != kRemainingOut) return strace_pointer(value);
    switch (arg) {
        case kStat:
            return stat(value);
        case kStatx:
            return statx(value);
        case kEntries:
            return strace_printf("%#llx /* %d entries */", static_cast<unsigned long long>(value), [&] {
                int count = 0;
                for (u64 at = 0; at < static_cast<u64>(call_.result); ++count) {
                    u16 size = 0;
                    if (!guest_.get(size, value + at + 16) || !size) break;
                    at += size;
                }
                return count;
            }());
        case kNewAddress:
            return call_.args[3] & 6 ? strace_pointer(value) : "";
        case kSigsetIn:
        case kSigsetOut:
            return sigset(value);
        case kActionIn:
        case kActionOut:
            return action(value);
        case kIoctlArgument:
            return ioctl_argument();
        case kFcntlArgument:
            return fcntl_argument();
        case kVectorIn:
            return vector(value, call_.args[index + 1], ~u64{0});
        case kVectorOut:
            return vector(value, call_.args[index + 1], static_cast<u64>(call_.result));
        case kPairOut: {
            int pair[2];
            if (!guest_.get(pair, value)) return strace_pointer(value);
            return strace_printf("[%d, %d]", pair[0], pair[1]);
        }
        case kPollFds:
            return poll_fds(value, call_.args[index + 1]);
        case kFdSet:
            return fd_set(value, call_.args[0]);
        case kTimespecIn:
        case kTimespecOut: {
            i64 time[2];
            return guest_.get(time, value) ? strace_timespec(time[0], time[1]) : strace_pointer(value);
        }
        case kTimevalIn:
        case kTimevalOut: {
            i64 time[2];
            if (!guest_.get(time, value)) return strace_pointer(value);
            return strace_printf("{tv_sec=%lld, tv_usec=%lld}", static_cast<long long>(time[0]),
                                 static_cast<long long>(time[1]));
        }
        case kEpollEvent:
            return epoll_events(value, 1);
        case kEpollEvents:
            return "[" + epoll_events(value, static_cast<u64>(call_.result)) + "]";
        case kSocketProtocol:
            return call_.args[0] == AF_INET || call_.args[0] == AF_INET6
                       ? value == 0    ? "IPPROTO_IP"
                         : value == 6  ? "IPPROTO_TCP"
                         : value == 17 ? "IPPROTO_UDP"
                                       : long_text(static_cast<int>(value))
                       : long_text(static_cast<int>(value));
        case kAddressIn:
            return socket_address(value, call_.args[index + 1] & 0xffffffff);
        case kAddressOut: {
            u32 size = 0;
            if (!value || !guest_.get(size, call_.args[index + 1])) return strace_pointer(value);
            return socket_address(value, size);
        }
        case kLengthOut: {
            u32 size = 0;
            if (!guest_.get(size, value)) return strace_pointer(value);
            const bool other = entry_.length >= 0 && entry_.length != i64{size};
            return "[" + (other ? std::to_string(entry_.length) + " => " : "") + std::to_string(size) + "]";
        }
        case kRemainingOut:
            return remaining(value);
        case kTimespecPair: {
            i64 times[4];
            if (!guest_.get(times, value)) return strace_pointer(value);
            return "[" + strace_file_time(times[0], times[1]) + ", " + strace_file_time(times[2], times[3]) +
                   "]";
        }
        case kItimerIn:
        case kItimerOut:
            return itimer(value);
        case kCpusIn:
            return cpus(value, call_.args[index - 1]);
        case kCpusOut:
            return cpus(value, static_cast<u64>(call_.result));
        case kSysinfo:
            return sysinfo(value);
        case kStatfs:
            return statfs(value);
        case kPrctlArgument: {
            constexpr u64 kGetName = 16;
            return call_.args[0] == kGetName ? path(value) : strace_pointer(value);
        }
        case kArguments:
            return strings(value, false);
        case kEnvironment:
            return strings(value, true);
        case kWaitStatus: {
            int status = 0;
            if (!value || !call_.result || !guest_.get(status, value)) return strace_pointer(value);
            if (WIFEXITED(status))
                return strace_printf("[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]", WEXITSTATUS(status));
            if (WIFSIGNALED(status))
                return "[{WIFSIGNALED(s) && WTERMSIG(s) == " + strace_signal(WTERMSIG(status)) +
                       (WCOREDUMP(status) ? " && WCOREDUMP(s)}]" : "}]");
            return strace_printf("[{WIFSTOPPED(s) && WSTOPSIG(s) == %s}]",
                                 strace_signal(WSTOPSIG(status)).c_str());
        }
        case kClone:
            return clone();
        case kClone3:
            return clone3();
        case kFutex: {
            std::string text = strace_one_of(value & 0x7f, kFutexes, "FUTEX_???");
            if (value & FUTEX_PRIVATE_FLAG) text += "_PRIVATE";
            return text + (value & FUTEX_CLOCK_REALTIME ? "|FUTEX_CLOCK_REALTIME" : "");
        }
        case kFutexTimeout: {
            const u64 operation = call_.args[1] & 0x7f;
            const bool waits =
                operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET || operation == FUTEX_LOCK_PI;
            i64 time[2];
            if (!waits) return operation == FUTEX_WAKE ? "" : std::to_string(static_cast<u32>(value));
            std::string text =
                guest_.get(time, value) ? strace_timespec(time[0], time[1]) : strace_pointer(value);
            if (operation == FUTEX_WAIT_BITSET)
                text += call_.args[5] == 0xffffffff
                            ? ", FUTEX_BITSET_MATCH_ANY"
                            : strace_printf(", %#llx", static_cast<unsigned long long>(call_.args[5]));
            return text;
        }
        case kLimitIn:
        case kLimitOut:
            return limit(value);
        case kUname: {
            utsname name;
            if (!guest_.get(name, value)) return strace_pointer(value);
            return std::string("{sysname=\"") + name.sysname + "\", nodename=\"" + name.nodename + "\", ...}";
        }
        default:
            return strace_pointer(value);
    }
}

std::string ArgumentPrinter::stat(u64 address) const {
    struct ::stat status {};
    if (!guest_.get(status, address)) return strace_pointer(address);
    std::string text = "{st_mode=" + strace_mode(status.st_mode);
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
        text += strace_printf(", st_rdev=makedev(%#x, %#x)", major(status.st_rdev), minor(status.st_rdev));
    else
        text += strace_printf(", st_size=%lld", static_cast<long long>(status.st_size));
    return text + ", ...}";
}

std::string ArgumentPrinter::statx(u64 address) const {
    struct ::statx status {};
    if (!guest_.get(status, address)) return strace_pointer(address);
    return "{stx_mask=" + strace_flags(status.stx_mask, kStatxBits) +
           strace_printf(", stx_attributes=%s, stx_mode=%s, stx_size=%llu, ...}",
                         status.stx_attributes ? strace_pointer(status.stx_attributes).c_str() : "0",
                         strace_mode(status.stx_mode).c_str(),
                         static_cast<unsigned long long>(status.stx_size));
}

std::string ArgumentPrinter::sigset(u64 address) const {
    u64 mask = 0;
    return guest_.get(mask, address) ? strace_sigset(mask) : strace_pointer(address);
}

std::string ArgumentPrinter::action(u64 address) const {
    kernel::SigAction act;
    if (!guest_.get(act, address)) return strace_pointer(address);
    const std::string handler = act.handler == kernel::kSigDfl   ? "SIG_DFL"
                                : act.handler == kernel::kSigIgn ? "SIG_IGN"
                                                                 : strace_pointer(act.handler);
    std::string text = "{sa_handler=" + handler + ", sa_mask=" + strace_sigset(act.mask) +
                       ", sa_flags=" + strace_flags(act.flags, kSaFlags);
    if (act.flags & 0x04000000) text += ", sa_restorer=" + strace_pointer(act.restorer);
    return text + "}";
}

std::string ArgumentPrinter::vector(u64 address, u64 count, u64 limit) const {
    std::string text = "[";
    for (u64 i = 0; i < count; ++i) {
        u64 part[2];
        if (i == 32) return text + ", ...]";
        if (!guest_.get(part, address + i * sizeof part))
            return i ? text + ", ...]" : strace_pointer(address);
        if (i) text += ", ";
        const u64 size = std::min(part[1], limit);
        if (limit != ~u64{0}) limit -= size;
        text += "{iov_base=" + (failed() ? strace_pointer(part[0]) : bytes(part[0], size)) +
                ", iov_len=" + std::to_string(part[1]) + "}";
    }
    return text + "]";
}

std::string ArgumentPrinter::poll_fds(u64 address, u64 count) const {
    std::string text = "[";
    for (u64 i = 0; i < count; ++i) {
        pollfd entry;
        if (!guest_.get(entry, address + i * sizeof entry))
            return i ? text + ", ...]" : strace_pointer(address);
        if (i) text += ", ";
        text += strace_printf("{fd=%d", entry.fd);
        if (entry.fd >= 0) text += ", events=" + strace_flags(static_cast<u16>(entry.events), kPoll);
        text += "}";
    }
    return text + "]";
}

std::string ArgumentPrinter::fd_set(u64 address, u64 count) const {
    if (!address) return "NULL";
    std::string text = "[";
    for (u64 fd = 0; fd < std::min<u64>(count, 1024); ++fd) {
        u8 byte = 0;
        if (!guest_.read(address + fd / 8, &byte, 1)) return strace_pointer(address);
        if (!(byte >> (fd % 8) & 1)) continue;
        text += (text.size() > 1 ? " " : "") + std::to_string(fd);
    }
    return text + "]";
}

std::string ArgumentPrinter::strings(u64 address, bool count_only) const {
    if (!address) return "NULL";
    std::string text = "[";
    u64 count = 0;
    for (;; ++count) {
        u64 entry = 0;
        if (!guest_.get(entry, address + count * 8)) return strace_pointer(address);
        if (!entry) break;
        if (count_only) continue;
        if (count == 32) return text + ", ...]";
        std::string value;
        bool whole = false;
        (void)guest_.text(entry, 33, value, whole);
        text += (count ? ", " : "") +
                strace_quoted(reinterpret_cast<const u8*>(value.data()), value.size(), value.size());
    }
    if (!count_only) return text + "]";
    return strace_printf("%#llx /* %llu var%s */", static_cast<unsigned long long>(address),
                         static_cast<unsigned long long>(count), count == 1 ? "" : "s");
}

std::string ArgumentPrinter::epoll_events(u64 address, u64 count) const {
    std::string text;
    for (u64 i = 0; i < count; ++i) {
        epoll_event event;
        if (!guest_.get(event, address + i * sizeof event)) return strace_pointer(address);
        const u64 data = event.data.u64;
        text += (i ? ", " : "") + std::string("{events=") + strace_flags(event.events, kEpoll) +
                strace_printf(", data={u32=%u, u64=%llu}}", static_cast<u32>(data),
                              static_cast<unsigned long long>(data));
    }
    return text;
}

std::string ArgumentPrinter::fcntl_argument() const {
    const u64 value = call_.args[2];
    switch (static_cast<int>(call_.args[1])) {
        case F_GETFD:
        case F_GETFL:
        case F_GETOWN:
        case 11:    // F_GETSIG
        case 1032:  // F_GETPIPE_SZ
        case 1034:  // F_GET_SEALS
            return {};
        case F_SETFD:
            return strace_flags(value, kDescriptorFlags);
        case F_SETFL:
            return strace_open_flags(value);
        case F_GETLK:
        case F_SETLK:
        case F_SETLKW:
        case 36:
        case 37:
        case 38: {
            struct flock lock;
            if (!guest_.get(lock, value)) return strace_pointer(value);
            return "{l_type=" + strace_one_of(static_cast<u64>(lock.l_type), kLocks, "") +
                   ", l_whence=" + strace_one_of(static_cast<u64>(lock.l_whence), kWhences, "") +
                   strace_printf(", l_start=%lld, l_len=%lld}", static_cast<long long>(lock.l_start),
                                 static_cast<long long>(lock.l_len));
        }
        default:
            return long_text(static_cast<int>(value));
    }
}

std::string ArgumentPrinter::ioctl_argument() const {
    const u64 value = call_.args[2];
    if (!done_ || failed()) return strace_pointer(value);
    switch (static_cast<u32>(call_.args[1])) {
        case TIOCGWINSZ:
        case TIOCSWINSZ: {
            winsize size;
            if (!guest_.get(size, value)) return strace_pointer(value);
            return strace_printf("{ws_row=%u, ws_col=%u, ws_xpixel=%u, ws_ypixel=%u}", size.ws_row,
                                 size.ws_col, size.ws_xpixel, size.ws_ypixel);
        }
        case FIONREAD:
        case FIONBIO:
        case TIOCGPGRP:
        case TIOCSPGRP: {
            int number = 0;
            return guest_.get(number, value) ? "[" + std::to_string(number) + "]" : strace_pointer(value);
        }
        case FIOCLEX:
        case FIONCLEX:
            return {};
        default:
            return strace_pointer(value);
    }
}

std::string ArgumentPrinter::clone() const {
    const u64 flags = call_.args[0], stack = call_.args[1];
    std::string text = stack ? "child_stack=" + strace_pointer(stack) : "child_stack=NULL";
    text += ", flags=" + strace_flags(flags & ~u64{0xff}, kClones, "");
    if (flags & 0xff) text += (flags & ~u64{0xff} ? "|" : "") + strace_signal(static_cast<int>(flags & 0xff));
    if (flags & (CLONE_PARENT_SETTID | 0x1000)) text += ", parent_tid=" + strace_pointer(call_.args[2]);
    if (flags & CLONE_SETTLS) text += ", tls=" + strace_pointer(call_.args[4]);
    if (flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))
        text += ", child_tidptr=" + strace_pointer(call_.args[3]);
    return text;
}

std::string ArgumentPrinter::clone3() const {
    u64 words[8];
    if (!guest_.get(words, call_.args[0])) return strace_pointer(call_.args[0]);
    std::string text = "{flags=" + strace_flags(words[0], kClones);
    if (words[0] & CLONE_CHILD_CLEARTID) text += ", child_tid=" + strace_pointer(words[2]);
    if (words[0] & CLONE_PARENT_SETTID) text += ", parent_tid=" + strace_pointer(words[3]);
    text += ", exit_signal=" + (words[4] ? strace_signal(static_cast<int>(words[4])) : "0") +
            ", stack=" + strace_pointer(words[5]) +
            ", stack_size=" + (words[6] ? strace_pointer(words[6]) : "0");
    if (words[0] & CLONE_SETTLS) text += ", tls=" + strace_pointer(words[7]);
    return text + "}";
}

std::string ArgumentPrinter::socket_address(u64 address, u64 size) const {
    u8 raw[128];
    if (!address) return "NULL";
    size = std::min<u64>(size, sizeof raw);
    return guest_.read(address, raw, size) ? strace_socket_address(raw, size) : strace_pointer(address);
}

/// What an interrupted sleep had left.
std::string ArgumentPrinter::remaining(u64 address) const {
    const bool interrupted = call_.result == -EINTR || call_.result == -kernel::kErestartBlock;
    i64 time[2];
    return done_ && interrupted && guest_.get(time, address) ? strace_timespec(time[0], time[1])
                                                             : strace_pointer(address);
}

std::string ArgumentPrinter::itimer(u64 address) const {
    i64 times[4];
    if (!guest_.get(times, address)) return strace_pointer(address);
    const auto one = [](const i64* time) {
        return strace_printf("{tv_sec=%lld, tv_usec=%lld}", static_cast<long long>(time[0]),
                             static_cast<long long>(time[1]));
    };
    return "{it_interval=" + one(times) + ", it_value=" + one(times + 2) + "}";
}

std::string ArgumentPrinter::cpus(u64 address, u64 bytes) const {
    std::string text = "[";
    for (u64 cpu = 0; cpu < std::min<u64>(bytes, 128) * 8; ++cpu) {
        u8 byte = 0;
        if (!guest_.get(byte, address + cpu / 8)) return strace_pointer(address);
        if (byte >> (cpu % 8) & 1) text += (text.size() > 1 ? " " : "") + std::to_string(cpu);
    }
    return text + "]";
}

std::string ArgumentPrinter::sysinfo(u64 address) const {
    struct ::sysinfo info {};
    if (!guest_.get(info, address)) return strace_pointer(address);
    return strace_printf(
        "{uptime=%ld, loads=[%lu, %lu, %lu], totalram=%lu, freeram=%lu, sharedram=%lu, bufferram=%lu, "
        "totalswap=%lu, freeswap=%lu, procs=%u, totalhigh=%lu, freehigh=%lu, mem_unit=%u}",
        info.uptime, info.loads[0], info.loads[1], info.loads[2], info.totalram, info.freeram, info.sharedram,
        info.bufferram, info.totalswap, info.freeswap, info.procs, info.totalhigh, info.freehigh,
        info.mem_unit);
}

std::string ArgumentPrinter::statfs(u64 address) const {
    struct ::statfs status {};
    if (!guest_.get(status, address)) return strace_pointer(address);
    const auto number = [](auto value) { return static_cast<unsigned long long>(value); };
    int id[2];
    std::memcpy(id, &status.f_fsid, sizeof id);
    constexpr u64 kValid = 0x20;  // ST_VALID
    std::string text =
        "{f_type=" + strace_one_of(static_cast<u64>(status.f_type), kFileSystems, "") +
        strace_printf(
            ", f_bsize=%llu, f_blocks=%llu, f_bfree=%llu, f_bavail=%llu, f_files=%llu, f_ffree=%llu",
            number(status.f_bsize), number(status.f_blocks), number(status.f_bfree), number(status.f_bavail),
            number(status.f_files), number(status.f_ffree)) +
        strace_printf(", f_fsid={val=[%#x, %#x]}, f_namelen=%llu, f_frsize=%llu, f_flags=", id[0], id[1],
                      number(status.f_namelen), number(status.f_frsize));
    const u64 flags = static_cast<u64>(status.f_flags);
    return text + (flags & kValid ? strace_flags(flags, kMountFlags) : strace_pointer(flags)) + "}";
}

std::string ArgumentPrinter::limit(u64 address) const {
    u64 pair[2];
    if (!guest_.get(pair, address)) return strace_pointer(address);
    const auto one = [](u64 value) {
        if (value == ~u64{0}) return std::string("RLIM64_INFINITY");
        return value > 1024 && value % 1024 == 0 ? std::to_string(value / 1024) + "*1024"
                                                 : std::to_string(value);
    };
    return "{rlim_cur=" + one(pair[0]) + ", rlim_max=" + one(pair[1]) + "}";
}

}  // namespace emu
