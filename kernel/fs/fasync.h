// SIGIO: whom a file tells by a signal that it can be read or written (F_SETOWN, F_SETSIG, O_ASYNC). The
// guest's own pipes, sockets, pseudo-terminals and inotifies do. Linux: fs/fcntl.c fasync_helper(),
// kill_fasync().
#pragma once

#include "kernel/fs/file_table.h"
#include "kernel/wait.h"

namespace kernel {

/// si_code and band of a SIGIO.
enum class IoBand : int { kIn = 1, kOut = 2, kHangUp = 6 };

/// A file that sends signals under a key, and the number it had when it was told to.
struct Fasync {
    OpenFileId file = 0;
    int fd = -1;
};

/// The file has a fasync operation.
bool has_fasync(const OpenFile& file);
/// FASYNC comes or goes: `fd` is what si_fd will say.
void set_fasync(KernelState& kernel, Task& task, OpenFile& file, int fd, bool on);
/// The file's last descriptor is gone.
void fasync_forget(KernelState& kernel, const OpenFile& file);
/// The owners of all files under `key` hear of it; of a pipe's ends only the one that `band` is about.
void kill_fasync(KernelState& kernel, WaitKey key, IoBand band);

/// f_setown(): F_SETOWN's argument. 0, -ESRCH or -EINVAL.
i64 set_owner(KernelState& kernel, OpenFile& file, int who);
/// F_GETOWN's answer: 0 without an owner that lives.
int owner_of(KernelState& kernel, const OpenFile& file);
/// F_SETOWN_EX, with its type and number. 0, -ESRCH or -EINVAL.
i64 set_owner_ex(KernelState& kernel, OpenFile& file, int type, Pid pid);

}  // namespace kernel
