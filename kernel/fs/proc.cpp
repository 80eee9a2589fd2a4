#include "kernel/fs/proc.h"

#include <unistd.h>

#include <cstdio>

#include "kernel/fs/files.h"

namespace kernel {

namespace {

using Kind = ProcEntry::Kind;

template <class... Values>
std::string format(const char* pattern, Values... values) {
    char text[512];
    const int length = std::snprintf(text, sizeof text, pattern, values...);
    return std::string(text, static_cast<size_t>(std::min<int>(length, sizeof text - 1)));
}

unsigned long long kib(u64 bytes) {
    return bytes >> 10;
}

std::string cmdline(const Task& task) {
    std::string text;
    for (const std::string& argument : task.arguments) text.append(argument).push_back('\0');
    return text;
}

std::string statm(const MemoryStats& memory, const MmStruct& mm) {
    const auto pages = [](u64 bytes) { return static_cast<unsigned long long>(bytes >> mmu::kPageShift); };
    return format("%llu %llu %llu %llu 0 %llu 0\n", pages(memory.total_vm_bytes), pages(memory.rss_bytes),
                  static_cast<unsigned long long>(mm.rss_stat[MM_FILEPAGES] + mm.rss_stat[MM_SHMEMPAGES]),
                  pages(mm.end_code - mm.start_code), static_cast<unsigned long long>(mm.data_vm));
}

std::string status(const Task& task, const MemoryStats& memory, const MmStruct& mm) {
    std::string text =
        format("Name:\t%s\nUmask:\t%04o\nState:\tR (running)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n",
               task.comm.c_str(), task.umask, task.tgid, task.pid, task.ppid);
    text += format("TracerPid:\t0\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\n", ::getuid(),
                   ::geteuid(), ::geteuid(), ::geteuid(), ::getgid(), ::getegid(), ::getegid(), ::getegid());
    text +=
        format("VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmLck:\t%8llu kB\nVmHWM:\t%8llu kB\nVmRSS:\t%8llu kB\n",
               kib(memory.peak_total_vm_bytes), kib(memory.total_vm_bytes),
               kib(mm.locked_vm << mmu::kPageShift), kib(memory.peak_rss_bytes), kib(memory.rss_bytes));
    text += format("VmData:\t%8llu kB\nVmStk:\t%8llu kB\nVmExe:\t%8llu kB\nVmPTE:\t%8llu kB\nThreads:\t1\n",
                   kib(mm.data_vm << mmu::kPageShift), kib(mm.stack_vm << mmu::kPageShift),
                   kib(mm.end_code - mm.start_code), kib(memory.page_table_bytes));
    u64 pending = 0, ignored = 0, caught = 0;
    for (const SigInfo& info : task.signals.pending) pending |= sigmask_of(info.signo);
    for (int i = 1; i <= kSignals; ++i) {
        const u64 handler = task.signals.action[i].handler;
        if (handler == kSigIgn) ignored |= sigmask_of(i);
        if (handler != kSigIgn && handler != kSigDfl) caught |= sigmask_of(i);
    }
    const auto number = [](u64 value) { return static_cast<unsigned long long>(value); };
    return text + format("SigPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
                         number(pending), number(task.signals.blocked), number(ignored), number(caught));
}

/// /proc/PID/stat: 52 fields; those that are not modelled are 0.
std::string stat_line(const KernelState& kernel, const Task& task, const MemoryStats& memory,
                      const MmStruct& mm) {
    const auto number = [](u64 value) { return static_cast<unsigned long long>(value); };
    std::string text =
        format("%d (%s) R %d %d %d 0 -1 0 %llu 0 %llu 0 %llu 0 0 0 20 %d 1 0 0 %llu %llu %llu ", task.pid,
               task.comm.c_str(), task.ppid, task.pgrp, task.session, number(mm.min_flt), number(mm.maj_flt),
               number(kernel.clock.now_ns() / 10'000'000), task.nice, number(memory.total_vm_bytes),
               number(memory.rss_bytes >> mmu::kPageShift), number(mm.rlimit(kRlimitRss)));
    text +=
        format("%llu %llu %llu 0 0 0 %llu 0 0 0 0 0 17 0 0 0 0 0 0 %llu %llu %llu %llu %llu %llu %llu 0\n",
               number(mm.start_code), number(mm.end_code), number(mm.start_stack),
               number(task.signals.blocked), number(mm.start_data), number(mm.end_data), number(mm.start_brk),
               number(mm.arg_start), number(mm.arg_end), number(mm.env_start), number(mm.env_end));
    return text;
}

std::string limits(const MmStruct& mm) {
    struct Row {
        const char* name;
        Rlimit which;
        const char* unit;
    };
    static constexpr Row kRows[] = {{"Max stack size", kRlimitStack, "bytes"},
                                    {"Max open files", kRlimitNofile, "files"},
                                    {"Max address space", kRlimitAs, "bytes"},
                                    {"Max data size", kRlimitData, "bytes"}};
    std::string text = format("%-26s%-21s%-21s%-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (const Row& row : kRows) {
        const auto value = [](u64 v) {
            return v == kRlimInfinity ? std::string("unlimited") : std::to_string(v);
        };
        const Limit& limit = mm.rlimits[row.which];
        text += format("%-26s%-21s%-21s%-10s\n", row.name, value(limit.cur).c_str(), value(limit.max).c_str(),
                       row.unit);
    }
    return text;
}

/// The task's own directory, /proc/self/...
std::optional<ProcEntry> own_entry(KernelState& kernel, Task& task, const std::string& name) {
    MmStruct& mm = kernel.mm_of(task);
    const MemoryStats memory = memory_stats(kernel.system, mm);
    if (name == "maps") return ProcEntry{Kind::kText, proc_maps(kernel.system, mm)};
    if (name == "statm") return ProcEntry{Kind::kText, statm(memory, mm)};
    if (name == "status") return ProcEntry{Kind::kText, status(task, memory, mm)};
    if (name == "stat") return ProcEntry{Kind::kText, stat_line(kernel, task, memory, mm)};
    if (name == "cmdline") return ProcEntry{Kind::kText, cmdline(task)};
    if (name == "comm") return ProcEntry{Kind::kText, task.comm + "\n"};
    if (name == "limits") return ProcEntry{Kind::kText, limits(mm)};
    if (name == "mounts") return ProcEntry{Kind::kText, "/dev/root / ext4 rw 0 0\n"};
    if (name == "exe") return ProcEntry{Kind::kLink, task.executable};
    if (name == "root") return ProcEntry{Kind::kLink, "/"};
    if (name == "cwd") {
        const auto path = kernel.paths->guest_path_of(kernel.files.at(task.cwd.directory).fd.get());
        return ProcEntry{Kind::kLink, path ? *path : "/"};
    }
    if (name == "fd") return ProcEntry{Kind::kDirectory, ""};
    if (name.compare(0, 3, "fd/") == 0) {
        const std::string digits = name.substr(3);
        if (digits.empty() || digits.size() > 9 ||
            digits.find_first_not_of("0123456789") != std::string::npos)
            return std::nullopt;
        const OpenFile* file = file_of(kernel, task, std::stoi(digits), FileUse::kAnyFile);
        if (!file) return std::nullopt;
        if (!file->path.empty() || file->kind != OpenFile::Kind::kHost)
            return ProcEntry{Kind::kLink, file->path};
        char target[4096];  // inherited or a pipe: the host's name for it
        const ssize_t length = ::readlink(descriptor_path(file->fd.get()).c_str(), target, sizeof target);
        return ProcEntry{Kind::kLink, length > 0 ? std::string(target, static_cast<size_t>(length)) : "?"};
    }
    return std::nullopt;
}

std::string meminfo(const KernelState& kernel) {
    const unsigned long long total = kib(kernel.system.memory.size());
    const unsigned long long free = kib(kernel.system.buddy.free_frames() << mmu::kPageShift);
    const unsigned long long cached = kib(kernel.system.page_cache.cached_pages() << mmu::kPageShift);
    return format(
        "MemTotal:       %8llu kB\nMemFree:        %8llu kB\nMemAvailable:   %8llu kB\nBuffers:        %8u "
        "kB\n"
        "Cached:         %8llu kB\nSwapTotal:      %8u kB\nSwapFree:       %8u kB\n",
        total, free, free + cached, 0u, cached, 0u, 0u);
}

}  // namespace

std::string proc_maps(const MemorySystem& system, const MmStruct& mm) {
    std::string text;
    for (const auto& [end, vma] : mm.mm_mt) {
        char permissions[5];
        vma.permissions(permissions);
        FileBacking::Identity file{};
        u64 offset = 0;
        if (vma.vm_file) {
            file = system.page_cache.mapping_of(vma.vm_file).identity;
            offset = vma.vm_pgoff << mmu::kPageShift;
        }
        const auto number = [](u64 value) { return static_cast<unsigned long long>(value); };
        std::string line =
            format("%08llx-%08llx %s %08llx %02llx:%02llx %llu ", number(vma.vm_start), number(vma.vm_end),
                   permissions, number(offset), number((file.dev >> 8) & 0xfff),
                   number((file.dev & 0xff) | ((file.dev >> 12) & 0xfff00)), number(file.ino));
        const std::string name = vma_name(system, mm, vma);
        if (!name.empty()) {
            if (line.size() < 73) line.resize(73, ' ');  // seq_pad() up to column 25 + 6 pointers
            line += name;
        }
        text += line + "\n";
    }
    return text;
}

std::optional<ProcEntry> proc_entry(KernelState& kernel, Task& task, const std::string& path) {
    const std::string name = path.size() > 6 ? path.substr(6) : std::string{};
    if (name.compare(0, 5, "self/") == 0) return own_entry(kernel, task, name.substr(5));
    if (name.empty() || name == "self") return ProcEntry{Kind::kDirectory, ""};
    if (name == "mounts") return own_entry(kernel, task, name);
    if (name == "meminfo") return ProcEntry{Kind::kText, meminfo(kernel)};
    if (name == "uptime") {
        const u64 hundredths = kernel.clock.now_ns() / 10'000'000;
        return ProcEntry{Kind::kText,
                         format("%llu.%02llu 0.00\n", static_cast<unsigned long long>(hundredths / 100),
                                static_cast<unsigned long long>(hundredths % 100))};
    }
    if (name == "loadavg") return ProcEntry{Kind::kText, "0.00 0.00 0.00 1/1 1000\n"};
    if (name == "version") return ProcEntry{Kind::kText, "Linux version 6.12.0 (mmuscope) #1\n"};
    if (name == "filesystems") return ProcEntry{Kind::kText, "nodev\tproc\nnodev\ttmpfs\n"};
    if (name == "sys/vm/overcommit_memory") return ProcEntry{Kind::kText, "0\n"};
    if (name == "sys/vm/mmap_min_addr") return ProcEntry{Kind::kText, std::to_string(kMmapMinAddr) + "\n"};
    if (name == "sys/vm/max_map_count") return ProcEntry{Kind::kText, std::to_string(kMaxMapCount) + "\n"};
    if (name == "sys/kernel/osrelease") return ProcEntry{Kind::kText, "6.12.0\n"};
    if (name == "sys/kernel/ostype") return ProcEntry{Kind::kText, "Linux\n"};
    if (name == "sys/kernel/hostname") return ProcEntry{Kind::kText, "mmuscope\n"};
    if (name == "sys/kernel/pid_max") return ProcEntry{Kind::kText, "32768\n"};
    if (name == "sys/kernel/randomize_va_space")
        return ProcEntry{Kind::kText, kernel.config.randomize ? "2\n" : "0\n"};
    return std::nullopt;
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
                                                    : S_IFREG | 0444;
    status.st_blksize = 1024;
    return status;
}

}  // namespace kernel
