// The names that strace gives to numbers, a table a set. Sources: strace(1), and the headers of Linux for the
// numbers; a number here and not a word is one that Debian 12's headers do not have under its name.
#pragma once

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>

#include <csignal>
#include <ctime>

#include "emu/report/strace_values.h"

namespace emu {

inline constexpr Name kOpen[] = {
    {O_CREAT, "O_CREAT"},     {O_EXCL, "O_EXCL"},          {O_NOCTTY, "O_NOCTTY"},
    {O_TRUNC, "O_TRUNC"},     {O_APPEND, "O_APPEND"},      {O_NONBLOCK, "O_NONBLOCK"},
    {O_SYNC, "O_SYNC"},       {O_DSYNC, "O_DSYNC"},        {O_ASYNC, "O_ASYNC"},
    {O_DIRECT, "O_DIRECT"},   {0100000, "O_LARGEFILE"},    {O_NOFOLLOW, "O_NOFOLLOW"},
    {O_NOATIME, "O_NOATIME"}, {O_CLOEXEC, "O_CLOEXEC"},    {O_PATH, "O_PATH"},
    {020200000, "O_TMPFILE"}, {O_DIRECTORY, "O_DIRECTORY"}};
inline constexpr Name kOpenModes[] = {
    {O_RDONLY, "O_RDONLY"}, {O_WRONLY, "O_WRONLY"}, {O_RDWR, "O_RDWR"}, {O_ACCMODE, "O_ACCMODE"}};
inline constexpr Name kAt[] = {{AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
                               {AT_REMOVEDIR, "AT_REMOVEDIR"},
                               {AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW"},
                               {AT_NO_AUTOMOUNT, "AT_NO_AUTOMOUNT"},
                               {AT_EMPTY_PATH, "AT_EMPTY_PATH"}};
inline constexpr Name kStatxBits[] = {
    {0x7ff, "STATX_BASIC_STATS"}, {1, "STATX_TYPE"},       {2, "STATX_MODE"},
    {4, "STATX_NLINK"},           {8, "STATX_UID"},        {0x10, "STATX_GID"},
    {0x20, "STATX_ATIME"},        {0x40, "STATX_MTIME"},   {0x80, "STATX_CTIME"},
    {0x100, "STATX_INO"},         {0x200, "STATX_SIZE"},   {0x400, "STATX_BLOCKS"},
    {0x800, "STATX_BTIME"},       {0x1000, "STATX_MNT_ID"}};
inline constexpr Name kUnlinkAt[] = {{AT_REMOVEDIR, "AT_REMOVEDIR"}};
inline constexpr Name kAccessModes[] = {{R_OK, "R_OK"}, {W_OK, "W_OK"}, {X_OK, "X_OK"}};
inline constexpr Name kWhences[] = {{SEEK_SET, "SEEK_SET"},
                                    {SEEK_CUR, "SEEK_CUR"},
                                    {SEEK_END, "SEEK_END"},
                                    {3, "SEEK_DATA"},
                                    {4, "SEEK_HOLE"}};
inline constexpr Name kProt[] = {{PROT_READ, "PROT_READ"},
                                 {PROT_WRITE, "PROT_WRITE"},
                                 {PROT_EXEC, "PROT_EXEC"},
                                 {PROT_GROWSDOWN, "PROT_GROWSDOWN"},
                                 {PROT_GROWSUP, "PROT_GROWSUP"}};
inline constexpr Name kMap[] = {{MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE"},
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
inline constexpr Name kRemap[] = {
    {MREMAP_MAYMOVE, "MREMAP_MAYMOVE"}, {MREMAP_FIXED, "MREMAP_FIXED"}, {4, "MREMAP_DONTUNMAP"}};
inline constexpr Name kMadvise[] = {
    {MADV_NORMAL, "MADV_NORMAL"},           {MADV_RANDOM, "MADV_RANDOM"},
    {MADV_SEQUENTIAL, "MADV_SEQUENTIAL"},   {MADV_WILLNEED, "MADV_WILLNEED"},
    {MADV_DONTNEED, "MADV_DONTNEED"},       {MADV_FREE, "MADV_FREE"},
    {MADV_REMOVE, "MADV_REMOVE"},           {MADV_DONTFORK, "MADV_DONTFORK"},
    {MADV_DOFORK, "MADV_DOFORK"},           {MADV_MERGEABLE, "MADV_MERGEABLE"},
    {MADV_UNMERGEABLE, "MADV_UNMERGEABLE"}, {MADV_HUGEPAGE, "MADV_HUGEPAGE"},
    {MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE"},   {MADV_DONTDUMP, "MADV_DONTDUMP"},
    {MADV_DODUMP, "MADV_DODUMP"},           {MADV_WIPEONFORK, "MADV_WIPEONFORK"},
    {MADV_KEEPONFORK, "MADV_KEEPONFORK"},   {MADV_COLD, "MADV_COLD"},
    {MADV_PAGEOUT, "MADV_PAGEOUT"}};
inline constexpr Name kFadvise[] = {
    {POSIX_FADV_NORMAL, "POSIX_FADV_NORMAL"},         {POSIX_FADV_RANDOM, "POSIX_FADV_RANDOM"},
    {POSIX_FADV_SEQUENTIAL, "POSIX_FADV_SEQUENTIAL"}, {POSIX_FADV_WILLNEED, "POSIX_FADV_WILLNEED"},
    {POSIX_FADV_DONTNEED, "POSIX_FADV_DONTNEED"},     {POSIX_FADV_NOREUSE, "POSIX_FADV_NOREUSE"}};
inline constexpr Name kMaskHows[] = {
    {SIG_BLOCK, "SIG_BLOCK"}, {SIG_UNBLOCK, "SIG_UNBLOCK"}, {SIG_SETMASK, "SIG_SETMASK"}};
inline constexpr Name kSaFlags[] = {{0x04000000, "SA_RESTORER"},    {SA_ONSTACK, "SA_ONSTACK"},
                                    {SA_RESTART, "SA_RESTART"},     {SA_NODEFER, "SA_NODEFER"},
                                    {0x80000000, "SA_RESETHAND"},   {SA_SIGINFO, "SA_SIGINFO"},
                                    {SA_NOCLDSTOP, "SA_NOCLDSTOP"}, {SA_NOCLDWAIT, "SA_NOCLDWAIT"}};
inline constexpr Name kPoll[] = {
    {POLLIN, "POLLIN"},         {POLLPRI, "POLLPRI"},       {POLLOUT, "POLLOUT"},
    {POLLRDNORM, "POLLRDNORM"}, {POLLRDBAND, "POLLRDBAND"}, {POLLWRNORM, "POLLWRNORM"},
    {POLLWRBAND, "POLLWRBAND"}, {0x2000, "POLLRDHUP"},      {POLLERR, "POLLERR"},
    {POLLHUP, "POLLHUP"},       {POLLNVAL, "POLLNVAL"}};
inline constexpr Name kEpoll[] = {
    {EPOLLIN, "EPOLLIN"},         {EPOLLPRI, "EPOLLPRI"},         {EPOLLOUT, "EPOLLOUT"},
    {EPOLLRDNORM, "EPOLLRDNORM"}, {EPOLLWRNORM, "EPOLLWRNORM"},   {EPOLLERR, "EPOLLERR"},
    {EPOLLHUP, "EPOLLHUP"},       {EPOLLRDHUP, "EPOLLRDHUP"},     {EPOLLEXCLUSIVE, "EPOLLEXCLUSIVE"},
    {EPOLLWAKEUP, "EPOLLWAKEUP"}, {EPOLLONESHOT, "EPOLLONESHOT"}, {EPOLLET, "EPOLLET"}};
inline constexpr Name kEpollOps[] = {
    {EPOLL_CTL_ADD, "EPOLL_CTL_ADD"}, {EPOLL_CTL_DEL, "EPOLL_CTL_DEL"}, {EPOLL_CTL_MOD, "EPOLL_CTL_MOD"}};
inline constexpr Name kEpollCreate[] = {{EPOLL_CLOEXEC, "EPOLL_CLOEXEC"}};
inline constexpr Name kClocks[] = {{CLOCK_REALTIME, "CLOCK_REALTIME"},
                                   {CLOCK_MONOTONIC, "CLOCK_MONOTONIC"},
                                   {CLOCK_PROCESS_CPUTIME_ID, "CLOCK_PROCESS_CPUTIME_ID"},
                                   {CLOCK_THREAD_CPUTIME_ID, "CLOCK_THREAD_CPUTIME_ID"},
                                   {CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW"},
                                   {CLOCK_REALTIME_COARSE, "CLOCK_REALTIME_COARSE"},
                                   {CLOCK_MONOTONIC_COARSE, "CLOCK_MONOTONIC_COARSE"},
                                   {CLOCK_BOOTTIME, "CLOCK_BOOTTIME"}};
inline constexpr Name kSleeps[] = {{TIMER_ABSTIME, "TIMER_ABSTIME"}};
inline constexpr Name kFamilies[] = {{AF_UNSPEC, "AF_UNSPEC"},   {AF_UNIX, "AF_UNIX"},
                                     {AF_INET, "AF_INET"},       {AF_INET6, "AF_INET6"},
                                     {AF_NETLINK, "AF_NETLINK"}, {AF_PACKET, "AF_PACKET"}};
inline constexpr Name kTypes[] = {{SOCK_STREAM, "SOCK_STREAM"},
                                  {SOCK_DGRAM, "SOCK_DGRAM"},
                                  {SOCK_RAW, "SOCK_RAW"},
                                  {SOCK_SEQPACKET, "SOCK_SEQPACKET"}};
inline constexpr Name kTypeFlags[] = {{SOCK_CLOEXEC, "SOCK_CLOEXEC"}, {SOCK_NONBLOCK, "SOCK_NONBLOCK"}};
inline constexpr Name kMessages[] = {{MSG_OOB, "MSG_OOB"},
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
inline constexpr Name kItimers[] = {
    {ITIMER_REAL, "ITIMER_REAL"}, {ITIMER_VIRTUAL, "ITIMER_VIRTUAL"}, {ITIMER_PROF, "ITIMER_PROF"}};
inline constexpr Name kFlocks[] = {
    {LOCK_SH, "LOCK_SH"}, {LOCK_EX, "LOCK_EX"}, {LOCK_UN, "LOCK_UN"}, {LOCK_NB, "LOCK_NB"}};
inline constexpr Name kFileSystems[] = {{EXT4_SUPER_MAGIC, "EXT2_SUPER_MAGIC"},
                                        {TMPFS_MAGIC, "TMPFS_MAGIC"},
                                        {PROC_SUPER_MAGIC, "PROC_SUPER_MAGIC"},
                                        {SYSFS_MAGIC, "SYSFS_MAGIC"},
                                        {OVERLAYFS_SUPER_MAGIC, "OVERLAYFS_SUPER_MAGIC"},
                                        {BTRFS_SUPER_MAGIC, "BTRFS_SUPER_MAGIC"},
                                        {XFS_SUPER_MAGIC, "XFS_SUPER_MAGIC"},
                                        {PIPEFS_MAGIC, "PIPEFS_MAGIC"},
                                        {SOCKFS_MAGIC, "SOCKFS_MAGIC"},
                                        {DEVPTS_SUPER_MAGIC, "DEVPTS_SUPER_MAGIC"}};
inline constexpr Name kMountFlags[] = {
    {0x20, "ST_VALID"},       {0x1, "ST_RDONLY"},       {0x2, "ST_NOSUID"},    {0x4, "ST_NODEV"},
    {0x8, "ST_NOEXEC"},       {0x10, "ST_SYNCHRONOUS"}, {0x40, "ST_MANDLOCK"}, {0x400, "ST_NOATIME"},
    {0x800, "ST_NODIRATIME"}, {0x1000, "ST_RELATIME"}};
inline constexpr Name kShutdowns[] = {{SHUT_RD, "SHUT_RD"}, {SHUT_WR, "SHUT_WR"}, {SHUT_RDWR, "SHUT_RDWR"}};
inline constexpr Name kWaits[] = {{WNOHANG, "WNOHANG"},
                                  {WUNTRACED, "WUNTRACED"},
                                  {WEXITED, "WEXITED"},
                                  {WCONTINUED, "WCONTINUED"},
                                  {WNOWAIT, "WNOWAIT"}};
inline constexpr Name kClones[] = {{CLONE_VM, "CLONE_VM"},
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
inline constexpr Name kFutexes[] = {{FUTEX_WAIT, "FUTEX_WAIT"},
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
inline constexpr Name kArch[] = {{0x1001, "ARCH_SET_GS"},
                                 {0x1002, "ARCH_SET_FS"},
                                 {0x1003, "ARCH_GET_FS"},
                                 {0x1004, "ARCH_GET_GS"},
                                 {0x3001, "ARCH_CET_STATUS"}};
inline constexpr Name kPrctls[] = {
    {1, "PR_SET_PDEATHSIG"},   {2, "PR_GET_PDEATHSIG"},     {3, "PR_GET_DUMPABLE"},
    {4, "PR_SET_DUMPABLE"},    {15, "PR_SET_NAME"},         {16, "PR_GET_NAME"},
    {29, "PR_SET_TIMERSLACK"}, {38, "PR_SET_NO_NEW_PRIVS"}, {0x53564d41, "PR_SET_VMA"}};
inline constexpr Name kResources[] = {
    {RLIMIT_CPU, "RLIMIT_CPU"},           {RLIMIT_FSIZE, "RLIMIT_FSIZE"},
    {RLIMIT_DATA, "RLIMIT_DATA"},         {RLIMIT_STACK, "RLIMIT_STACK"},
    {RLIMIT_CORE, "RLIMIT_CORE"},         {RLIMIT_RSS, "RLIMIT_RSS"},
    {RLIMIT_NPROC, "RLIMIT_NPROC"},       {RLIMIT_NOFILE, "RLIMIT_NOFILE"},
    {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"},   {RLIMIT_AS, "RLIMIT_AS"},
    {RLIMIT_LOCKS, "RLIMIT_LOCKS"},       {RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING"},
    {RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE"}, {RLIMIT_NICE, "RLIMIT_NICE"},
    {RLIMIT_RTPRIO, "RLIMIT_RTPRIO"},     {RLIMIT_RTTIME, "RLIMIT_RTTIME"}};
inline constexpr Name kRandoms[] = {{1, "GRND_NONBLOCK"}, {2, "GRND_RANDOM"}, {4, "GRND_INSECURE"}};
inline constexpr Name kIoctls[] = {
    {TCGETS, "TCGETS"},       {TCSETS, "TCSETS"},         {TCSETSW, "TCSETSW"},
    {TCSETSF, "TCSETSF"},     {TIOCGWINSZ, "TIOCGWINSZ"}, {TIOCSWINSZ, "TIOCSWINSZ"},
    {TIOCGPGRP, "TIOCGPGRP"}, {TIOCSPGRP, "TIOCSPGRP"},   {TIOCGSID, "TIOCGSID"},
    {FIONREAD, "FIONREAD"},   {FIONBIO, "FIONBIO"},       {FIOCLEX, "FIOCLEX"},
    {FIONCLEX, "FIONCLEX"},   {TCFLSH, "TCFLSH"},         {TCSBRK, "TCSBRK"},
    {TIOCOUTQ, "TIOCOUTQ"},   {TIOCSCTTY, "TIOCSCTTY"},   {TIOCNOTTY, "TIOCNOTTY"},
    {TCXONC, "TCXONC"}};
inline constexpr Name kFcntls[] = {
    {F_DUPFD, "F_DUPFD"},   {F_GETFD, "F_GETFD"},   {F_SETFD, "F_SETFD"},  {F_GETFL, "F_GETFL"},
    {F_SETFL, "F_SETFL"},   {F_GETLK, "F_GETLK"},   {F_SETLK, "F_SETLK"},  {F_SETLKW, "F_SETLKW"},
    {F_SETOWN, "F_SETOWN"}, {F_GETOWN, "F_GETOWN"}, {10, "F_SETSIG"},      {11, "F_GETSIG"},
    {36, "F_OFD_GETLK"},    {37, "F_OFD_SETLK"},    {38, "F_OFD_SETLKW"},  {1030, "F_DUPFD_CLOEXEC"},
    {1031, "F_SETPIPE_SZ"}, {1032, "F_GETPIPE_SZ"}, {1033, "F_ADD_SEALS"}, {1034, "F_GET_SEALS"}};
inline constexpr Name kDescriptorFlags[] = {{FD_CLOEXEC, "FD_CLOEXEC"}};
inline constexpr Name kLocks[] = {{F_RDLCK, "F_RDLCK"}, {F_WRLCK, "F_WRLCK"}, {F_UNLCK, "F_UNLCK"}};

}  // namespace emu
