// Purpose: files, terminals and who we are. See host.h.
#include "kernel/host/host.h"

#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "kernel/host/perform.h"

namespace kernel::host {

namespace {

/// A replay shows what the guest wrote then.
void show(int fd, const void* bytes, usize size) {
    const char* at = static_cast<const char*>(bytes);
    while (size) {
        const ssize_t put = ::write(fd, at, size);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return;
        at += put;
        size -= static_cast<usize>(put);
    }
}

}  // namespace

int openat2(int directory, const char* path, const open_how& how) {
    return static_cast<int>(
        perform({Call::kOpenat2, directory, true, kAny}, {given(directory), named(path), given(how)}, {},
                [&] { return ::syscall(SYS_openat2, directory, path, &how, sizeof how); }));
}
int open(const char* path, int flags, mode_t mode) {
    return static_cast<int>(perform({Call::kOpen, -1, true, kAny}, {named(path), given(flags), given(mode)},
                                    {}, [&] { return ::open(path, flags, mode); }));
}
int openat(int directory, const char* path, int flags) {
    return static_cast<int>(perform({Call::kOpenat, directory, true, kAny},
                                    {given(directory), named(path), given(flags)}, {},
                                    [&] { return ::openat(directory, path, flags); }));
}
int memfd_create(const char* name, unsigned flags) {
    return static_cast<int>(perform({Call::kMemfdCreate, -1, true, kAny}, {named(name), given(flags)}, {},
                                    [&] { return ::memfd_create(name, flags); }));
}
int fcntl_lock(int fd, int command, struct flock& lock) {
    return static_cast<int>(perform({Call::kFcntlLock, fd, false, kAny},
                                    {given(fd), given(command), given(lock)}, {Out{&lock, sizeof lock}},
                                    [&] { return ::fcntl(fd, command, &lock); }));
}
int flock(int fd, int operation) {
    return static_cast<int>(perform({Call::kFlock, fd, false, kAny}, {given(fd), given(operation)}, {},
                                    [&] { return ::flock(fd, operation); }));
}
ssize_t read(int fd, void* bytes, usize size) {
    return perform({Call::kRead, fd, false, static_cast<long>(size)}, {given(fd), given(size)},
                   {Out{bytes, size, true}}, [&] { return ::read(fd, bytes, size); });
}
ssize_t pread(int fd, void* bytes, usize size, off_t offset) {
    return perform({Call::kPread, fd, false, static_cast<long>(size)},
                   {given(fd), given(size), given(offset)}, {Out{bytes, size, true}},
                   [&] { return ::pread(fd, bytes, size, offset); });
}
ssize_t write(int fd, const void* bytes, usize size) {
    const long put = perform({Call::kWrite, fd, false, static_cast<long>(size)}, {given(fd), In{bytes, size}},
                             {}, [&] { return ::write(fd, bytes, size); });
    if (const int to = Seam::get().shown(fd); to >= 0 && put > 0) show(to, bytes, static_cast<usize>(put));
    return put;
}
ssize_t pwrite(int fd, const void* bytes, usize size, off_t offset) {
    return perform({Call::kPwrite, fd, false, static_cast<long>(size)},
                   {given(fd), In{bytes, size}, given(offset)}, {},
                   [&] { return ::pwrite(fd, bytes, size, offset); });
}
off_t lseek(int fd, off_t offset, int whence) {
    return perform({Call::kLseek, fd, false, kAny}, {given(fd), given(offset), given(whence)}, {},
                   [&] { return ::lseek(fd, offset, whence); });
}
int ftruncate(int fd, off_t size) {
    return static_cast<int>(perform({Call::kFtruncate, fd, false, kAny}, {given(fd), given(size)}, {},
                                    [&] { return ::ftruncate(fd, size); }));
}
int truncate(const char* path, off_t size) {
    return static_cast<int>(perform({Call::kTruncate, -1, false, kAny}, {named(path), given(size)}, {},
                                    [&] { return ::truncate(path, size); }));
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
    return static_cast<int>(perform({Call::kFallocate, fd, false, kAny},
                                    {given(fd), given(mode), given(offset), given(size)}, {},
                                    [&] { return ::fallocate(fd, mode, offset, size); }));
}
int fsync(int fd) {
    return static_cast<int>(
        perform({Call::kFsync, fd, false, kAny}, {given(fd)}, {}, [&] { return ::fsync(fd); }));
}
int fstat(int fd, struct stat* status) {
    return static_cast<int>(perform({Call::kFstat, fd, false, kAny}, {given(fd)},
                                    {Out{status, sizeof *status}}, [&] { return ::fstat(fd, status); }));
}
int fstatat(int directory, const char* path, struct stat* status, int flags) {
    return static_cast<int>(
        perform({Call::kFstatat, directory, false, kAny}, {given(directory), named(path), given(flags)},
                {Out{status, sizeof *status}}, [&] { return ::fstatat(directory, path, status, flags); }));
}
int fstatfs(int fd, struct statfs* status) {
    return static_cast<int>(perform({Call::kFstatfs, fd, false, kAny}, {given(fd)},
                                    {Out{status, sizeof *status}}, [&] { return ::fstatfs(fd, status); }));
}
ssize_t readlink(const char* path, char* text, usize size) {
    return perform({Call::kReadlink, -1, false, static_cast<long>(size)}, {named(path), given(size)},
                   {Out{text, size, true}}, [&] { return ::readlink(path, text, size); });
}
ssize_t readlinkat(int directory, const char* path, char* text, usize size) {
    return perform({Call::kReadlinkat, directory, false, static_cast<long>(size)},
                   {given(directory), named(path), given(size)}, {Out{text, size, true}},
                   [&] { return ::readlinkat(directory, path, text, size); });
}
int faccessat(int directory, const char* path, int mode, int flags) {
    return static_cast<int>(perform({Call::kFaccessat, directory, false, kAny},
                                    {given(directory), named(path), given(mode), given(flags)}, {},
                                    [&] { return ::faccessat(directory, path, mode, flags); }));
}
long getdents(long number, int fd, void* entries, usize size) {
    return perform({Call::kGetdents, fd, false, static_cast<long>(size)},
                   {given(number), given(fd), given(size)}, {Out{entries, size, true}},
                   [&] { return ::syscall(number, fd, entries, size); });
}
int mkdirat(int directory, const char* path, mode_t mode) {
    return static_cast<int>(perform({Call::kMkdirat, directory, false, kAny},
                                    {given(directory), named(path), given(mode)}, {},
                                    [&] { return ::mkdirat(directory, path, mode); }));
}
int mknodat(int directory, const char* path, mode_t mode, dev_t device) {
    return static_cast<int>(perform({Call::kMknodat, directory, false, kAny},
                                    {given(directory), named(path), given(mode), given(device)}, {},
                                    [&] { return ::mknodat(directory, path, mode, device); }));
}
int unlinkat(int directory, const char* path, int flags) {
    return static_cast<int>(perform({Call::kUnlinkat, directory, false, kAny},
                                    {given(directory), named(path), given(flags)}, {},
                                    [&] { return ::unlinkat(directory, path, flags); }));
}
int renameat2(int from, const char* old_path, int to, const char* new_path, unsigned flags) {
    return static_cast<int>(perform({Call::kRenameat2, from, false, kAny},
                                    {given(from), named(old_path), given(to), named(new_path), given(flags)},
                                    {}, [&] { return ::renameat2(from, old_path, to, new_path, flags); }));
}
int linkat(int from, const char* old_path, int to, const char* new_path, int flags) {
    return static_cast<int>(perform({Call::kLinkat, from, false, kAny},
                                    {given(from), named(old_path), given(to), named(new_path), given(flags)},
                                    {}, [&] { return ::linkat(from, old_path, to, new_path, flags); }));
}
int symlinkat(const char* target, int directory, const char* path) {
    return static_cast<int>(perform({Call::kSymlinkat, directory, false, kAny},
                                    {named(target), given(directory), named(path)}, {},
                                    [&] { return ::symlinkat(target, directory, path); }));
}
int chmod(const char* path, mode_t mode) {
    return static_cast<int>(perform({Call::kChmod, -1, false, kAny}, {named(path), given(mode)}, {},
                                    [&] { return ::chmod(path, mode); }));
}
int fchmod(int fd, mode_t mode) {
    return static_cast<int>(perform({Call::kFchmod, fd, false, kAny}, {given(fd), given(mode)}, {},
                                    [&] { return ::fchmod(fd, mode); }));
}
int fchown(int fd, uid_t owner, gid_t group) {
    return static_cast<int>(perform({Call::kFchown, fd, false, kAny}, {given(fd), given(owner), given(group)},
                                    {}, [&] { return ::fchown(fd, owner, group); }));
}
int fchownat(int directory, const char* path, uid_t owner, gid_t group, int flags) {
    return static_cast<int>(perform({Call::kFchownat, directory, false, kAny},
                                    {given(directory), named(path), given(owner), given(group), given(flags)},
                                    {}, [&] { return ::fchownat(directory, path, owner, group, flags); }));
}
int futimens(int fd, const struct timespec* times) {
    return static_cast<int>(perform({Call::kFutimens, fd, false, kAny},
                                    {given(fd), In{times, 2 * sizeof *times}}, {},
                                    [&] { return ::futimens(fd, times); }));
}
int utimensat(int directory, const char* path, const struct timespec* times, int flags) {
    return static_cast<int>(
        perform({Call::kUtimensat, directory, false, kAny},
                {given(directory), named(path), In{times, 2 * sizeof *times}, given(flags)}, {},
                [&] { return ::utimensat(directory, path, times, flags); }));
}
mode_t umask(mode_t mask) {
    return static_cast<mode_t>(
        perform({Call::kUmask, -1, false, kAny}, {given(mask)}, {}, [&] { return ::umask(mask); }));
}
int ioctl(int fd, unsigned long request, void* value, usize size) {
    return static_cast<int>(perform({Call::kIoctl, fd, false, kAny},
                                    {given(fd), given(request), In{value, size}}, {Out{value, size}},
                                    [&] { return ::syscall(SYS_ioctl, fd, request, value); }));
}
int ioctl(int fd, unsigned long request, u64 value) {
    return static_cast<int>(perform({Call::kIoctlNumber, fd, false, kAny},
                                    {given(fd), given(request), given(value)}, {},
                                    [&] { return ::syscall(SYS_ioctl, fd, request, value); }));
}
bool isatty(int fd) {
    return static_cast<bool>(
        perform({Call::kIsatty, fd, false, kAny}, {given(fd)}, {}, [&] { return ::isatty(fd); }));
}
u64 clock_ns(int clock) {
    return static_cast<u64>(perform({Call::kClock, -1, false, kAny}, {given(clock)}, {}, [&] {
        timespec now{};
        ::clock_gettime(clock, &now);
        return mmu::i64{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
    }));
}
uid_t getuid() {
    return static_cast<uid_t>(perform({Call::kGetuid, -1, false, kAny}, {}, {}, [&] { return ::getuid(); }));
}
uid_t geteuid() {
    return static_cast<uid_t>(
        perform({Call::kGeteuid, -1, false, kAny}, {}, {}, [&] { return ::geteuid(); }));
}
gid_t getgid() {
    return static_cast<gid_t>(perform({Call::kGetgid, -1, false, kAny}, {}, {}, [&] { return ::getgid(); }));
}
gid_t getegid() {
    return static_cast<gid_t>(
        perform({Call::kGetegid, -1, false, kAny}, {}, {}, [&] { return ::getegid(); }));
}
int getgroups(int count, gid_t* groups) {
    return static_cast<int>(perform({Call::kGetgroups, -1, false, kAny}, {given(count)},
                                    {Out{groups, static_cast<usize>(count) * sizeof *groups}},
                                    [&] { return ::getgroups(count, groups); }));
}

pid_t getpid() {
    return static_cast<pid_t>(perform({Call::kGetpid, -1, false, kAny}, {}, {}, [] { return ::getpid(); }));
}

void close(int fd) {
    Seam& seam = Seam::get();
    const Seam::Close meaning = seam.closing(fd);
    if (meaning == Seam::Close::kReal) ::close(fd);
    if (meaning != Seam::Close::kCall) return;
    (void)perform({Call::kClose, fd, false, kAny}, {given(fd)}, {}, [&] { return ::close(fd); });
}

int fcntl(int fd, int command, int argument) {
    const bool copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    const long result =
        perform({Call::kFcntl, fd, copies, kAny}, {given(fd), given(command), given(argument)}, {},
                [&] { return ::fcntl(fd, command, argument); });
    if (copies) Seam::get().copied(fd, static_cast<int>(result));
    return static_cast<int>(result);
}

bool mkdtemp(char* name) {
    const usize size = __builtin_strlen(name);
    return perform({Call::kMkdtemp, -1, false, kAny}, {named(name)}, {Out{name, size}}, [&] {
               if (!::mkdtemp(name)) return -1;
               Seam::get().made_folders.insert(name);
               return 0;
           }) == 0;
}

void remove_tree(const char* path) {
    std::error_code ignored;
    if (Seam::get().made_folders.contains(path)) std::filesystem::remove_all(path, ignored);
}

void stop_self() {
    (void)perform({Call::kStopSelf, -1, false, kAny}, {}, {}, [] { return ::raise(SIGSTOP); });
}

}  // namespace kernel::host
