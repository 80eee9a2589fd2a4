// Purpose: names below /proc: rows of text, and the links and folders that every process has. See proc.h.
// Linux: fs/proc/base.c, fs/proc/generic.c, fs/proc/fd.c.
#include "kernel/fs/proc.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <set>

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
        entry.write = row.write;
        return entry;
    }
    return std::nullopt;
}

/// A folder that rows lie in: "sys/kernel".
bool is_folder(std::span<const ProcRow> rows, const std::string& name) {
    return std::any_of(rows.begin(), rows.end(),
                       [&](const ProcRow& row) { return std::string(row.name).starts_with(name + "/"); });
}

int decimal(const std::string& digits) {
    if (digits.empty() || digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string::npos)
        return -1;
    return std::stoi(digits);
}

/// "a" and "b/c" of "a/b/c".
std::pair<std::string, std::string> split(const std::string& name) {
    const usize slash = name.find('/');
    if (slash == std::string::npos) return {name, {}};
    return {name.substr(0, slash), name.substr(slash + 1)};
}

const OpenFile* descriptor(KernelState& kernel, Task& task, const std::string& digits) {
    const int fd = decimal(digits);
    return fd < 0 || !task.files ? nullptr : file_of(kernel, task, fd, FileUse::kAnyFile);
}

/// /proc/PID/fd/N
std::optional<ProcEntry> descriptor_link(KernelState& kernel, Task& task, const std::string& digits) {
    const OpenFile* file = descriptor(kernel, task, digits);
    if (!file) return std::nullopt;
    const mode_t mode = 0100u | (file->readable() ? 0400u : 0) | (file->writable() ? 0200u : 0);
    ProcEntry entry{Kind::kLink, file->path, mode};
    if (!file->path.empty() || file->kind != OpenFile::Kind::kHost) return entry;
    char target[4096];  // inherited or a pipe: the host's name for it
    const ssize_t length = host::readlink(descriptor_path(file->fd.get()).c_str(), target, sizeof target);
    entry.text = length > 0 ? std::string(target, static_cast<size_t>(length)) : "?";
    return entry;
}

/// proc_fdinfo: seq_show()
std::optional<ProcEntry> descriptor_info(KernelState& kernel, Task& task, const std::string& digits) {
    const OpenFile* file = descriptor(kernel, task, digits);
    if (!file) return std::nullopt;
    struct stat status {};
    (void)stat_file(*file, status);
    const bool seeks = file->kind == OpenFile::Kind::kHost && file->regular();
    const i64 at = seeks ? host::lseek(file->fd.get(), 0, SEEK_CUR) : static_cast<i64>(file->offset);
    const FdTable::Slot* slot = kernel.fd_table(task).find(decimal(digits));
    const int flags = file->flags | (slot->close_on_exec ? O_CLOEXEC : 0);
    std::string text = proc_format("pos:\t%lld\nflags:\t0%o\nmnt_id:\t1\nino:\t%llu\n",
                                   static_cast<long long>(at), flags, proc_number(status.st_ino));
    if (file->kind == OpenFile::Kind::kObject && file->ops->info) text += file->ops->info(kernel, *file);
    return ProcEntry{Kind::kText, text};
}

/// The first namespaces, which all tasks are in, and their inodes. Linux: include/linux/proc_ns.h; mnt and
/// net as they come when it starts.
struct Namespace {
    const char *name, *type;
    u64 inode;
};
constexpr Namespace kNamespaces[] = {
    {"cgroup", "cgroup", 4026531835}, {"ipc", "ipc", 4026531839},
    {"mnt", "mnt", 4026531841},       {"net", "net", 4026531840},
    {"pid", "pid", 4026531836},       {"pid_for_children", "pid", 4026531836},
    {"time", "time", 4026531834},     {"time_for_children", "time", 4026531834},
    {"user", "user", 4026531837},     {"uts", "uts", 4026531838},
};
/// Where their links lead: no listed folder, as nsfs is in none.
constexpr const char* kNamespaceFolder = "/proc/nsfs/";

std::optional<ProcEntry> namespace_link(const std::string& name) {
    for (const Namespace& space : kNamespaces)
        if (name == space.name)
            return ProcEntry{Kind::kLink, proc_format("%s:[%llu]", space.type, proc_number(space.inode))};
    return std::nullopt;
}

const Namespace* namespace_file(const std::string& path) {
    if (!path.starts_with(kNamespaceFolder)) return nullptr;
    for (const Namespace& space : kNamespaces)
        if (path.substr(std::strlen(kNamespaceFolder)) == space.name) return &space;
    return nullptr;
}

bool is_process_folder(const std::string& name) {
    return name.empty() || name == "fd" || name == "fdinfo" || name == "task" || name == "ns" ||
           name == "net";
}

/// Rows that every process has.
std::vector<std::span<const ProcRow>> process_rows() {
    return {proc_process_rows(), proc_task_rows(), proc_net_rows()};
}

/// /proc/PID/NAME and /proc/PID/task/TID/NAME
std::optional<ProcEntry> process_entry(KernelState& kernel, Task& task, const std::string& name) {
    for (const auto rows : process_rows())
        if (auto entry = find_row(rows, kernel, task, name)) return entry;
    for (const ProcRow& row : proc_memory_rows()) {
        if (name != row.name || task.mm) continue;
        return ProcEntry{Kind::kText, name == "statm" ? "0 0 0 0 0 0 0\n" : ""};  // it has ended
    }
    if (auto entry = find_row(proc_memory_rows(), kernel, task, name)) return entry;
    if (is_process_folder(name)) return ProcEntry{Kind::kDirectory, "", 0555};
    const auto [first, rest] = split(name);
    if (first == "fd") return descriptor_link(kernel, task, rest);
    if (first == "ns") return namespace_link(rest);
    if (first == "fdinfo") return descriptor_info(kernel, task, rest);
    if (first == "task") {
        const auto [number, inner] = split(rest);
        Task* thread = kernel.find_task(decimal(number));
        if (!thread || thread->tgid != task.tgid || split(inner).first == "task") return std::nullopt;
        return process_entry(kernel, *thread, inner);
    }
    if (!task.mm || !task.fs) return std::nullopt;  // links of a zombie: ENOENT
    if (name == "exe") return ProcEntry{Kind::kLink, task.executable};
    if (name == "root") return ProcEntry{Kind::kLink, "/"};
    if (name != "cwd") return std::nullopt;
    const auto path = working_directory(kernel, task);
    return ProcEntry{Kind::kLink, path ? *path : "/"};
}

/// The process of that number. Deviation: of one's own, whose first thread has ended, one is shown oneself:
/// an execve() that waits for the other threads looks its program up once more.
Task* process_at(KernelState& kernel, Task& reader, int number) {
    Task* found = kernel.find_task(number);
    return found && !found->mm && number == reader.tgid ? &reader : found;
}

/// The links that lie in /proc itself.
std::optional<std::string> top_link(const Task& task, const std::string& name) {
    if (name == "self") return std::to_string(task.tgid);
    if (name == "thread-self") return std::to_string(task.tgid) + "/task/" + std::to_string(task.pid);
    if (name == "mounts") return "self/mounts";
    if (name == "net") return "self/net";
    return std::nullopt;
}

std::string below_proc(const std::string& path) {
    return path.size() > 6 ? path.substr(6) : std::string{};
}

/// All rows whose names are there for everybody.
std::vector<std::span<const ProcRow>> system_rows() {
    return {proc_system_rows(), proc_buddy_rows(), proc_slab_rows(), proc_vm_rows()};
}

u64 inode_of(const std::string& path) {
    u64 inode = 0xcbf29ce484222325;  // FNV-1a of the name
    for (const char c : path) inode = (inode ^ static_cast<u8>(c)) * 0x100000001b3;
    return inode >> 16;
}

/// Collects the entries of one folder.
class Listing {
  public:
    explicit Listing(std::string path) : path_(std::move(path)) {
        add(".", DT_DIR);
        add("..", DT_DIR);
    }
    void add(const std::string& name, u8 type) { add_at(entries_.size(), name, type); }
    void add_at(u64 place, const std::string& name, u8 type) {
        if (seen_.insert(name).second) entries_.push_back({name, type, place, inode_of(path_ + "/" + name)});
    }
    /// Files and folders of `rows` that lie in `folder` ("": at the top).
    void add_rows(std::span<const ProcRow> rows, const std::string& folder) {
        const std::string front = folder.empty() ? "" : folder + "/";
        for (const ProcRow& row : rows) {
            const std::string name = row.name;
            if (!name.starts_with(front)) continue;
            const auto [first, rest] = split(name.substr(front.size()));
            add(first, rest.empty() ? DT_REG : DT_DIR);
        }
    }
    std::vector<ProcDirent> take() { return std::move(entries_); }

  private:
    std::string path_;
    std::vector<ProcDirent> entries_;
    std::set<std::string> seen_;
};

constexpr u64 kFirstNumber = 256;  ///< places of numbers, as FIRST_PROCESS_ENTRY

void list_process(KernelState& kernel, Task& task, const std::string& name, Listing& listing) {
    const auto [first, rest] = split(name);
    if (first == "task" && !rest.empty()) {
        const auto [number, inner] = split(rest);
        Task* thread = kernel.find_task(decimal(number));
        if (thread) list_process(kernel, *thread, inner, listing);
    } else if (name == "task") {
        for (const Pid thread : kernel.process_of(task).threads)
            listing.add_at(kFirstNumber + static_cast<u64>(thread), std::to_string(thread), DT_DIR);
    } else if (name == "fd" || name == "fdinfo") {
        for (int fd = 0; task.files && fd < kernel.fd_table(task).size(); ++fd)
            if (kernel.fd_table(task).find(fd))
                listing.add_at(kFirstNumber + static_cast<u64>(fd), std::to_string(fd),
                               name == "fd" ? DT_LNK : DT_REG);
    } else {
        for (const auto rows : process_rows()) listing.add_rows(rows, name);
        listing.add_rows(proc_memory_rows(), name);
        if (name == "ns")
            for (const Namespace& space : kNamespaces) listing.add(space.name, DT_LNK);
        if (!name.empty()) return;
        for (const char* link : {"cwd", "exe", "root"}) listing.add(link, DT_LNK);
        for (const char* folder : {"fd", "fdinfo", "ns"}) listing.add(folder, DT_DIR);
        if (task.is_leader()) listing.add("task", DT_DIR);
    }
}

/// /dev: folders and links. Devices are found by path.h.
std::optional<ProcEntry> dev_entry(const std::string& path) {
    if (path == "/dev" || path == "/dev/pts") return ProcEntry{Kind::kDirectory, "", 0755};
    if (path == "/dev/fd") return ProcEntry{Kind::kLink, "/proc/self/fd"};
    const char* streams[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    for (unsigned i = 0; i < 3; ++i)
        if (path == streams[i]) return ProcEntry{Kind::kLink, "/proc/self/fd/" + std::to_string(i)};
    return std::nullopt;
}

std::vector<ProcDirent> list_dev(KernelState& kernel, const std::string& path) {
    Listing listing(path);
    if (path == "/dev/pts") {
        listing.add("ptmx", DT_CHR);
        for (const auto& [id, tty] : kernel.ipc.ttys)
            if (tty.masters) listing.add_at(kFirstNumber + tty.index, std::to_string(tty.index), DT_CHR);
        return listing.take();
    }
    for (const char* link : {"fd", "stdin", "stdout", "stderr"}) listing.add(link, DT_LNK);
    for (const char* folder : {"pts", "shm"}) listing.add(folder, DT_DIR);
    for (const char* device : {"full", "null", "ptmx", "random", "tty", "urandom", "zero"})
        listing.add(device, DT_CHR);
    return listing.take();
}

}  // namespace

std::optional<u64> proc_decimal(const std::string& text) {
    const std::string digits = text.substr(0, text.find('\n'));
    if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos)
        return std::nullopt;
    return std::stoull(digits);
}

std::string proc_format(const char* pattern, ...) {
    char text[512];
    va_list values;
    va_start(values, pattern);
    const int length = std::vsnprintf(text, sizeof text, pattern, values);
    va_end(values);
    return std::string(text, static_cast<size_t>(std::min<int>(length, sizeof text - 1)));
}

std::optional<ProcEntry> proc_entry(KernelState& kernel, Task& task, const std::string& path) {
    if (path == "/dev" || path.starts_with("/dev/")) return dev_entry(path);
    if (path.starts_with("/sys/kernel/mm/transparent_hugepage/"))
        return find_row(sysfs_thp_rows(), kernel, task, path);
    if (path.starts_with("/sys/")) return find_row(sysfs_mm_rows(), kernel, task, path);
    if (namespace_file(path)) return ProcEntry{};
    const std::string name = below_proc(path);
    if (name.empty()) return ProcEntry{Kind::kDirectory, "", 0555};
    const auto [first, rest] = split(name);
    if (const auto target = top_link(task, first)) {
        if (rest.empty()) return ProcEntry{Kind::kLink, *target};
        return proc_entry(kernel, task, "/proc/" + *target + "/" + rest);
    }
    if (const int number = decimal(first); number >= 0) {
        Task* other = process_at(kernel, task, number);
        return other ? process_entry(kernel, *other, rest) : std::nullopt;
    }
    for (const auto rows : system_rows()) {
        if (auto entry = find_row(rows, kernel, task, name)) return entry;
        if (is_folder(rows, name)) return ProcEntry{Kind::kDirectory, "", 0555};
    }
    return std::nullopt;
}

std::vector<ProcDirent> proc_list(KernelState& kernel, const std::string& path) {
    if (path.starts_with("/dev")) return list_dev(kernel, path);
    const std::string name = below_proc(path);
    const auto [first, rest] = split(name);
    Listing listing(path);
    if (const int number = decimal(first); number >= 0) {
        if (Task* other = kernel.find_task(number)) list_process(kernel, *other, rest, listing);
        return listing.take();
    }
    for (const auto rows : system_rows()) listing.add_rows(rows, name);
    if (name.empty()) {
        for (const char* link : {"self", "thread-self", "mounts", "net"}) listing.add(link, DT_LNK);
        for (const auto& [pid, other] : kernel.tasks)
            if (other.is_leader())
                listing.add_at(kFirstNumber + static_cast<u64>(pid), std::to_string(pid), DT_DIR);
    }
    return listing.take();
}

std::optional<ProcTarget> proc_target(KernelState& kernel, Task& task, const std::string& path) {
    if (!path.starts_with("/proc")) return std::nullopt;
    const std::string name = below_proc(path);
    const auto [first, rest] = split(name);
    if (rest.empty()) {
        const auto target = top_link(task, first);
        return target ? std::optional(ProcTarget{"/proc/" + *target}) : std::nullopt;
    }
    Task* owner = process_at(kernel, task, decimal(first));
    std::string inner = rest;
    if (split(inner).first == "task" && owner) {
        const auto [number, more] = split(split(inner).second);
        owner = kernel.find_task(decimal(number));
        inner = more;
    }
    const bool plain = inner == "cwd" || inner == "root" || inner == "exe";
    if (owner && split(inner).first == "ns" && namespace_link(split(inner).second))
        return ProcTarget{kNamespaceFolder + split(inner).second};
    if (!owner || (!plain && split(inner).first != "fd")) return std::nullopt;
    const auto entry = process_entry(kernel, *owner, inner);
    if (!entry || entry->kind != Kind::kLink) return std::nullopt;
    if (plain) return ProcTarget{entry->text};
    return ProcTarget{entry->text, decimal(split(inner).second), owner->pid};
}

Pid proc_owner(const Task& reader, const std::string& path) {
    const auto [first, rest] = split(below_proc(path));
    const Pid process = first == "self"          ? reader.tgid
                        : first == "thread-self" ? reader.pid
                                                 : std::max(decimal(first), 0);
    const auto [folder, inner] = split(rest);
    const Pid thread = folder == "task" ? decimal(split(inner).first) : -1;
    return thread > 0 ? thread : process ? process : reader.tgid;
}

struct stat proc_stat(const ProcEntry& entry, const std::string& path) {
    struct stat status {};
    status.st_dev = 0x14;
    status.st_ino = inode_of(path);
    status.st_nlink = entry.kind == Kind::kDirectory ? 2 : 1;
    status.st_mode = entry.kind == Kind::kDirectory ? S_IFDIR | 0555
                     : entry.kind == Kind::kLink    ? S_IFLNK | (entry.mode == 0444 ? 0777 : entry.mode)
                                                    : S_IFREG | entry.mode;
    if (decimal(split(below_proc(path)).first) >= 0) {  // a process belongs to the user, as all of the guest
        status.st_uid = host::geteuid();
        status.st_gid = host::getegid();
    }
    status.st_blksize = 1024;
    if (const Namespace* space = namespace_file(path)) {
        status.st_dev = 4;
        status.st_ino = space->inode;
        status.st_blksize = 4096;
    }
    return status;
}

}  // namespace kernel
