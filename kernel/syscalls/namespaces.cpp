// unshare(2) and setns(2). What tasks share can be parted; all are in the first namespaces for ever. Linux:
// kernel/fork.c ksys_unshare(), kernel/nsproxy.c.
#include <sched.h>

#include "kernel/fork.h"
#include "kernel/fs/files.h"
#include "kernel/syscalls/functions.h"
#include "kernel/unsupported.h"

namespace kernel::calls {

namespace {

constexpr u64 kNewTime = 0x80;  ///< CLONE_NEWTIME
constexpr u64 kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                            CLONE_NEWPID | CLONE_NEWNET | kNewTime;

}  // namespace

i64 unshare(Syscall& call) {
    u64 flags = static_cast<u32>(call.args[0]);
    constexpr u64 kKnown =
        kNamespaces | CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM;
    if (flags & ~kKnown) return -EINVAL;
    // check_unshare_flags(): a process with one thread shares none of these.
    if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER)) &&
        call.kernel.process_of(call.task).threads.size() > 1)
        return -EINVAL;
    if (flags & kNamespaces) return refuse_unsupported(call.kernel, "unshare", flags & kNamespaces, EPERM);
    if (flags & CLONE_FS) unshare_fs(call.kernel, call.task);
    if (flags & CLONE_FILES) unshare_files(call.kernel, call.task);
    return 0;
}

/// Every namespace that there is is the caller's own.
i64 setns(Syscall& call) {
    const OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    if (!file->path.starts_with("/proc/nsfs/")) return -EINVAL;
    return -EPERM;
}

}  // namespace kernel::calls
