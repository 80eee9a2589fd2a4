// Purpose: see task_rows.h.
#include "emu/report/task_rows.h"

#include <algorithm>
#include <cstdio>

#include "kernel/exit.h"

namespace emu {

namespace {

using mmu::u64;

/// 12,345,678 as "12.3M": columns have to fit a terminal.
std::string brief(u64 value) {
    char text[32];
    const auto with_unit = [&](double unit, char letter) {
        const double scaled = static_cast<double>(value) / unit;
        std::snprintf(text, sizeof text, scaled < 100 ? "%.1f%c" : "%.0f%c", scaled, letter);
    };
    if (value < 100'000)
        std::snprintf(text, sizeof text, "%llu", static_cast<unsigned long long>(value));
    else if (value < 1'000'000)
        with_unit(1e3, 'k');
    else if (value < 1'000'000'000)
        with_unit(1e6, 'M');
    else
        with_unit(1e9, 'G');
    return text;
}

std::string state_of(const TaskRow& row) {
    return !row.ended ? "alive" : row.pid == row.tgid ? std::to_string(row.status) : "-";
}

}  // namespace

std::vector<TaskRow> task_rows(const TaskTable& table, const kernel::KernelState& kernel) {
    std::vector<TaskRow> rows;
    const auto add = [&](const kernel::TaskRecord& record) {
        const auto counters = table.tasks().find(record.pid);
        rows.push_back({.pid = record.pid,
                        .tgid = record.tgid,
                        .ppid = record.ppid,
                        .comm = record.comm,
                        .counters = counters == table.tasks().end() ? TaskCounters{} : counters->second,
                        .usage = record.usage,
                        .ended = record.ended,
                        .status = record.exit.shell_status()});
    };
    for (const kernel::TaskRecord& record : kernel.records) add(record);
    for (const auto& [pid, task] : kernel.tasks) {
        kernel::TaskRecord record = kernel::record_of(kernel, task);
        record.ended = record.ended || kernel.exit_status;
        add(record);
    }
    std::stable_sort(rows.begin(), rows.end(),
                     [](const TaskRow& a, const TaskRow& b) { return a.pid < b.pid; });
    return rows;
}

std::string render_tasks(const std::vector<TaskRow>& rows) {
    if (rows.size() < 2) return {};
    std::string out = "\n Tasks: misses are of user mode; L2 misses are walks; status is the exit status\n";
    char line[240];
    std::snprintf(line, sizeof line, "%7s %7s %-15s %8s %8s %8s %8s %8s %8s %6s %6s %7s %7s %9s %6s\n", "pid",
                  "tid", "command", "instr", "memory", "dTLB-mis", "iTLB-mis", "L2-hits", "L2-miss", "minflt",
                  "majflt", "waits", "preempt", "maxrss/kB", "status");
    out += line;
    for (const TaskRow& row : rows) {
        const TaskCounters& n = row.counters;
        std::snprintf(
            line, sizeof line, "%7d %7d %-15s %8s %8s %8s %8s %8s %8s %6s %6s %7s %7s %9s %6s\n", row.tgid,
            row.pid, row.comm.c_str(), brief(n.instructions).c_str(), brief(n.loads + n.stores).c_str(),
            brief(n.dtlb_misses).c_str(), brief(n.itlb_misses).c_str(), brief(n.l2_hits).c_str(),
            brief(n.l2_misses).c_str(), brief(row.usage.min_flt).c_str(), brief(row.usage.maj_flt).c_str(),
            brief(row.usage.voluntary_switches).c_str(), brief(row.usage.involuntary_switches).c_str(),
            brief(row.usage.max_rss_pages * 4).c_str(), state_of(row).c_str());
        out += line;
    }
    return out;
}

}  // namespace emu
