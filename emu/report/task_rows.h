// The table of tasks of a report: one row for each process and thread that has run.
#pragma once

#include <string>
#include <vector>

#include "emu/report/task_table.h"
#include "kernel/state.h"

namespace emu {

struct TaskRow {
    int pid = 0, tgid = 0, ppid = 0;  ///< a thread's tgid is its process
    std::string comm;
    TaskCounters counters;
    kernel::Usage usage;
    bool ended = false;
    int status = 0;  ///< as a shell reports it; of a process that has ended
};

/// In the order of their numbers. `kernel` has kept records (KernelState::keep_records).
std::vector<TaskRow> task_rows(const TaskTable& table, const kernel::KernelState& kernel);
/// The table in text, with a heading; empty for a single task.
std::string render_tasks(const std::vector<TaskRow>& rows);

}  // namespace emu
