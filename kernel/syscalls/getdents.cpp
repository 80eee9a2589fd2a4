// getdents(2): the host's folders and our own. Linux: fs/readdir.c.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/fs/files.h"
#include "kernel/fs/notify.h"
#include "kernel/host/host.h"
#include "kernel/syscalls/descriptors.h"
#include "kernel/syscalls/functions.h"
#include "kernel/syscalls/proc_list.h"

namespace kernel::calls {

namespace {

i64 list_directory(Syscall& call, long host_call) {
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (!S_ISDIR(file->type)) return -ENOTDIR;
    if (file->kind == OpenFile::Kind::kText)
        return list_proc(call, *file, host_call == SYS_getdents64 ? Dirent::k64 : Dirent::kOld);
    if (host_fd(*file) < 0) return -ENOTDIR;
    constexpr u64 kMaxBytes = 64 << 10;
    if (static_cast<int>(call.args[2]) < 0) return -EINVAL;  // no entry fits into a negative count
    std::vector<u8> entries(std::min<u64>(call.args[2] & 0xffffffff, kMaxBytes));
    const off_t before = host::lseek(host_fd(*file), 0, SEEK_CUR);
    const long got = host::getdents(host_call, host_fd(*file), entries.data(), entries.size());
    if (got < 0) return -errno;
    fsnotify_file(call.kernel, *file, IN_ACCESS);
    if (copy_to_user(call.system(), call.mm(), call.args[1], entries.data(), static_cast<usize>(got))) {
        (void)host::lseek(host_fd(*file), before, SEEK_SET);
        return -EFAULT;
    }
    return got;
}

}  // namespace

i64 getdents(Syscall& call) {
    return list_directory(call, SYS_getdents);
}
i64 getdents64(Syscall& call) {
    return list_directory(call, SYS_getdents64);
}

}  // namespace kernel::calls
