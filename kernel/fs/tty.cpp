// Purpose: see tty.h.
#include "kernel/fs/tty.h"

#include <asm/termbits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <csignal>

#include "kernel/errno.h"
#include "kernel/fs/devpts.h"
#include "kernel/fs/files.h"
#include "kernel/fs/job_control.h"
#include "kernel/fs/n_tty.h"
#include "kernel/fs/user_stream.h"
#include "kernel/host/host.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"

namespace kernel {

using mmu::Expected;
using mmu::Unexpected;

namespace {

constexpr u64 kTermiosBytes = sizeof(Termios), kTermios2Bytes = 44;
constexpr u64 kMostWritten = 512;  ///< bytes of a write() that are taken at once

Tty& tty_of(KernelState& kernel, const OpenFile& file) {
    return kernel.ipc.ttys.at(file.object);
}

constexpr short kReadable = POLLIN | POLLRDNORM;

/// Bytes have come to the terminal, as a line or in raw mode, or to its master, where `printed` says how many
/// lay there before.
void wake_readers(KernelState& kernel, u32 id, usize printed) {
    const WaitKey slave = wait_key(WaitKind::kTty, u64{id} * 2), master = slave + 1;
    const Tty& tty = kernel.ipc.ttys.at(id);
    if (readable_bytes(tty)) {
        wake_up(kernel, slave, kReadable);
        kill_fasync(kernel, slave, IoBand::kIn);
    }
    if (tty.output.size() > printed) {
        wake_up(kernel, master, kReadable);
        kill_fasync(kernel, master, IoBand::kIn);
    }
}

void wake_both(KernelState& kernel, u32 id) {
    wake_up(kernel, wait_key(WaitKind::kTty, u64{id} * 2));
    wake_up(kernel, wait_key(WaitKind::kTty, u64{id} * 2 + 1));
}

WaitKey slave_key(const Task&, const OpenFile& file) {
    return wait_key(WaitKind::kTty, u64{file.object} * 2);
}
WaitKey master_key(const Task&, const OpenFile& file) {
    return wait_key(WaitKind::kTty, u64{file.object} * 2 + 1);
}

// The master: what a terminal emulator holds.

i64 read_master(FileCall& call, UserStream& to, u64 size) {
    Tty& tty = tty_of(call.kernel, call.file);
    if (tty.packet && tty.packet_status && size) {
        const u8 status = std::exchange(tty.packet_status, u8{0});
        return to.put(&status, 1) == 1 ? 1 : -EFAULT;
    }
    if (tty.output.empty()) return !tty.slaves && tty.slave_seen ? -EIO : -EAGAIN;
    u64 head = 0;
    if (tty.packet) {
        const u8 data = TIOCPKT_DATA;
        if (to.put(&data, 1) != 1) return -EFAULT;
        head = 1;
    }
    const u64 count = std::min<u64>(size - head, tty.output.size());
    const u64 done = to.put(reinterpret_cast<const u8*>(tty.output.data()), count);
    if (done < count) return -EFAULT;
    tty.output.erase(0, done);
    wake_up(call.kernel, slave_key(call.task, call.file), POLLOUT);
    return static_cast<i64>(head + done);
}

i64 write_master(FileCall& call, UserStream& from, u64 size) {
    Tty& tty = tty_of(call.kernel, call.file);
    const usize printed = tty.output.size();
    u64 done = 0;
    u8 byte = 0;
    if (!size) return 0;
    while (done < size && done < kMostWritten && (input_room(tty) || canonical(tty))) {
        if (from.take(&byte, 1) != 1) return done ? static_cast<i64>(done) : -EFAULT;
        receive(call.kernel, tty, byte);
        ++done;
    }
    wake_readers(call.kernel, call.file.object, printed);
    return done ? static_cast<i64>(done) : -EAGAIN;
}

short poll_master(KernelState& kernel, Task&, const OpenFile& file) {
    const Tty& tty = tty_of(kernel, file);
    int events = input_room(tty) ? POLLOUT | POLLWRNORM : 0;
    if (!tty.output.empty()) events |= POLLIN | POLLRDNORM;
    if (tty.packet && tty.packet_status) events |= POLLIN | POLLPRI;
    if (!tty.slaves && tty.slave_seen) events |= POLLHUP;
    return static_cast<short>(events);
}

// The slave: a program's terminal.

/// VMIN 0: the wait ends after VTIME tenths of a second.
bool read_times_out(KernelState& kernel, Task& task, const Tty& tty) {
    if (canonical(tty) || tty.termios.cc[VMIN]) return false;
    constexpr u64 kTenth = 100'000'000;
    u64& deadline = task.blocked_call.deadline_ns;
    const u64 now = kernel.clock.now_ns();
    if (!deadline) deadline = std::max<u64>(now + tty.termios.cc[VTIME] * kTenth, 1);
    return deadline <= now;
}

i64 read_slave(FileCall& call, UserStream& to, u64 size) {
    KernelState& kernel = call.kernel;
    Tty& tty = tty_of(kernel, call.file);
    if (!tty.masters) return 0;  // hung up
    if (const i64 error = check_background(kernel, call.task, call.file.object, SIGTTIN)) return error;
    if (!size) return 0;
    const auto available = readable_bytes(tty);
    if (!available) {
        if (call.file.flags & O_NONBLOCK) return -EAGAIN;
        return read_times_out(kernel, call.task, tty) ? 0 : -EAGAIN;
    }
    if (!*available && canonical(tty)) {  // end of file
        tty.lines.pop_front();
        return 0;
    }
    const std::string bytes = take_input(tty, std::min(size, kMaxRwCount));
    wake_up(kernel, master_key(call.task, call.file), POLLOUT);
    return to.put(reinterpret_cast<const u8*>(bytes.data()), bytes.size()) == bytes.size()
               ? static_cast<i64>(bytes.size())
               : -EFAULT;
}

void watch_slave(KernelState& kernel, Task& task, const OpenFile& file, short, WaitFor& wait) {
    const Tty& tty = tty_of(kernel, file);
    const u64 deadline = task.blocked_call.deadline_ns;
    if (!canonical(tty) && !tty.termios.cc[VMIN] && deadline)
        wait.deadline_ns = std::min(wait.deadline_ns, deadline);
}

i64 write_slave(FileCall& call, UserStream& from, u64 size) {
    KernelState& kernel = call.kernel;
    Tty& tty = tty_of(kernel, call.file);
    if (!tty.masters) return -EIO;
    if (tty.termios.lflag & TOSTOP)
        if (const i64 error = check_background(kernel, call.task, call.file.object, SIGTTOU)) return error;
    const usize printed = tty.output.size();
    u64 done = 0;
    u8 byte = 0;
    while (done < size && output_room(tty)) {
        if (from.take(&byte, 1) != 1) return done ? static_cast<i64>(done) : -EFAULT;
        print(tty, byte);
        ++done;
    }
    wake_readers(call.kernel, call.file.object, printed);
    return done || !size ? static_cast<i64>(done) : -EAGAIN;
}

short poll_slave(KernelState& kernel, Task&, const OpenFile& file) {
    const Tty& tty = tty_of(kernel, file);
    if (!tty.masters) return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
    int events = output_room(tty) ? POLLOUT | POLLWRNORM : 0;
    if (readable_bytes(tty)) events |= POLLIN | POLLRDNORM;
    return static_cast<short>(events);
}

void free_if_unused(KernelState& kernel, u32 id) {
    const Tty& tty = kernel.ipc.ttys.at(id);
    if (!tty.masters && !tty.slaves) {
        for (auto& [tgid, process] : kernel.processes)
            if (process.tty == id) process.tty = 0;
        kernel.ipc.ttys.erase(id);
    }
}

void release_master(KernelState& kernel, OpenFile& file) {
    Tty& tty = tty_of(kernel, file);
    if (--tty.masters == 0) hang_up(kernel, file.object);
    wake_both(kernel, file.object);
    free_if_unused(kernel, file.object);
}

void release_slave(KernelState& kernel, OpenFile& file) {
    --tty_of(kernel, file).slaves;
    wake_both(kernel, file.object);
    free_if_unused(kernel, file.object);
}

// ioctl

/// The numbers that glibc and the kernel agree on start alike in both structures; the second has two speeds
/// more.
i64 get_termios(FileCall& call, const Tty& tty, u64 request, u64 argument) {
    u8 bytes[kTermios2Bytes] = {};
    __builtin_memcpy(bytes, &tty.termios, kTermiosBytes);
    const u32 speeds[2] = {38400, 38400};
    __builtin_memcpy(bytes + kTermiosBytes, speeds, sizeof speeds);
    const u64 size = request == TCGETS2 ? kTermios2Bytes : kTermiosBytes;
    return copy_to_user(call.kernel.system, call.kernel.mm_of(call.task), argument, bytes, size) ? -EFAULT
                                                                                                 : 0;
}

i64 set_termios(FileCall& call, Tty& tty, u64 request, u64 argument) {
    if (const i64 error = check_background(call.kernel, call.task, call.file.object, SIGTTOU)) return error;
    Termios fresh;
    if (copy_from_user(call.kernel.system, call.kernel.mm_of(call.task), &fresh, argument, kTermiosBytes))
        return -EFAULT;
    if (request == TCSETSF || request == TCSETSF2) flush_input(tty);
    change_termios(tty, fresh);
    wake_both(call.kernel, call.file.object);
    return 0;
}

i64 set_size(FileCall& call, Tty& tty, u64 argument) {
    winsize fresh;
    if (get_user(call.kernel.system, call.kernel.mm_of(call.task), fresh, argument)) return -EFAULT;
    const bool same = !__builtin_memcmp(&fresh, &tty.size, sizeof fresh);
    tty.size = fresh;
    if (!same && tty.foreground) signal_group(call.kernel, tty.foreground, SIGWINCH);
    return 0;
}

i64 flush(FileCall& call, Tty& tty, u64 queue) {
    if (queue > 2) return -EINVAL;
    if (queue != 1) flush_input(tty);
    if (queue != 0) tty.output.clear();
    wake_both(call.kernel, call.file.object);
    return 0;
}

i64 flow(FileCall& call, Tty& tty, u64 action) {
    if (action > 3) return -EINVAL;
    if (action < 2) tty.stopped = action == 0;  // TCOOFF, TCOON
    wake_both(call.kernel, call.file.object);
    return 0;
}

/// What both sides answer. Nothing: another request.
std::optional<i64> ioctl_common(FileCall& call, Tty& tty, u64 request, u64 argument) {
    KernelState& kernel = call.kernel;
    MmStruct& mm = kernel.mm_of(call.task);
    switch (request) {
        case TCGETS:
        case TCGETS2:
            return get_termios(call, tty, request, argument);
        case TCSETS:
        case TCSETSW:
        case TCSETSF:
        case TCSETS2:
        case TCSETSW2:
        case TCSETSF2:
            return set_termios(call, tty, request, argument);
        case TIOCGWINSZ:
            return put_user(kernel.system, mm, tty.size, argument);
        case TIOCSWINSZ:
            return set_size(call, tty, argument);
        case TCFLSH:
            return flush(call, tty, argument);
        case TCXONC:
            return flow(call, tty, argument);
        case TCSBRK:
        case TCSBRKP:
        case TIOCEXCL:
        case TIOCNXCL:
            return 0;
        case TIOCSTI:
            return -EIO;  // dev.tty.legacy_tiocsti is 0
        default:
            return std::nullopt;
    }
}

i64 ioctl_slave(FileCall& call, u64 request, u64 argument) {
    Tty& tty = tty_of(call.kernel, call.file);
    if (!tty.masters) return -EIO;
    if (const auto answer = ioctl_job_control(call.kernel, call.task, call.file.object, request, argument))
        return *answer;
    if (const auto answer = ioctl_common(call, tty, request, argument)) return *answer;
    MmStruct& mm = call.kernel.mm_of(call.task);
    switch (request) {
        case FIONREAD: {
            const u64 bytes = canonical(tty) ? readable_bytes(tty).value_or(0) : tty.input.size();
            return put_user(call.kernel.system, mm, static_cast<int>(bytes), argument);
        }
        case TIOCOUTQ:
            return put_user(call.kernel.system, mm, static_cast<int>(tty.output.size()), argument);
        default:
            return -ENOTTY;
    }
}

i64 ioctl_master(FileCall& call, u64 request, u64 argument) {
    KernelState& kernel = call.kernel;
    Tty& tty = tty_of(kernel, call.file);
    MmStruct& mm = kernel.mm_of(call.task);
    int value = 0;
    switch (request) {
        case TIOCGPTN:
            return put_user(kernel.system, mm, tty.index, argument);
        case TIOCSPTLCK:
            if (get_user(kernel.system, mm, value, argument)) return -EFAULT;
            tty.locked = value;
            return 0;
        case TIOCGPTLCK:
            return put_user(kernel.system, mm, int{tty.locked}, argument);
        case TIOCPKT:
            if (get_user(kernel.system, mm, value, argument)) return -EFAULT;
            tty.packet = value;
            tty.packet_status = 0;
            return 0;
        case TIOCGPKT:
            return put_user(kernel.system, mm, int{tty.packet}, argument);
        case TIOCGPTPEER: {
            auto file = open_pts(kernel, call.task, tty.index, static_cast<int>(argument) | O_NOCTTY);
            if (!file) return -file.error();
            return install_file(kernel, call.task, std::move(*file), argument & O_CLOEXEC);
        }
        case TIOCSIG:
            if (argument < 1 || argument > 64) return -EINVAL;
            if (tty.foreground) signal_group(kernel, tty.foreground, static_cast<int>(argument));
            return 0;
        case TIOCGPGRP:  // of the other side
            return put_user(kernel.system, mm, tty.foreground, argument);
        case TIOCGSID:
            if (!tty.session) return -ENOTTY;
            return put_user(kernel.system, mm, tty.session, argument);
        case FIONREAD:
            return put_user(kernel.system, mm, static_cast<int>(tty.output.size()), argument);
        case TIOCOUTQ:
            return put_user(kernel.system, mm, 0, argument);
        default:
            return ioctl_common(call, tty, request, argument).value_or(-ENOTTY);
    }
}

/// The slave's inode in devpts.
void fill_status(struct stat& status, u32 index) {
    status.st_mode = S_IFCHR | 0600;
    status.st_nlink = 1;
    status.st_rdev = makedev(136, index);
    status.st_ino = index + 3;
    status.st_uid = host::geteuid();
    status.st_gid = host::getegid();
    status.st_dev = 24;
    status.st_blksize = 1024;
}

OpenFile tty_file(const FileOperations& ops, u32 id, u32 index, int flags, const std::string& path) {
    OpenFile file = anon_file(ops, id, flags & (O_ACCMODE | O_NONBLOCK | O_APPEND));
    file.type = S_IFCHR;
    file.path = path;
    fill_status(file.status, index);
    if (&ops == &kPtyMasterOperations) {
        file.status.st_mode = S_IFCHR | 0666;
        file.status.st_rdev = makedev(5, 2);
        file.status.st_ino = 2;
    }
    return file;
}

}  // namespace

const FileOperations kPtyMasterOperations = {.name = "/dev/ptmx",
                                             .read = read_master,
                                             .write = write_master,
                                             .poll = poll_master,
                                             .key = master_key,
                                             .release = release_master,
                                             .ioctl = ioctl_master};
const FileOperations kPtySlaveOperations = {.name = "/dev/pts",
                                            .read = read_slave,
                                            .write = write_slave,
                                            .poll = poll_slave,
                                            .key = slave_key,
                                            .release = release_slave,
                                            .ioctl = ioctl_slave,
                                            .watch = watch_slave};

OpenFile open_ptmx(KernelState& kernel, int flags) {
    Tty tty;
    while (find_pts(kernel, tty.index)) ++tty.index;
    tty.termios = standard_termios();
    tty.masters = 1;
    const u32 index = tty.index;
    return tty_file(kPtyMasterOperations, kernel.ipc.ttys.add(std::move(tty)), index, flags, "/dev/ptmx");
}

int stat_pts(KernelState& kernel, u32 index, struct stat& status) {
    if (!find_pts(kernel, index)) return -ENOENT;
    status = {};
    fill_status(status, index);
    return 0;
}

u32 find_pts(KernelState& kernel, u32 index) {
    for (auto& [id, tty] : kernel.ipc.ttys)
        if (tty.index == index && tty.masters) return id;
    return 0;
}

Expected<OpenFile, int> open_pts(KernelState& kernel, Task& task, u32 index, int flags) {
    const u32 id = find_pts(kernel, index);
    if (!id) return Unexpected{ENOENT};
    Tty& tty = kernel.ipc.ttys.at(id);
    if (tty.locked) return Unexpected{EIO};
    ++tty.slaves;
    tty.slave_seen = true;
    if (!(flags & O_NOCTTY)) maybe_acquire(kernel, task, id);
    return tty_file(kPtySlaveOperations, id, index, flags, "/dev/pts/" + std::to_string(index));
}

}  // namespace kernel
