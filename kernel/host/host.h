// The only door between the guest and the host: every call of the host's that a guest's run depends on, under
// its own name. What comes in through it is all that is not deduced from the guest itself, so it is what a
// recording holds (journal.h) and what a replay takes from there (seam.h). Nothing else in kernel/ calls the
// host; .ci/check_host_calls looks at the object files.
//
// Each function is the host's own: -1 and errno on failure. Memory that is allocated (mmap without a file) is
// no input and stays where it is.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "mmu/base/ints.h"

struct open_how;

namespace kernel::host {

using mmu::u32;
using mmu::u64;
using mmu::usize;

// Descriptors.
int openat2(int directory, const char* path, const open_how& how);
int open(const char* path, int flags, mode_t mode = 0);
int openat(int directory, const char* path, int flags);
int memfd_create(const char* name, unsigned flags);
void close(int fd);
int fcntl(int fd, int command, int argument = 0);
int fcntl_lock(int fd, int command, struct flock& lock);
int flock(int fd, int operation);

// Bytes.
ssize_t read(int fd, void* bytes, usize size);
ssize_t pread(int fd, void* bytes, usize size, off_t offset);
ssize_t write(int fd, const void* bytes, usize size);
ssize_t pwrite(int fd, const void* bytes, usize size, off_t offset);
off_t lseek(int fd, off_t offset, int whence);
int ftruncate(int fd, off_t size);
int truncate(const char* path, off_t size);
int fallocate(int fd, int mode, off_t offset, off_t size);
int fsync(int fd);

// What a file is.
int fstat(int fd, struct stat* status);
int fstatat(int directory, const char* path, struct stat* status, int flags);
int fstatfs(int fd, struct statfs* status);
ssize_t readlink(const char* path, char* text, usize size);
ssize_t readlinkat(int directory, const char* path, char* text, usize size);
int faccessat(int directory, const char* path, int mode, int flags);
/// `number`: SYS_getdents or SYS_getdents64.
long getdents(long number, int fd, void* entries, usize size);

// The tree of files.
int mkdirat(int directory, const char* path, mode_t mode);
int mknodat(int directory, const char* path, mode_t mode, dev_t device);
int unlinkat(int directory, const char* path, int flags);
int renameat2(int from, const char* old_path, int to, const char* new_path, unsigned flags);
int linkat(int from, const char* old_path, int to, const char* new_path, int flags);
int symlinkat(const char* target, int directory, const char* path);
int chmod(const char* path, mode_t mode);
int fchmod(int fd, mode_t mode);
int fchown(int fd, uid_t owner, gid_t group);
int fchownat(int directory, const char* path, uid_t owner, gid_t group, int flags);
int futimens(int fd, const struct timespec* times);
int utimensat(int directory, const char* path, const struct timespec* times, int flags);
/// Writes the name that was made into `name`, as mkdtemp(3) does; false: none.
bool mkdtemp(char* name);
/// `rm -r` of a folder that mkdtemp() made; a replay, which made none, does nothing.
void remove_tree(const char* path);
mode_t umask(mode_t mask);

// Terminals.
/// The kernel's ioctl(2), with the `size` bytes at `value` going in and out.
int ioctl(int fd, unsigned long request, void* value, usize size);
/// The same with a number.
int ioctl(int fd, unsigned long request, u64 value);
bool isatty(int fd);

// Waiting.
int poll(pollfd* entries, usize count, int timeout_ms);
/// poll(2), or -EINTR at once where *`flag` is set; a signal that comes in between ends it. -errno on
/// failure.
int poll_unless(const volatile int* flag, pollfd* entries, usize count, mmu::i64 timeout_ms);
/// Whether a signal from outside has been noted in `flag`, which may be null.
bool interrupted(const volatile int* flag);
int epoll_create1(int flags);
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event);
int epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms);

int inotify_init1(int flags);
int inotify_add_watch(int fd, const char* path, u32 mask);
int inotify_rm_watch(int fd, int wd);

// Sockets.
int socket(int domain, int type, int protocol);
int accept4(int fd, sockaddr* address, socklen_t* size, int flags);
int bind(int fd, const sockaddr* address, socklen_t size);
int connect(int fd, const sockaddr* address, socklen_t size);
int listen(int fd, int backlog);
int shutdown(int fd, int how);
int getsockname(int fd, sockaddr* address, socklen_t* size);
int getpeername(int fd, sockaddr* address, socklen_t* size);
int getsockopt(int fd, int level, int option, void* value, socklen_t* size);
int setsockopt(int fd, int level, int option, const void* value, socklen_t size);
ssize_t sendto(int fd, const void* bytes, usize size, int flags, const sockaddr* to, socklen_t to_size);
/// recvmsg(2) with one buffer and no control data; `message_flags` are msg_flags.
ssize_t recvfrom(int fd, void* bytes, usize size, int flags, sockaddr* from, socklen_t* from_size,
                 int* message_flags);

// Who we are.
/// clock_gettime(2), in nanoseconds.
mmu::u64 clock_ns(int clock);
uid_t getuid();
uid_t geteuid();
gid_t getgid();
gid_t getegid();
pid_t getpid();
int getgroups(int count, gid_t* groups);

/// SIGSTOP to ourselves, for the user's shell; nothing in a replay.
void stop_self();

}  // namespace kernel::host
