// The command line as a value. CLI11 is known to options.cpp alone. It decides what was asked for; it opens
// no file and runs nothing.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "emu/debug/again.h"
#include "emu/debug/gdb_options.h"
#include "emu/prompt/prompt.h"
#include "emu/report/strace.h"
#include "kernel/config.h"
#include "mmu/base/expected.h"

namespace emu {

enum class Command : mmu::u8 {
    kRun,
    kStat,
    kExplain,
    kGdb,
    kDebug,
    kMaps,
    kSmaps,
    kBuddy,
    kSlab,
    kDiffHost,
    kReplay,
    kTlbList,
    kTlbShow,
    kCpuList,
    kCpuShow
};
enum class ReportFormat : mmu::u8 { kText, kJson, kCsv };

struct Options {
    Command command = Command::kRun;
    std::vector<std::string> guest;        ///< its path, then its arguments
    std::vector<std::string> environment;  ///< "NAME=value", the whole of it
    std::string tlb = "skylake-sp";        ///< a preset's name or a TOML file
    bool tlb_given = false;                ///< otherwise it is that of the CPU, if it has one
    std::string cpu;  ///< a CPU's name, with features added or taken away; empty: the default
    mmu::u64 memory_bytes = u64_gib(1);
    kernel::KernelConfig kernel;
    bool epoch_given = false;  ///< kernel.epoch is the user's; otherwise it is to be tonight
    bool five_levels = false;
    bool verify = false;
    bool check = false;
    int overcommit = 0;
    mmu::u64 max_instructions = 0;              ///< 0: no limit
    mmu::u64 at_instruction = 0, at_fault = 0;  ///< where maps, smaps and buddy look; 0: at the guest's end
    int pid = 0;                                ///< whose memory they show; 0: that of who runs then
    std::string engine = "auto";                ///< or interpreter, jit
    std::string log_level = "warn";

    ReportFormat format = ReportFormat::kText;
    std::string csv_separator = ",";
    std::string output;                    ///< -o FILE; empty: stderr
    std::string gdb;                       ///< --gdb: where to wait for GDB; empty: nowhere
    GdbOptions gdb_serving;                ///< how it is served
    std::vector<std::string> gdb_options;  ///< for the gdb that `mmuscope gdb` starts
    std::string record;                    ///< record FILE: what comes from the host goes there too
    std::string replay;                    ///< replay FILE: it comes from there
    std::vector<std::string> own_words;    ///< the command line: its options, the command's name first
    bool quiet = false;                    ///< replay --quiet: the guest's output is not shown again
    Again again;                           ///< of an earlier run, whose client is still there
    DebugOptions debug;                    ///< of `mmuscope debug`
    StraceOptions strace;
    bool state_hash = false;
    KernelNames names = KernelNames::kCurrent;  ///< of stories and debuggers
    bool story = false;
    std::pair<mmu::u64, mmu::u64> story_faults = {
        1, ~mmu::u64{0}};  ///< numbers of the faults told, both included
    std::pair<mmu::u64, mmu::u64> story_calls = {1, ~mmu::u64{0}};  ///< the same of brk calls

    static constexpr mmu::u64 u64_gib(mmu::u64 count) { return count << 30; }
};

/// What to do instead of running: print this (--help, --version, or what is wrong) and exit.
struct EarlyExit {
    int status = 0;  ///< 0: `text` goes to stdout; otherwise it is an error, for stderr
    std::string text;
};

/// Reads main's arguments, the program's name first. `environment` is the host's, which a guest inherits.
mmu::Expected<Options, EarlyExit> parse_options(const std::vector<std::string>& arguments,
                                                std::vector<std::string> environment);

/// "64M", "1G", "4096", "512KiB" in bytes; nothing where it is none or does not fit.
std::optional<mmu::u64> parse_size(const std::string& text);

}  // namespace emu
