// Files that GDB opens through us (vFile): the guest's program and libraries as the guest would reach them,
// and the guest's own /proc. Reading only. Source: GDB manual, appendix E.7 (File-I/O's layouts and error
// numbers).
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "emu/debug/gdb_server.h"
#include "emu/debug/guest_files.h"
#include "emu/debug/python_commands.h"
#include "emu/debug/symbol_file.h"
#include "kernel/fs/files.h"
#include "kernel/fs/proc.h"
#include "kernel/state.h"

namespace emu {

using Reply = std::optional<std::string>;

namespace {

std::string failed(int error) {
    constexpr int kUnknown = 9999;
    const bool shared = error == EPERM || error == ENOENT || error == EINTR || error == EBADF ||
                        error == EACCES || error == EFAULT || error == EBUSY || error == EEXIST ||
                        error == ENODEV || error == ENOTDIR || error == EISDIR || error == EINVAL ||
                        error == ENFILE || error == EMFILE || error == EFBIG || error == ENOSPC ||
                        error == ESPIPE || error == EROFS;
    return "F-1," + hex_number(static_cast<u64>(shared ? error : kUnknown));
}

/// A path in hexadecimal, as C ends it: pwndbg sends the zero byte along.
std::optional<std::string> read_path(std::string_view digits) {
    const auto path = from_hex(digits);
    if (!path) return std::nullopt;
    return path->substr(0, path->find('\0'));
}

struct ProcName {
    kernel::Task* task = nullptr;  ///< whose; null: nobody's of the guest
    std::string name;              ///< as the task itself would say it
};

/// "/proc/1000/maps", "/proc/1000/task/1001/maps": of a process or thread of the guest, whichever is
/// selected.
ProcName own_proc_name(kernel::KernelState& kernel, kernel::Task& selected, const std::string& path) {
    std::string_view rest(path);
    constexpr std::string_view kProc = "/proc/", kTask = "task/";
    if (!rest.starts_with(kProc)) return {};
    rest.remove_prefix(kProc.size());
    kernel::Task* task = &selected;
    const auto take_pid = [&] {
        kernel::Pid pid = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), pid);
        if (error != std::errc{} || end == rest.data() + rest.size() || *end != '/') return false;
        rest.remove_prefix(static_cast<usize>(end - rest.data()) + 1);
        task = kernel.find_task(pid);
        return true;
    };
    if (!take_pid()) return {task, path};
    if (task && rest.starts_with(kTask)) {
        rest.remove_prefix(kTask.size());
        if (!take_pid()) return {task, path};
    }
    return {task && task->mm ? task : nullptr, "/proc/self/" + std::string(rest)};
}

void put_number(std::string& out, u64 value, unsigned bytes) {
    for (unsigned n = bytes; n-- > 0;) out += static_cast<char>(value >> 8 * n);
}

/// struct stat of the File-I/O protocol: 64 bytes, big-endian.
std::string packed_status(const struct stat& s) {
    std::string out;
    for (const u64 value : {u64{s.st_dev}, u64{s.st_ino}, u64{s.st_mode}, u64{s.st_nlink}, u64{s.st_uid},
                            u64{s.st_gid}, u64{s.st_rdev}})
        put_number(out, value, 4);
    for (const auto value : {s.st_size, s.st_blksize, s.st_blocks})
        put_number(out, static_cast<u64>(value), 8);
    for (const auto value : {s.st_atime, s.st_mtime, s.st_ctime}) put_number(out, static_cast<u64>(value), 4);
    return out;
}

}  // namespace

/// A file of the guest's /proc; nothing: there is none of this name.
std::optional<std::string> GdbServer::own_file(const std::string& path) {
    auto& kernel = debugger_.machine().kernel().state();
    const ProcName own = own_proc_name(kernel, debugger_.task(), path);
    if (!own.task) return std::nullopt;
    if (own.name == "/proc/self/coredump_filter") return "00000033\n";
    const auto entry = kernel::proc_entry(kernel, *own.task, own.name);
    if (!entry || entry->kind != kernel::ProcEntry::Kind::kText || entry->window) return std::nullopt;
    return entry->text;
}

Reply GdbServer::file_request(PacketReader packet) {
    if (debugger_.machine().ended()) return failed(ENOENT);
    if (packet.take("setfs:")) return "F0";
    if (packet.take("open:")) return file_open(packet);
    if (packet.take("pread:")) return file_read(packet);
    if (packet.take("fstat:")) return file_status(packet);
    if (packet.take("readlink:")) return file_link(packet);
    if (packet.take("close:")) return file_close(packet);
    if (packet.take("pwrite:") || packet.take("unlink:")) return failed(EROFS);
    return "";
}

Reply GdbServer::file_open(PacketReader packet) {
    constexpr usize kMostFiles = 64;
    const auto path = read_path(packet.until(','));
    const auto flags = packet.number();
    if (!path || !flags) return failed(EINVAL);
    if (*flags & 3) return failed(EROFS);
    if (files_.size() >= kMostFiles) return failed(EMFILE);
    RemoteFile file;
    if (*path == "/vmkernel.debug" || *path == "/vmkernel-2.6.32.debug") {
        file.text = kernel_symbol_file("/", debugger_.kernel_names());
    } else if (*path == std::string("/") + kKernelSourceName) {
        file.text = kernel_source(debugger_.kernel_names());
    } else if (*path == std::string("/") + kPythonCommandsName) {
        file.text = python_commands();
    } else if (path->starts_with("/proc/")) {
        auto& kernel = debugger_.machine().kernel().state();
        const ProcName own = own_proc_name(kernel, debugger_.task(), *path);
        if (auto text = own_file(*path)) {
            file.text = std::move(*text);
        } else if (own.task && own.name == "/proc/self/exe") {
            auto opened = open_guest_file(kernel, *own.task, own.task->executable);
            if (!opened) return failed(opened.error());
            file.fd = std::move(*opened);
        } else {
            return failed(ENOENT);
        }
    } else {
        auto opened = open_guest_file(debugger_.machine().kernel().state(), debugger_.task(), *path);
        if (!opened) return failed(opened.error());
        file.fd = std::move(*opened);
    }
    files_[next_file_] = std::move(file);
    return "F" + hex_number(next_file_++);
}

/// FD,COUNT,OFFSET
Reply GdbServer::file_read(PacketReader packet) {
    const auto fd = packet.number();
    if (!fd || !packet.take(",")) return failed(EINVAL);
    const auto count = packet.number();
    if (!count || !packet.take(",")) return failed(EINVAL);
    const auto offset = packet.number();
    const auto file = files_.find(*fd);
    if (!offset || *offset > u64{1} << 62) return failed(EINVAL);
    if (file == files_.end()) return failed(EBADF);
    std::string bytes(std::min<u64>(*count, RspConnection::kMaxPacket / 2 - 32), '\0');
    if (file->second.fd) {
        const ssize_t got =
            ::pread(file->second.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(*offset));
        if (got < 0) return failed(errno);
        bytes.resize(static_cast<usize>(got));
    } else {
        const std::string& text = file->second.text;
        bytes = *offset < text.size() ? text.substr(*offset, bytes.size()) : "";
    }
    return "F" + hex_number(bytes.size()) + ";" + bytes;
}

Reply GdbServer::file_status(PacketReader packet) {
    const auto fd = packet.number();
    const auto file = fd ? files_.find(*fd) : files_.end();
    if (file == files_.end()) return failed(EBADF);
    struct stat status {};
    status.st_mode = S_IFREG | 0444;
    status.st_size = static_cast<off_t>(file->second.text.size());
    if (file->second.fd && fstat(file->second.fd.get(), &status) != 0) return failed(errno);
    const std::string bytes = packed_status(status);
    return "F" + hex_number(bytes.size()) + ";" + bytes;
}

Reply GdbServer::file_link(PacketReader packet) {
    const auto path = read_path(packet.rest());
    if (!path) return failed(EINVAL);
    auto& kernel = debugger_.machine().kernel().state();
    const ProcName own = own_proc_name(kernel, debugger_.task(), *path);
    if (!own.task) return failed(ENOENT);
    const auto entry = kernel::proc_entry(kernel, *own.task, own.name);
    if (!entry || entry->kind != kernel::ProcEntry::Kind::kLink) return failed(ENOENT);
    return "F" + hex_number(entry->text.size()) + ";" + entry->text;
}

Reply GdbServer::file_close(PacketReader packet) {
    const auto fd = packet.number();
    return fd && files_.erase(*fd) ? "F0" : failed(EBADF);
}

}  // namespace emu
