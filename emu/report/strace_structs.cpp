#include "emu/report/strace_structs.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>

#include <csignal>
#include <cstring>
#include <ctime>

#include "emu/report/strace_args.h"
#include "kernel/signal.h"

namespace emu {

namespace {

using enum Arg;

constexpr Name kOpen[] = {{O_CREAT, "O_CREAT"},     {O_EXCL, "O_EXCL"},          {O_NOCTTY, "O_NOCTTY"},
                          {O_TRUNC, "O_TRUNC"},     {O_APPEND, "O_APPEND"},      {O_NONBLOCK, "O_NONBLOCK"},
                          {O_SYNC, "O_SYNC"},       {O_DSYNC, "O_DSYNC"},        {O_ASYNC, "O_ASYNC"},
                          {O_DIRECT, "O_DIRECT"},   {0100000, "O_LARGEFILE"},    {O_NOFOLLOW, "O_NOFOLLOW"},
                          {O_NOATIME, "O_NOATIME"}, {O_CLOEXEC, "O_CLOEXEC"},    {O_PATH, "O_PATH"},
                          {020200000, "O_TMPFILE"}, {O_DIRECTORY, "O_DIRECTORY"}};
constexpr Name kOpenModes[] = {
    {O_RDONLY, "O_RDONLY"}, {O_WRONLY, "O_WRONLY"}, {O_RDWR, "O_RDWR"}, {O_ACCMODE, "O_ACCMODE"}};
constexpr Name kAt[] = {{AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
                        {AT_REMOVEDIR, "AT_REMOVEDIR"},
                        {AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW"},
                        {AT_NO_AUTOMOUNT, "AT_NO_AUTOMOUNT"},
                        {AT_EMPTY_PATH, "AT_EMPTY_PATH"}};
constexpr Name kStatxBits[] = {{0x7ff, "STATX_BASIC_STATS"}, {1, "STATX_TYPE"},       {2, "STATX_MODE"},
                               {4, "STATX_NLINK"},           {8, "STATX_UID"},        {0x10, "STATX_GID"},
                               {0x20, "STATX_ATIME"},        {0x40, "STATX_MTIME"},   {0x80, "STATX_CTIME"},
                               {0x100, "STATX_INO"},         {0x200, "STATX_SIZE"},   {0x400, "STATX_BLOCKS"},
                               {0x800, "STATX_BTIME"},       {0x1000, "STATX_MNT_ID"}};
constexpr Name kUnlinkAt[] = {{AT_REMOVEDIR, "AT_REMOVEDIR"}};
constexpr Name kAccessModes[] = {{R_OK, "R_OK"}, {W_OK, "W_OK"}, {X_OK, "X_OK"}};
constexpr Name kWhences[] = {{SEEK_SET, "SEEK_SET"},
                             {SEEK_CUR, "SEEK_CUR"},
                             {SEEK_END, "SEEK_END"},
                             {3, "SEEK_DATA"},
                             {4, "SEEK_HOLE"}};
constexpr Name kProt[] = {{PROT_READ, "PROT_READ"},
                          {PROT_WRITE, "PROT_WRITE"},
                          {PROT_EXEC, "PROT_EXEC"},
                          {PROT_GROWSDOWN, "PROT_GROWSDOWN"},
                          {PROT_GROWSUP, "PROT_GROWSUP"}};
constexpr Name kMap[] = {{MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE"},
                         {MAP_SHARED, "MAP_SHARED"},
                         {MAP_PRIVATE, "MAP_PRIVATE"},
                         {MAP_FIXED, "MAP_FIXED"},
                         {MAP_ANONYMOUS, "MAP_ANONYMOUS"},
                         {MAP_32BIT, "MAP_32BIT"},
                         {MAP_NORESERVE, "MAP_NORESERVE"},
                         {MAP_POPULATE, "MAP_POPULATE"},
                         {MAP_NONBLOCK, "MAP_NONBLOCK"},
                         {MAP_GROWSDOWN, "MAP_GROWSDOWN"},
                         {MAP_DENYWRITE, "MAP_DENYWRITE"},
                         {MAP_LOCKED, "MAP_LOCKED"},
                         {MAP_STACK, "MAP_STACK"},
                         {MAP_HUGETLB, "MAP_HUGETLB"},
                         {MAP_SYNC, "MAP_SYNC"},
                         {MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"}};
constexpr Name kRemap[] = {
    {MREMAP_MAYMOVE, "MREMAP_MAYMOVE"}, {MREMAP_FIXED, "MREMAP_FIXED"}, {4, "MREMAP_DONTUNMAP"}};
constexpr Name kMadvise[] = {{MADV_NORMAL, "MADV_NORMAL"},           {MADV_RANDOM, "MADV_RANDOM"},
                             {MADV_SEQUENTIAL, "MADV_SEQUENTIAL"},   {MADV_WILLNEED, "MADV_WILLNEED"},
                             {MADV_DONTNEED, "MADV_DONTNEED"},       {MADV_FREE, "MADV_FREE"},
                             {MADV_REMOVE, "MADV_REMOVE"},           {MADV_DONTFORK, "MADV_DONTFORK"},
                             {MADV_DOFORK, "MADV_DOFORK"},           {MADV_MERGEABLE, "MADV_MERGEABLE"},
                             {MADV_UNMERGEABLE, "MADV_UNMERGEABLE"}, {MADV_HUGEPAGE, "MADV_HUGEPAGE"},
                             {MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE"},   {MADV_DONTDUMP, "MADV_DONTDUMP"},
                             {MADV_DODUMP, "MADV_DODUMP"},           {MADV_WIPEONFORK, "MADV_WIPEONFORK"},
                             {MADV_KEEPONFORK, "MADV_KEEPONFORK"},   {MADV_COLD, "MADV_COLD"},
                             {MADV_PAGEOUT, "MADV_PAGEOUT"}};
constexpr Name kFadvise[] = {
    {POSIX_FADV_NORMAL, "POSIX_FADV_NORMAL"},         {POSIX_FADV_RANDOM, "POSIX_FADV_RANDOM"},
    {POSIX_FADV_SEQUENTIAL, "POSIX_FADV_SEQUENTIAL"}, {POSIX_FADV_WILLNEED, "POSIX_FADV_WILLNEED"},
    {POSIX_FADV_DONTNEED, "POSIX_FADV_DONTNEED"},     {POSIX_FADV_NOREUSE, "POSIX_FADV_NOREUSE"}};
constexpr Name kMaskHows[] = {
    {SIG_BLOCK, "SIG_BLOCK"}, {SIG_UNBLOCK, "SIG_UNBLOCK"}, {SIG_SETMASK, "SIG_SETMASK"}};
constexpr Name kSaFlags[] = {{0x04000000, "SA_RESTORER"},    {SA_ONSTACK, "SA_ONSTACK"},
                             {SA_RESTART, "SA_RESTART"},     {SA_NODEFER, "SA_NODEFER"},
                             {0x80000000, "SA_RESETHAND"},   {SA_SIGINFO, "SA_SIGINFO"},
                             {SA_NOCLDSTOP, "SA_NOCLDSTOP"}, {SA_NOCLDWAIT, "SA_NOCLDWAIT"}};
constexpr Name kPoll[] = {{POLLIN, "POLLIN"},         {POLLPRI, "POLLPRI"},       {POLLOUT, "POLLOUT"},
                          {POLLRDNORM, "POLLRDNORM"}, {POLLRDBAND, "POLLRDBAND"}, {POLLWRNORM, "POLLWRNORM"},
                          {POLLWRBAND, "POLLWRBAND"}, {0x2000, "POLLRDHUP"},      {POLLERR, "POLLERR"},
                          {POLLHUP, "POLLHUP"},       {POLLNVAL, "POLLNVAL"}};
constexpr Name kEpoll[] = {
    {EPOLLIN, "EPOLLIN"},         {EPOLLPRI, "EPOLLPRI"},         {EPOLLOUT, "EPOLLOUT"},
    {EPOLLRDNORM, "EPOLLRDNORM"}, {EPOLLWRNORM, "EPOLLWRNORM"},   {EPOLLERR, "EPOLLERR"},
    {EPOLLHUP, "EPOLLHUP"},       {EPOLLRDHUP, "EPOLLRDHUP"},     {EPOLLEXCLUSIVE, "EPOLLEXCLUSIVE"},
    {EPOLLWAKEUP, "EPOLLWAKEUP"}, {EPOLLONESHOT, "EPOLLONESHOT"}, {EPOLLET, "EPOLLET"}};
constexpr Name kEpollOps[] = {
    {EPOLL_CTL_ADD, "EPOLL_CTL_ADD"}, {EPOLL_CTL_DEL, "EPOLL_CTL_DEL"}, {EPOLL_CTL_MOD, "EPOLL_CTL_MOD"}};
constexpr Name kEpollCreate[] = {{EPOLL_CLOEXEC, "EPOLL_CLOEXEC"}};
constexpr Name kClocks[] = {{CLOCK_REALTIME, "CLOCK_REALTIME"},
                            {CLOCK_MONOTONIC, "CLOCK_MONOTONIC"},
                            {CLOCK_PROCESS_CPUTIME_ID, "CLOCK_PROCESS_CPUTIME_ID"},
                            {CLOCK_THREAD_CPUTIME_ID, "CLOCK_THREAD_CPUTIME_ID"},
                            {CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW"},
                            {CLOCK_REALTIME_COARSE, "CLOCK_REALTIME_COARSE"},
                            {CLOCK_MONOTONIC_COARSE, "CLOCK_MONOTONIC_COARSE"},
                            {CLOCK_BOOTTIME, "CLOCK_BOOTTIME"}};
constexpr Name kSleeps[] = {{TIMER_ABSTIME, "TIMER_ABSTIME"}};
constexpr Name kFamilies[] = {{AF_UNSPEC, "AF_UNSPEC"}, {AF_UNIX, "AF_UNIX"},       {AF_INET, "AF_INET"},
                              {AF_INET6, "AF_INET6"},   {AF_NETLINK, "AF_NETLINK"}, {AF_PACKET, "AF_PACKET"}};
constexpr Name kTypes[] = {{SOCK_STREAM, "SOCK_STREAM"},
                           {SOCK_DGRAM, "SOCK_DGRAM"},
                           {SOCK_RAW, "SOCK_RAW"},
                           {SOCK_SEQPACKET, "SOCK_SEQPACKET"}};
constexpr Name kTypeFlags[] = {{SOCK_CLOEXEC, "SOCK_CLOEXEC"}, {SOCK_NONBLOCK, "SOCK_NONBLOCK"}};
constexpr Name kMessages[] = {{MSG_OOB, "MSG_OOB"},
                              {MSG_PEEK, "MSG_PEEK"},
                              {MSG_DONTROUTE, "MSG_DONTROUTE"},
                              {MSG_CTRUNC, "MSG_CTRUNC"},
                              {MSG_TRUNC, "MSG_TRUNC"},
                              {MSG_DONTWAIT, "MSG_DONTWAIT"},
                              {MSG_EOR, "MSG_EOR"},
                              {MSG_WAITALL, "MSG_WAITALL"},
                              {MSG_NOSIGNAL, "MSG_NOSIGNAL"},
                              {MSG_MORE, "MSG_MORE"},
                              {MSG_CMSG_CLOEXEC, "MSG_CMSG_CLOEXEC"}};
constexpr Name kShutdowns[] = {{SHUT_RD, "SHUT_RD"}, {SHUT_WR, "SHUT_WR"}, {SHUT_RDWR, "SHUT_RDWR"}};
constexpr Name kWaits[] = {{WNOHANG, "WNOHANG"},
                           {WUNTRACED, "WUNTRACED"},
                           {WEXITED, "WEXITED"},
                           {WCONTINUED, "WCONTINUED"},
                           {WNOWAIT, "WNOWAIT"}};
constexpr Name kClones[] = {{CLONE_VM, "CLONE_VM"},
                            {CLONE_FS, "CLONE_FS"},
                            {CLONE_FILES, "CLONE_FILES"},
                            {CLONE_SIGHAND, "CLONE_SIGHAND"},
                            {0x1000, "CLONE_PIDFD"},
                            {CLONE_PTRACE, "CLONE_PTRACE"},
                            {CLONE_VFORK, "CLONE_VFORK"},
                            {CLONE_PARENT, "CLONE_PARENT"},
                            {CLONE_THREAD, "CLONE_THREAD"},
                            {CLONE_NEWNS, "CLONE_NEWNS"},
                            {CLONE_SYSVSEM, "CLONE_SYSVSEM"},
                            {CLONE_SETTLS, "CLONE_SETTLS"},
                            {CLONE_PARENT_SETTID, "CLONE_PARENT_SETTID"},
                            {CLONE_CHILD_CLEARTID, "CLONE_CHILD_CLEARTID"},
                            {0x00400000, "CLONE_DETACHED"},
                            {CLONE_UNTRACED, "CLONE_UNTRACED"},
                            {CLONE_CHILD_SETTID, "CLONE_CHILD_SETTID"}};
constexpr Name kFutexes[] = {{FUTEX_WAIT, "FUTEX_WAIT"},
                             {FUTEX_WAKE, "FUTEX_WAKE"},
                             {FUTEX_FD, "FUTEX_FD"},
                             {FUTEX_REQUEUE, "FUTEX_REQUEUE"},
                             {FUTEX_CMP_REQUEUE, "FUTEX_CMP_REQUEUE"},
                             {FUTEX_WAKE_OP, "FUTEX_WAKE_OP"},
                             {FUTEX_LOCK_PI, "FUTEX_LOCK_PI"},
                             {FUTEX_UNLOCK_PI, "FUTEX_UNLOCK_PI"},
                             {FUTEX_TRYLOCK_PI, "FUTEX_TRYLOCK_PI"},
                             {FUTEX_WAIT_BITSET, "FUTEX_WAIT_BITSET"},
                             {FUTEX_WAKE_BITSET, "FUTEX_WAKE_BITSET"},
                             {FUTEX_WAIT_REQUEUE_PI, "FUTEX_WAIT_REQUEUE_PI"},
                             {FUTEX_CMP_REQUEUE_PI, "FUTEX_CMP_REQUEUE_PI"}};
constexpr Name kArch[] = {{0x1001, "ARCH_SET_GS"},
                          {0x1002, "ARCH_SET_FS"},
                          {0x1003, "ARCH_GET_FS"},
                          {0x1004, "ARCH_GET_GS"},
                          {0x3001, "ARCH_CET_STATUS"}};
constexpr Name kPrctls[] = {
    {1, "PR_SET_PDEATHSIG"},   {2, "PR_GET_PDEATHSIG"},     {3, "PR_GET_DUMPABLE"},
    {4, "PR_SET_DUMPABLE"},    {15, "PR_SET_NAME"},         {16, "PR_GET_NAME"},
    {29, "PR_SET_TIMERSLACK"}, {38, "PR_SET_NO_NEW_PRIVS"}, {0x53564d41, "PR_SET_VMA"}};
constexpr Name kResources[] = {{RLIMIT_CPU, "RLIMIT_CPU"},           {RLIMIT_FSIZE, "RLIMIT_FSIZE"},
                               {RLIMIT_DATA, "RLIMIT_DATA"},         {RLIMIT_STACK, "RLIMIT_STACK"},
                               {RLIMIT_CORE, "RLIMIT_CORE"},         {RLIMIT_RSS, "RLIMIT_RSS"},
                               {RLIMIT_NPROC, "RLIMIT_NPROC"},       {RLIMIT_NOFILE, "RLIMIT_NOFILE"},
                               {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"},   {RLIMIT_AS, "RLIMIT_AS"},
                               {RLIMIT_LOCKS, "RLIMIT_LOCKS"},       {RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING"},
                               {RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE"}, {RLIMIT_NICE, "RLIMIT_NICE"},
                               {RLIMIT_RTPRIO, "RLIMIT_RTPRIO"},     {RLIMIT_RTTIME, "RLIMIT_RTTIME"}};
constexpr Name kRandoms[] = {{1, "GRND_NONBLOCK"}, {2, "GRND_RANDOM"}, {4, "GRND_INSECURE"}};
constexpr Name kIoctls[] = {{TCGETS, "TCGETS"},       {TCSETS, "TCSETS"},         {TCSETSW, "TCSETSW"},
                            {TCSETSF, "TCSETSF"},     {TIOCGWINSZ, "TIOCGWINSZ"}, {TIOCSWINSZ, "TIOCSWINSZ"},
                            {TIOCGPGRP, "TIOCGPGRP"}, {TIOCSPGRP, "TIOCSPGRP"},   {TIOCGSID, "TIOCGSID"},
                            {FIONREAD, "FIONREAD"},   {FIONBIO, "FIONBIO"},       {FIOCLEX, "FIOCLEX"},
                            {FIONCLEX, "FIONCLEX"},   {TCFLSH, "TCFLSH"},         {TCSBRK, "TCSBRK"},
                            {TIOCOUTQ, "TIOCOUTQ"},   {TIOCSCTTY, "TIOCSCTTY"},   {TIOCNOTTY, "TIOCNOTTY"},
                            {TCXONC, "TCXONC"}};
constexpr Name kFcntls[] = {
    {F_DUPFD, "F_DUPFD"},   {F_GETFD, "F_GETFD"},   {F_SETFD, "F_SETFD"},  {F_GETFL, "F_GETFL"},
    {F_SETFL, "F_SETFL"},   {F_GETLK, "F_GETLK"},   {F_SETLK, "F_SETLK"},  {F_SETLKW, "F_SETLKW"},
    {F_SETOWN, "F_SETOWN"}, {F_GETOWN, "F_GETOWN"}, {10, "F_SETSIG"},      {11, "F_GETSIG"},
    {36, "F_OFD_GETLK"},    {37, "F_OFD_SETLK"},    {38, "F_OFD_SETLKW"},  {1030, "F_DUPFD_CLOEXEC"},
    {1031, "F_SETPIPE_SZ"}, {1032, "F_GETPIPE_SZ"}, {1033, "F_ADD_SEALS"}, {1034, "F_GET_SEALS"}};
constexpr Name kDescriptorFlags[] = {{FD_CLOEXEC, "FD_CLOEXEC"}};
constexpr Name kLocks[] = {{F_RDLCK, "F_RDLCK"}, {F_WRLCK, "F_WRLCK"}, {F_UNLCK, "F_UNLCK"}};

std::string open_flags(u64 flags) {
    const std::string mode = strace_one_of(flags & O_ACCMODE, kOpenModes, "");
    const u64 rest = flags & ~u64{O_ACCMODE};
    return rest ? mode + "|" + strace_flags(rest, kOpen) : mode;
}

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

std::string ArgumentPrinter::flags(Arg arg, u64 value) const {
    switch (arg) {
        case kOpenFlags:
            return open_flags(value);
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
        case kRandomFlags:
            return strace_flags(value, kRandoms);
        default:
            return {};
    }
}

std::string ArgumentPrinter::structure(Arg arg, unsigned index, u64 value) const {
    const bool unseen = is_filled_in(arg) && (!done_ || failed());
    if (unseen && arg != kIoctlArgument) return strace_pointer(value);
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
            return guest_.get(size, value) ? "[" + std::to_string(size) + "]" : strace_pointer(value);
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
            return open_flags(value);
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

namespace {

std::string ready_poll(const GuestView& guest, const kernel::TracedCall& call) {
    std::string text;
    for (u64 i = 0; i < std::min<u64>(call.args[1], 1024); ++i) {
        pollfd entry;
        if (!guest.get(entry, call.args[0] + i * sizeof entry)) break;
        if (!entry.revents) continue;
        text += (text.empty() ? "" : ", ") + strace_printf("{fd=%d, revents=", entry.fd) +
                strace_flags(static_cast<u16>(entry.revents), kPoll) + "}";
    }
    return text;
}

}  // namespace

std::string strace_value_of_result(kernel::KernelState& kernel, const kernel::Task&,
                                   const kernel::TracedCall& call) {
    const std::string_view name = call.name ? call.name : "";
    const std::string number = std::to_string(call.result);
    const u64 value = static_cast<u64>(call.result);
    const auto flags = [&](const std::string& words) {
        return strace_printf("%#llx (flags %s)", static_cast<unsigned long long>(value), words.c_str());
    };
    if (name == "mmap" || name == "brk" || name == "mremap" || name == "shmat")
        return strace_printf("%#llx", static_cast<unsigned long long>(value));
    if (name == "umask") return strace_permissions(static_cast<u32>(value));
    if (name == "fcntl" && call.args[1] == F_GETFD && value)
        return flags(strace_flags(value, kDescriptorFlags));
    if (name == "fcntl" && call.args[1] == F_GETFL) return flags(open_flags(value));
    if (name == "poll" || name == "ppoll") {
        if (!value) return "0 (Timeout)";
        return number + " ([" + ready_poll(GuestView(kernel), call) + "])";
    }
    if ((name == "select" || name == "pselect6") && !value) return "0 (Timeout)";
    return number;
}

std::string strace_siginfo(const kernel::SigInfo& info) {
    static constexpr struct {
        int signal, code;
        const char* name;
    } kCodes[] = {{SIGSEGV, 1, "SEGV_MAPERR"}, {SIGSEGV, 2, "SEGV_ACCERR"},   {SIGSEGV, 4, "SEGV_PKUERR"},
                  {SIGBUS, 1, "BUS_ADRALN"},   {SIGBUS, 2, "BUS_ADRERR"},     {SIGFPE, 1, "FPE_INTDIV"},
                  {SIGFPE, 2, "FPE_INTOVF"},   {SIGFPE, 3, "FPE_FLTDIV"},     {SIGFPE, 4, "FPE_FLTOVF"},
                  {SIGFPE, 5, "FPE_FLTUND"},   {SIGFPE, 6, "FPE_FLTRES"},     {SIGFPE, 7, "FPE_FLTINV"},
                  {SIGILL, 2, "ILL_ILLOPN"},   {SIGTRAP, 1, "TRAP_BRKPT"},    {SIGTRAP, 2, "TRAP_TRACE"},
                  {SIGCHLD, 1, "CLD_EXITED"},  {SIGCHLD, 2, "CLD_KILLED"},    {SIGCHLD, 3, "CLD_DUMPED"},
                  {SIGCHLD, 5, "CLD_STOPPED"}, {SIGCHLD, 6, "CLD_CONTINUED"}, {0, 0, "SI_USER"},
                  {0, 0x80, "SI_KERNEL"},      {0, -1, "SI_QUEUE"},           {0, -2, "SI_TIMER"},
                  {0, -6, "SI_TKILL"}};
    std::string code = std::to_string(info.code);
    for (const auto& row : kCodes)
        if (row.code == info.code && (row.signal == info.signo || row.signal == 0)) {
            code = row.name;
            break;
        }
    std::string text = "{si_signo=" + strace_signal(info.signo) + ", si_code=" + code;
    if (info.layout == kernel::SigInfo::Layout::kFault)
        text += ", si_addr=" + strace_pointer(info.address);
    else if (info.layout == kernel::SigInfo::Layout::kChild)
        text += strace_printf(
            ", si_pid=%d, si_uid=%u, si_status=%s, si_utime=%lld, si_stime=%lld", info.pid, info.uid,
            info.code == 1 ? std::to_string(info.status).c_str() : strace_signal(info.status).c_str(),
            static_cast<long long>(info.utime), static_cast<long long>(info.stime));
    else if (info.code != kernel::kSiKernel)
        text += strace_printf(", si_pid=%d, si_uid=%u", info.pid, info.uid);
    return text + "}";
}

}  // namespace emu
