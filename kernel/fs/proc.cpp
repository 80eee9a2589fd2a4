// Purpose: names below /proc: rows of text, and the links and folders that every process has. See proc.h.
// Linux: fs/proc/base.c, fs/proc/generic.c, fs/proc/fd.c.
#include "kernel/fs/proc.h"

#include <unistd.h>

#include <cstdarg>
#include <cstdio>

#include "kernel/fs/files.h"
#include "kernel/fs/proc_table.h"
#include "kernel/host/host.h"

namespace kernel {

namespace {

using Kind = ProcEntry::Kind;

std::optional<ProcEntry> find_row(std::span<const ProcRow> rows, KernelState& kernel, Task& task,
                                  const std::string& name) {
    for (const ProcRow& row : rows) {
        if (name != row.name) continue;
        ProcEntry entry;
        if (row.text) entry.text = row.text(kernel, task);
        entry.mode = row.mode;
        entry.window = row.window;
        return entry;
    }
    return std::nullopt;
}

/// /proc/PID/fd/N
std::optional<ProcEntry> descriptor_link(KernelState& kernel, Task& task, const std::string& digits) {
    if (digits.empty() || digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string::npos)
        return std::nullopt;
    const OpenFile* file = file_of(kernel, task, std::stoi(digits), FileUse::kAnyFile);
    if (!file) return std::nullopt;
    if (!file->path.empty() || file->kind != OpenFile::Kind::kHost) return ProcEntry{Kind::kLink, file->path};
    char target[4096];  // inherited or a pipe: the host's name for it
    const ssize_t length = host::readlink(descriptor_path(file->fd.get()).c_str(), target, sizeof target);
    return ProcEntry{Kind::kLink, length > 0 ? std::string(target, static_cast<size_t>(length)) : "?"};
}

/// The task's own directory, /proc/self/...
std::optional<ProcEntry> own_entry(KernelState& kernel, Task& task, const std::string& name) {
    if (auto entry = find_row(proc_process_rows(), kernel, task, name)) return entry;
    if (auto entry = find_row(proc_memory_rows(), kernel, task, name)) return entry;
    if (name == "exe") return ProcEntry{Kind::kLink, task.executable};
    if (name == "root") return ProcEntry{Kind::kLink, "/"};
    if (name == "cwd") {
        const auto path =
            kernel.paths->guest_path_of(kernel.files.at(kernel.fs_of(task).cwd.directory).fd.get());
        return ProcEntry{Kind::kLink, path ? *path : "/"};
    }
    if (name == "fd") return ProcEntry{Kind::kDirectory, ""};
    if (name.compare(0, 3, "fd/") == 0) return descriptor_link(kernel, task, name.substr(3));
    return std::nullopt;
}

}  // namespace

std::string proc_format(const char* pattern, ...) {
    char text[512];
    va_list values;
    va_start(values, pattern);
    const int length = std::vsnprintf(text, sizeof text, pattern, values);
    va_end(values);
    return std::string(text, static_cast<size_t>(std::min<int>(length, sizeof text - 1)));
}

std::optional<ProcEntry> proc_entry(KernelState& kernel, Task& task, const std::string& path) {
    const std::string name = path.size() > 6 ? path.substr(6) : std::string{};
    if (name.compare(0, 5, "self/") == 0) return own_entry(kernel, task, name.substr(5));
    if (name.empty() || name == "self") return ProcEntry{Kind::kDirectory, ""};
    if (name == "mounts") return own_entry(kernel, task, name);
    if (auto entry = find_row(proc_system_rows(), kernel, task, name)) return entry;
    if (auto entry = find_row(proc_buddy_rows(), kernel, task, name)) return entry;
    return find_row(proc_vm_rows(), kernel, task, name);
}

struct stat proc_stat(const ProcEntry& entry, const std::string& path) {
    struct stat status {};
    u64 inode = 0xcbf29ce484222325;  // FNV-1a of the name
    for (const char c : path) inode = (inode ^ static_cast<u8>(c)) * 0x100000001b3;
    status.st_dev = 0x14;
    status.st_ino = inode >> 16;
    status.st_nlink = entry.kind == Kind::kDirectory ? 2 : 1;
    status.st_mode = entry.kind == Kind::kDirectory ? S_IFDIR | 0555
                     : entry.kind == Kind::kLink    ? S_IFLNK | 0777
                                                    : S_IFREG | entry.mode;
    status.st_blksize = 1024;
    return status;
}

}  // namespace kernel
