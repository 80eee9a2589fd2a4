#include "emu/cli/session.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <memory>

#include "emu/cli/again.h"
#include "emu/cli/diff_command.h"
#include "emu/cli/gdb_command.h"
#include "emu/cli/recording.h"
#include "emu/cli/terminal.h"
#include "emu/cli/tlb_file.h"
#include "emu/cpu/cpu_models.h"
#include "emu/machine/machine.h"
#include "emu/report/report.h"
#include "emu/report/story.h"
#include "kernel/fs/proc.h"
#include "kernel/state.h"
#include "mmu/base/log.h"
#include "mmu/presets.h"

namespace emu {

namespace {

using mmu::Error;
using mmu::Expected;
using mmu::Unexpected;

int fail(const Error& error) {
    std::fprintf(stderr, "mmuscope: %s\n", error.message.c_str());
    return error.exit_status;
}

bool is_folder(const std::string& path) {
    struct stat status;
    return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Expected<void, Error> check_folders(const kernel::FilePolicy& files) {
    if (!files.root.empty() && !is_folder(files.root))
        return Unexpected{Error{"--root: " + files.root + " is no folder"}};
    for (const std::string& folder : files.writable)
        if (files.root.empty() && !is_folder(folder))
            return Unexpected{Error{"--rw: " + folder + " is no folder"}};
    return {};
}

/// Where mmuscope's own words go: stderr, or the file of -o. Errors of writing are kept for the end.
class Output {
  public:
    ~Output() {
        if (file_) std::fclose(file_);
    }
    Expected<void, Error> open(const std::string& path) {
        path_ = path;
        if (path.empty()) return {};
        file_ = std::fopen(path.c_str(), "we");
        if (!file_) return Unexpected{Error{path + ": " + strerror(errno)}};
        return {};
    }
    std::FILE* stream() { return file_ ? file_ : stderr; }
    Expected<void, Error> close() {
        if (!file_) return {};
        const bool bad = std::ferror(file_) != 0;
        const int result = std::fclose(std::exchange(file_, nullptr));
        if (bad || result != 0) return Unexpected{Error{path_ + ": " + strerror(errno)}};
        return {};
    }

  private:
    std::string path_;
    std::FILE* file_ = nullptr;
};

/// Passes Ctrl-C and its kin on to the guest while it lives. A signal handler can reach nothing but statics.
class SignalBridge {
  public:
    explicit SignalBridge(Machine& machine) {
        target().store(&machine);
        struct sigaction action {};
        action.sa_handler = [](int signal) {
            if (Machine* guest = target().load()) guest->request_stop(signal);
        };
        for (int signal : kSignals) sigaction(signal, &action, nullptr);
        // A closed pipe is the guest's to hear of, as EPIPE and SIGPIPE of its own.
        ::signal(SIGPIPE, SIG_IGN);
    }
    ~SignalBridge() {
        for (int signal : kSignals) ::signal(signal, SIG_DFL);
        target().store(nullptr);
    }
    SignalBridge(const SignalBridge&) = delete;
    SignalBridge& operator=(const SignalBridge&) = delete;

  private:
    static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    static std::atomic<Machine*>& target() {
        static std::atomic<Machine*> machine{nullptr};
        return machine;
    }
};

double cpu_seconds() {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + time.tv_usec * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The guest's clock starts at the coming midnight (UTC): runs of one day see the same times, and no file of
/// today is from the future, which `ls -l` would show otherwise than natively.
mmu::u64 tonight() {
    constexpr mmu::u64 kDay = 24 * 60 * 60;
    return (static_cast<mmu::u64>(std::time(nullptr)) / kDay + 1) * kDay;
}

/// The TLBs, in the clothes of the CPU that was asked for.
Expected<mmu::TlbConfig, Error> tlb_for(const Options& options, const CpuDescription& cpu) {
    const auto own = mmu::find_preset(cpu.preset);
    if (own && !options.tlb_given) return *own;
    auto tlb = load_tlb(options.tlb);
    if (!tlb || !own) return tlb;
    return with_identity(std::move(*tlb), own->cpu);
}

MachineConfig machine_config(const Options& options, const CpuDescription& cpu, mmu::TlbConfig tlb) {
    MachineConfig config;
    config.memory_bytes = options.memory_bytes;
    config.tlb = std::move(tlb);
    config.features = cpu.features;
    config.kernel = options.kernel;
    if (!options.epoch_given)
        config.kernel.epoch =
            options.kernel.host_time ? static_cast<mmu::u64>(std::time(nullptr)) : tonight();
    config.max_instructions = options.max_instructions;
    config.verify = options.verify;
    config.check = options.check;
    config.engine = options.engine == "jit"           ? Engine::kJit
                    : options.engine == "interpreter" ? Engine::kInterpreter
                                                      : Engine::kAuto;
    config.la57 = options.five_levels;
    config.stop_at_instruction = options.at_instruction;
    config.stop_at_fault = options.at_fault;
    config.task_table = options.command == Command::kStat;
    return config;
}

RunCounters counters_of(const Machine& machine) {
    const Counters& cpu = machine.counters();
    return {.instructions = cpu.instructions,
            .loads = cpu.loads,
            .stores = cpu.stores,
            .fetches = cpu.fetches,
            .blocks_decoded = machine.blocks_built(),
            .decode_seconds = machine.decode_seconds()};
}

std::string render(const Options& options, const Report& report) {
    return options.format == ReportFormat::kJson  ? render_json(report)
           : options.format == ReportFormat::kCsv ? render_csv(report, options.csv_separator)
                                                  : render_text(report);
}

/// What maps, smaps, buddy and slab show.
Expected<std::string, Error> memory_text(const Options& options, const kernel::KernelState& kernel) {
    if (options.command == Command::kBuddy) return kernel::proc_buddy_report(kernel.system);
    if (options.command == Command::kSlab) return kernel::proc_slabinfo(kernel.system);
    const kernel::Pid pid = options.pid ? options.pid : kernel.current;
    const auto task = kernel.tasks.find(pid);
    const auto mm = task == kernel.tasks.end() ? kernel.mms.end() : kernel.mms.find(task->second.mm);
    if (mm == kernel.mms.end()) {
        std::string there;
        for (const auto& [id, other] : kernel.tasks)
            if (other.is_leader() && kernel.mms.contains(other.mm)) there += " " + std::to_string(id);
        return Unexpected{Error{"no process " + std::to_string(pid) +
                                " has memory then; these have:" + (there.empty() ? " none" : there)}};
    }
    return options.command == Command::kMaps ? kernel::proc_maps(kernel.system, mm->second)
                                             : kernel::proc_smaps(kernel.system, mm->second);
}

/// --at-instruction N or --at-fault N that the guest ended before.
void tell_unreached(const Options& options, Machine& machine) {
    const mmu::u64 instructions = machine.counters().instructions,
                   faults = machine.kernel().stats().faults.total;
    const auto tell = [](const char* what, mmu::u64 wanted, mmu::u64 had) {
        if (wanted > had)
            std::fprintf(stderr, "mmuscope: %s %llu was not reached: the guest had %llu; this is its end\n",
                         what, static_cast<unsigned long long>(wanted), static_cast<unsigned long long>(had));
    };
    tell("fault", options.at_fault, faults);
    tell("instruction", options.at_instruction, instructions);
}

/// --inject SITE:N that came to nothing: there is no N-th visit.
void tell_unreached(const kernel::Injector& inject) {
    for (unsigned i = 0; i < kernel::kInjectNames.size(); ++i) {
        const auto& rule = inject.rule(static_cast<kernel::InjectSite>(i));
        if (rule.failed || !(rule.at || rule.every)) continue;
        std::fprintf(stderr, "mmuscope: --inject %s: not reached, %llu visits\n", kernel::kInjectNames[i],
                     static_cast<unsigned long long>(rule.seen));
    }
}

/// "[1001 sh] " when more than one task has been there: whose story it is.
std::string running_task(kernel::KernelState& kernel) {
    if (kernel.stats.processes + kernel.stats.threads < 2 || !kernel.current) return {};
    const kernel::Task& task = kernel.task();
    return "[" + std::to_string(task.pid) + " " + task.comm + "] ";
}

Expected<int, Error> run(const Options& options) {
    if (!mmu::set_log_level(options.log_level))
        return Unexpected{
            Error{"--log: '" + options.log_level + "' is none of trace, debug, info, warn, error, off"}};
    const bool replaying = !options.replay.empty();
    if (!replaying)
        if (auto folders = check_folders(options.kernel.files); !folders) return Unexpected{folders.error()};
    const auto cpu = find_cpu(options.cpu.empty() ? default_cpu() : options.cpu);
    if (!cpu) return Unexpected{cpu.error()};
    auto tlb = tlb_for(options, *cpu);
    if (!tlb) return Unexpected{tlb.error()};
    Output output;
    if (auto opened = output.open(options.output); !opened) return Unexpected{opened.error()};

    std::optional<HostComparison> comparison;
    if (options.command == Command::kDiffHost) {
        auto native = HostComparison::run_host(options);
        if (!native) return Unexpected{native.error()};
        comparison.emplace(std::move(*native));
    }
    std::optional<DebugConsole> console;
    if (options.command == Command::kDebug) {
        auto opened = DebugConsole::open(options.debug);
        if (!opened) return Unexpected{opened.error()};
        console.emplace(std::move(*opened));
    }
    const MachineConfig config = machine_config(options, *cpu, *tlb);
    auto machine = Machine::create(config);
    if (!machine) return Unexpected{machine.error()};
    if (!options.record.empty())
        if (auto started = start_recording(options, options.environment, config.kernel.epoch); !started)
            return Unexpected{started.error()};
    Machine& guest = **machine;
    Output strace_output;
    if (auto opened = strace_output.open(options.strace.file); !opened) return Unexpected{opened.error()};
    auto strace = Strace::create(options.strace, strace_output.stream());
    if (!strace) return Unexpected{strace.error()};
    if (options.strace.enabled) guest.kernel().set_syscall_trace(&*strace);
    Story story(output.stream(), guest.mmu(), guest.kernel().state(), options.story_faults,
                options.story_calls);
    story.set_names(options.names);
    story.set_teller([&guest] { return running_task(guest.kernel().state()); });
    if (options.story) guest.set_observers(&story, &story);
    if (comparison) comparison->listen(guest);
    std::optional<NullStreams> silence;
    if (comparison) silence.emplace();
    auto loaded = guest.exec(options.guest[0], options.guest, options.environment);
    silence.reset();
    if (!loaded) {
        const std::string why = replay_failure();
        return Unexpected{why.empty() ? loaded.error() : Error{options.replay + ": " + why}};
    }

    const bool debugged = options.command == Command::kGdb || !options.gdb.empty();
    if (options.strace.enabled) {
        const mmu::u64 argv = guest.cpu().regs.gpr[mmu::kRsp] + 8;
        const std::string& asked = options.guest[0];  // strace looks along PATH and follows no links
        const std::string& found = guest.kernel().state().tasks.at(kernel::kFirstPid).executable;
        strace->begin(asked.find('/') == std::string::npos ? found : asked, options.guest,
                      options.environment.size(), argv + 8 * (options.guest.size() + 1));
    }
    const double start = cpu_seconds();
    kernel::ExitStatus exit;
    std::optional<Again> again;
    if (console) {
        TerminalGuard terminal(options.again.terminal);
        auto end = run_debugger(guest, *console, options.debug, options.names, options.guest, options.again);
        if (end && end->again) {
            end->again->terminal = terminal.hand_on();
            return Unexpected{begin_again(options, *end->again)};
        }
        if (auto written = finish_recording(options); !written) return Unexpected{written.error()};
        if (options.strace.enabled) strace->finish();
        if (end && options.state_hash)
            std::fprintf(output.stream(), "state hash %s\n", guest.state_hash().c_str());
        if (!end) return Unexpected{end.error()};
        return end->status;
    }
    {
        const TerminalGuard terminal;
        std::optional<SignalBridge> bridge;
        if (!replaying) bridge.emplace(guest);  // the signals of a replay are recorded ones
        if (debugged) {
            auto done = run_with_gdb(guest, options);
            if (!done) return Unexpected{done.error()};
            again = std::move(*done);
        }
        if (!again) exit = guest.run();
    }
    if (again) return Unexpected{begin_again(options, *again)};
    const bool cut_short = !replay_failure().empty();
    if (auto written = finish_recording(options); !written) return Unexpected{written.error()};
    if (options.strace.enabled) strace->finish();
    if (guest.error())
        return Unexpected{cut_short ? Error{options.replay + ": " + guest.error()->message} : *guest.error()};
    tell_unreached(guest.kernel().state().system.inject);
    if (options.story) story.tell_missing();

    Report report{.arguments = options.guest,
                  .exit = exit,
                  .tlb = *tlb,
                  .cpu = counters_of(guest),
                  .mmu = guest.mmu().stats(),
                  .kernel = guest.kernel().stats(),
                  .tasks = {},
                  .state_hash = {}};
    if (const TaskTable* tasks = guest.task_table()) report.tasks = task_rows(*tasks, guest.kernel().state());
    report.cpu.host_seconds = cpu_seconds() - start;
    if (options.state_hash) report.state_hash = guest.state_hash();
    if (comparison) {
        const int status = comparison->report(output.stream(), exit);
        if (auto closed = output.close(); !closed) return Unexpected{closed.error()};
        return status;
    }
    if (exit.killed_by && !debugged)
        std::fprintf(stderr, "mmuscope: %s: killed by SIG%s (%s)\n", options.guest[0].c_str(),
                     sigabbrev_np(exit.killed_by), sigdescr_np(exit.killed_by));
    if (options.command == Command::kMaps || options.command == Command::kSmaps ||
        options.command == Command::kBuddy || options.command == Command::kSlab) {
        tell_unreached(options, guest);
        const auto text = memory_text(options, guest.kernel().state());
        if (!text) return Unexpected{text.error()};
        std::fputs(text->c_str(), output.stream());
    }
    if (options.command == Command::kStat)
        std::fputs(render(options, report).c_str(), output.stream());
    else if (options.state_hash)
        std::fprintf(output.stream(), "state hash %s\n", report.state_hash.c_str());
    if (auto closed = output.close(); !closed) return Unexpected{closed.error()};
    return exit.shell_status();
}

}  // namespace

int run_guest(const Options& options) {
    if (options.command == Command::kReplay) {
        const auto recorded = start_replay(options);
        return recorded ? run_guest(*recorded) : fail(recorded.error());
    }
    const Expected<int, Error> status = run(options);
    return status ? *status : fail(status.error());
}

}  // namespace emu
