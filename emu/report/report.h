// One run's outcome and counts as one value, and its renderers: perf stat's layout, JSON, perf's CSV. The
// rows are in one table (model.cpp) that all renderers and tests read. It knows nothing of how a machine
// runs.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emu/report/counters.h"
#include "emu/report/task_rows.h"
#include "kernel/kernel.h"
#include "kernel/stats.h"
#include "mmu/stats.h"
#include "mmu/tlb_config.h"

namespace emu {

struct Report {
    std::vector<std::string> arguments;  ///< of the guest, its path first
    kernel::ExitStatus exit{};
    mmu::TlbConfig tlb{};
    RunCounters cpu{};
    mmu::MmuStats mmu{};
    kernel::KernelStats kernel{};
    std::vector<TaskRow> tasks;
    std::string state_hash;  ///< empty where none was asked for
};

/// One row of every report.
struct Statistic {
    std::string_view group;  ///< "l1_dtlb"
    std::string_view name;   ///< "load_misses"
    mmu::u64 (*value)(const Report& report);
    /// What the value is a part of, for a percentage; null: none.
    mmu::u64 (*whole)(const Report& report) = nullptr;
    std::string_view whole_name = {};  ///< "of L1 dTLB loads"
    std::string_view note = {};        ///< what it is, and perf's name for it
};

/// All rows in the order of the text report. They depend on the guest, its input and the options alone.
std::span<const Statistic> statistics();

/// The title of a group: "L1 data TLB".
std::string_view title_of(std::string_view group);

/// What the TLBs of a run were, in one line per array.
std::vector<std::string> describe(const mmu::TlbConfig& tlb);

/// perf stat's layout, ends with a line feed. What the host's clock says comes last.
std::string render_text(const Report& report);
/// One JSON object. Members that depend on the host's clock are named host_*, each on a line of its own.
std::string render_json(const Report& report);
/// One line a statistic as perf stat -x writes them: value, unit, event, run time, percentage, ratio, unit of
/// it.
std::string render_csv(const Report& report, std::string_view separator);

}  // namespace emu
