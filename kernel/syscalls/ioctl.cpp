// ioctl(2): what every descriptor answers, and of the host's files what cannot reach beyond the file itself.
// Linux: fs/ioctl.c, drivers/tty/tty_io.c.
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>

#include "kernel/fs/files.h"
#include "kernel/fs/job_control.h"
#include "kernel/fs/tty.h"
#include "kernel/host/host.h"
#include "kernel/syscalls/descriptors.h"
#include "kernel/syscalls/functions.h"
#include "kernel/unsupported.h"

namespace kernel::calls {

namespace {

/// Copies a structure from the host's ioctl to the guest.
template <class T>
i64 ioctl_get(Syscall& call, int fd, unsigned long request) {
    T value{};
    if (host::ioctl(fd, request, &value, sizeof value) < 0) return -errno;
    return call.put(value, call.args[2]);
}
template <class T>
i64 ioctl_set(Syscall& call, int fd, unsigned long request) {
    T value;
    if (call.get(value, call.args[2])) return -EFAULT;
    return host::ioctl(fd, request, &value, sizeof value) < 0 ? -errno : 0;
}

i64 ioctl_termios(Syscall& call, int fd, unsigned long request) {
    Termios value;
    if (request != TCGETS && call.get(value, call.args[2])) return -EFAULT;
    if (host::ioctl(fd, request, &value, sizeof value) < 0) return -errno;
    return request == TCGETS ? call.put(value, call.args[2]) : 0;
}

/// What is about terminals is ENOTTY for all else, as programs know that ask for it.
i64 no_such_ioctl(Syscall& call, const OpenFile& file, unsigned long request) {
    const bool of_terminals =
        _IOC_TYPE(request) == 'T' || _IOC_TYPE(request) == 'K' || _IOC_TYPE(request) == 'V';
    const bool terminal = file.kind == OpenFile::Kind::kHost && host::isatty(file.fd.get());
    if (of_terminals && !terminal) return -ENOTTY;
    return refuse_unsupported(call.kernel, "ioctl", request, ENOTTY);
}

/// do_vfs_ioctl() of a file system that cannot clone, map or freeze.
i64 ioctl_file(Syscall& call, const OpenFile& file, unsigned long request) {
    switch (request) {
        case FICLONE:
        case FICLONERANGE:
        case FS_IOC_FIEMAP:
            return -EOPNOTSUPP;
        case FIFREEZE:
        case FITHAW:
        case FIBMAP:
            return -EPERM;  // capabilities
        case FIGETBSZ: {
            struct stat status {};
            if (const int error = stat_file(file, status)) return error;
            return call.put(static_cast<int>(status.st_blksize), call.args[2]);
        }
        default:
            return no_such_ioctl(call, file, request);
    }
}

}  // namespace

i64 ioctl(Syscall& call) {
    FdTable::Slot* slot = call.files().find(call.integer(0));
    OpenFile* file = file_of(call.kernel, call.task, call.integer(0));
    if (!file) return -EBADF;
    const unsigned long request = static_cast<u32>(call.args[1]);
    switch (request) {
        case FIOCLEX:
            slot->close_on_exec = true;
            return 0;
        case FIONCLEX:
            slot->close_on_exec = false;
            return 0;
        case FIONBIO: {
            int on = 0;
            if (call.get(on, call.args[2])) return -EFAULT;
            const i64 flags = get_flags(*file);
            return set_flags(*file, static_cast<int>(on ? flags | O_NONBLOCK : flags & ~i64{O_NONBLOCK}));
        }
        case FIOASYNC: {
            int on = 0;
            if (call.get(on, call.args[2])) return -EFAULT;
            const bool terminal = S_ISCHR(file->type) && file->kind != OpenFile::Kind::kDevice;
            if (has_fasync(*file)) {
                set_fasync(call.kernel, call.task, *file, call.integer(0), on);
                return 0;
            }
            if (!S_ISSOCK(file->type) && !S_ISFIFO(file->type) && !terminal) return -ENOTTY;
            if (on) (void)refuse_unsupported(call.kernel, "ioctl FIOASYNC of the host's", request, 0);
            file->flags = on ? file->flags | FASYNC : file->flags & ~FASYNC;
            return 0;
        }
        case FIOSETOWN:
        case SIOCSPGRP: {
            int owner = 0;
            if (!S_ISSOCK(file->type)) break;
            return call.get(owner, call.args[2]) ? -EFAULT : set_owner(call.kernel, *file, owner);
        }
        case FIOGETOWN:
        case SIOCGPGRP:
            if (!S_ISSOCK(file->type)) break;
            return call.put(owner_of(call.kernel, *file), call.args[2]);
        default:
            break;
    }
    if (file->kind == OpenFile::Kind::kObject && file->ops->ioctl) {
        FileCall operation{call.kernel, call.task, *file};
        const i64 result = file->ops->ioctl(operation, request, call.args[2]);
        return result == -ENOTTY ? no_such_ioctl(call, *file, request) : result;
    }
    const int fd = host_fd(*file);
    if (fd < 0) return no_such_ioctl(call, *file, request);
    switch (request) {  // only what cannot reach beyond the file itself
        case FIONREAD:
            return ioctl_get<int>(call, fd, request);
        case TIOCOUTQ:
            return ioctl_get<int>(call, fd, request);
        case TIOCGWINSZ:
            return ioctl_get<winsize>(call, fd, request);
        case TIOCSWINSZ:
            return ioctl_set<winsize>(call, fd, request);
        case TCGETS:
        case TCSETS:
        case TCSETSW:
        case TCSETSF:
            if (request != TCGETS && host::isatty(fd))
                if (const i64 error = check_background(call.kernel, call.task, kUserTerminal, SIGTTOU))
                    return error;
            return ioctl_termios(call, fd, request);
        case TCFLSH:
        case TCSBRK:
            return host_result(host::ioctl(fd, request, call.args[2]));
        case TIOCGPGRP:
        case TIOCSPGRP:
        case TIOCGSID:
        case TIOCSCTTY:
        case TIOCNOTTY:
            if (!host::isatty(fd)) return -ENOTTY;
            return *ioctl_job_control(call.kernel, call.task, kUserTerminal, request, call.args[2]);
        default:
            return file->regular() || S_ISDIR(file->type) ? ioctl_file(call, *file, request)
                                                          : no_such_ioctl(call, *file, request);
    }
}

}  // namespace kernel::calls
