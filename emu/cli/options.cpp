// The door to CLI11: the options, their help, and the rule that everything after GUEST belongs to the guest.
#include "emu/cli/options.h"

#include <CLI/CLI.hpp>

#include "emu/cli/help_text.h"
#include "emu/cli/option_values.h"
#include "emu/cli/version.h"

namespace emu {

namespace {

using mmu::u64;

/// CLI11's help with a usage line of our own.
class HelpFormatter : public CLI::Formatter {
  public:
    explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) { column_width(34); }
    std::string make_usage(const CLI::App*, std::string) const override { return usage_ + "\n"; }

  private:
    std::string usage_;
};

const std::map<std::string, kernel::ThpMode> kThpModes = {{"never", kernel::ThpMode::kNever},
                                                          {"madvise", kernel::ThpMode::kMadvise},
                                                          {"always", kernel::ThpMode::kAlways}};

void add_machine_options(CLI::App& app, Options& options, RawOptions& raw) {
    app.add_option("--cpu", options.cpu,
                   "the CPU whose instructions there are, and whose TLBs unless --tlb is given; features may "
                   "follow: x86-64-v2,+aes,-popcnt (see mmuscope cpu list)")
        ->type_name("NAME[,+F,-F]")
        ->group("Machine");
    app.add_option("--tlb", options.tlb, "the CPU whose TLBs are modelled: a preset's name or a TOML file")
        ->type_name("PRESET|FILE")
        ->capture_default_str()
        ->group("Machine");
    app.add_option("--memory", raw.memory, "guest RAM, e.g. 256M (default 1G)")
        ->type_name("SIZE")
        ->group("Machine");
    app.add_option("--swap", raw.swap, "swap space, e.g. 256M (default none)")
        ->type_name("SIZE")
        ->group("Machine");
    app.add_option("--overcommit", options.overcommit,
                   "0 refuses what exceeds RAM and swap, 1 nothing, 2 more than half of RAM and swap")
        ->type_name("MODE")
        ->check(CLI::Range(0, 2))
        ->group("Machine");
    app.add_option("--stack", raw.stack, "limit of the stack (default 8M)")
        ->type_name("SIZE")
        ->group("Machine");
    app.add_flag("--la57", options.five_levels, "5-level page tables")->group("Machine");
    app.add_option("--quantum", options.kernel.quantum,
                   "instructions that a task runs, on average, while others want to")
        ->check(CLI::Range(u64{100}, u64{1} << 40))
        ->type_name("N")
        ->capture_default_str()
        ->group("Machine");
    app.add_option("--seed", options.kernel.seed, "of all randomness that the guest sees")
        ->type_name("N")
        ->capture_default_str()
        ->group("Machine");
    app.add_option("--epoch", options.kernel.epoch,
                   "the guest's date at its start, seconds since 1970 (default: tonight, 24:00 UTC)")
        ->type_name("SECONDS")
        ->group("Machine");
    app.add_option_function<std::string>(
           "--time", [&options](const std::string& whose) { options.kernel.host_time = whose == "host"; },
           "virtual (the default: a nanosecond an instruction, sleeping costs none) or host: the guest's "
           "clocks go "
           "with the host's; not reproducible")
        ->check(CLI::IsMember({"virtual", "host"}))
        ->type_name("WHOSE")
        ->group("Machine");
    app.add_flag("--randomize,--aslr,!--no-aslr", options.kernel.randomize,
                 "randomise addresses, by --seed (default: --no-aslr, as under setarch -R)")
        ->group("Machine");
    app.add_option("--readahead", raw.readahead,
                   "the largest window that is read ahead of a mapped file's faults (default 128K; 0: none)")
        ->type_name("SIZE")
        ->group("Machine");
    app.add_option("--fault-around", raw.fault_around,
                   "how much of a file a read fault maps of what is cached (default 64K; 4K: one page)")
        ->type_name("SIZE")
        ->group("Machine");
    app.add_option("--thp", options.kernel.thp, "transparent huge pages: never, madvise or always")
        ->transform(CLI::CheckedTransformer(kThpModes).description(""))
        ->type_name("MODE")
        ->default_str("madvise")
        ->group("Machine");
    app.add_option("--hugepages", raw.hugepages,
                   "pages of the hugetlb pools (MAP_HUGETLB): N of 2 MiB, N:1G, or both: 16,1:1G")
        ->type_name("N[:SIZE]")
        ->group("Machine");
    app.add_option("--max-instructions", options.max_instructions,
                   "end the guest with SIGXCPU after N instructions")
        ->type_name("N")
        ->group("Machine");
    app.add_option(
           "--engine", options.engine,
           "what runs the guest: auto, interpreter or jit (hot code translated); the results are the same")
        ->type_name("ENGINE")
        ->capture_default_str()
        ->check(CLI::IsMember({"auto", "interpreter", "jit"}))
        ->group("Machine");
    app.add_flag("--verify", options.verify,
                 "replay each reference in a second, plain TLB model and compare (slow)")
        ->group("Machine");
    app.add_flag(
           "--check", options.check,
           "after each trap recount all frames from the page tables and look for stale TLB entries (slow)")
        ->group("Machine");
    app.add_option("--inject", raw.inject,
                   "a fault made on purpose (may be repeated): alloc:N (the N-th frame allocation fails), "
                   "disk-read:N, disk-write:N, swap:N, swap-read:N, flush:N (a TLB flush is forgotten); "
                   "SITE:every:N; "
                   "skip-invlpg forgets all flushes")
        ->type_name("FAULT")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Machine");
}

void add_guest_options(CLI::App& app, Options& options, RawOptions& raw) {
    // One value each, so that the guest's path is never taken for another.
    const auto repeated = CLI::MultiOptionPolicy::TakeAll;
    app.add_option("--rw", options.kernel.files.writable, "let the guest write below DIR (may be repeated)")
        ->type_name("DIR")
        ->expected(1)
        ->multi_option_policy(repeated)
        ->group("Guest");
    app.add_option("--root", options.kernel.files.root,
                   "DIR is the guest's /; nothing outside can be reached")
        ->type_name("DIR")
        ->group("Guest");
    app.add_flag("--no-files", options.kernel.files.none, "no files but stdin, stdout and stderr")
        ->group("Guest");
    app.add_flag("--net", options.kernel.network, "let the guest use TCP and UDP over loopback")
        ->group("Guest");
    app.add_option("--env", raw.set_environment,
                   "set a variable of the guest's environment (may be repeated)")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->multi_option_policy(repeated)
        ->group("Guest");
    app.add_flag("--clear-env", raw.clear_environment, "start from an empty environment")->group("Guest");
}

void add_place_options(CLI::App& app, Options& options) {
    const CLI::Range from_one(u64{1}, u64{1} << 62);
    CLI::Option* instruction = app.add_option("--at-instruction", options.at_instruction,
                                              "stop there and look (default: at its end)");
    instruction->type_name("N")->check(from_one)->group("Output");
    app.add_option("--at-fault", options.at_fault, "the same, after its N-th page fault")
        ->type_name("N")
        ->check(from_one)
        ->excludes(instruction)
        ->group("Output");
    app.add_option("--pid", options.pid,
                   "whose memory, of several processes (default: the one that runs then)")
        ->type_name("PID")
        ->check(CLI::Range(1, 1 << 22))
        ->group("Output");
}

void add_output_options(CLI::App& app, Options& options, RawOptions& raw, bool stat) {
    app.add_option("-o,--output", options.output,
                   "write what mmuscope itself reports to FILE instead of stderr")
        ->type_name("FILE")
        ->group("Output");
    if (stat) {
        app.add_flag("--json", raw.json, "one JSON object")->group("Output");
        app.add_option("-x,--field-separator", raw.csv,
                       "one line a count, with this separator, as perf stat -x")
            ->type_name("SEP")
            ->group("Output");
    }
    app.add_flag("--story", options.story, "tell each brk, mmap and munmap call and page fault step by step")
        ->group("Output");
    app.add_option("--story-faults", raw.story_faults, "tell only the faults numbered FROM to TO")
        ->type_name("FROM-TO")
        ->group("Output");
    app.add_option("--names", raw.names,
                   "the kernel's functions in stories and debuggers by the names of Linux 6.12 or 2.6.32")
        ->type_name("6.12|2.6.32")
        ->group("Output");
    app.add_flag("--strace", options.strace.enabled, "show system calls and signals as strace(1) does")
        ->group("Output");
    app.add_flag("--strace-f", options.strace.follow,
                 "strace -f: those of processes that the guest makes, too")
        ->group("Output");
    app.add_option(
           "--strace-e", options.strace.filter,
           "strace -e: only these, e.g. openat,read or %file or !%memory (classes: file, desc, memory, "
           "process, network, signal, ipc, clock)")
        ->type_name("SET")
        ->group("Output");
    app.add_flag("--strace-c", options.strace.summary, "strace -c: a table of calls at the end instead")
        ->group("Output");
    app.add_option("--strace-o", options.strace.file, "strace -o: write them to FILE instead of stderr")
        ->type_name("FILE")
        ->group("Output");
    app.add_flag("--state-hash", options.state_hash, "print a hash of registers, memory and TLBs at the end")
        ->group("Output");
    app.add_option("--log", options.log_level, "trace, debug, info, warn, error or off")
        ->type_name("LEVEL")
        ->capture_default_str()
        ->group("Output");
}

/// Where the guest's own arguments begin: behind "--", or at the first word that is neither an option nor its
/// value.
std::size_t guest_begin(const CLI::App& app, const std::vector<std::string>& arguments, std::size_t first) {
    for (std::size_t i = first; i < arguments.size(); ++i) {
        const std::string& word = arguments[i];
        if (word == "--" || word.size() < 2 || word[0] != '-') return i;
        // "-oFILE" and "--tlb=FILE" carry their value; CLI11 complains about what it does not know.
        const bool joined = word[1] == '-' ? word.find('=') != std::string::npos : word.size() > 2;
        const CLI::Option* option = app.get_option_no_throw(word);
        if (option != nullptr && !joined && option->get_items_expected_max() > 0) ++i;
    }
    return arguments.size();
}

mmu::Unexpected<EarlyExit> wrong(const std::string& text) {
    return mmu::Unexpected{EarlyExit{125, "mmuscope: " + text + "\n"}};
}

void add_explain_options(CLI::App& app, RawOptions& raw) {
    app.add_option("--fault", raw.faults, "only the faults of these numbers; no brk calls unless asked for")
        ->type_name("N|FROM-TO")
        ->group("Story");
    app.add_option("--brk", raw.calls, "only the brk calls of these numbers; no faults unless asked for")
        ->type_name("N|FROM-TO")
        ->group("Story");
}

void add_debug_options(CLI::App& app, Options& options) {
    app.add_option("--script", options.debug.script,
                   "run the commands of FILE and end; status 1 when an expectation does not hold")
        ->type_name("FILE")
        ->group("Debugging");
    app.add_flag("--tui", options.debug.tui, "begin with the screen of panels (? there lists the keys)")
        ->group("Debugging");
    app.add_flag("!--no-reverse", options.debug.history,
                 "keep no history: no going back, no snapshots, no journal")
        ->group("Debugging");
    app.add_option("-e,--eval", options.debug.commands, "run this command first (may be repeated)")
        ->type_name("COMMAND")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Debugging");
    app.add_option("--stdin", options.debug.in,
                   "the guest reads this file (default: the terminal; /dev/null where commands are piped in)")
        ->type_name("FILE")
        ->group("Debugging");
    app.add_option("--stdout", options.debug.out, "the guest writes to this file or terminal")
        ->type_name("FILE")
        ->group("Debugging");
}

/// Of whoever gdb is served by.
void add_history_options(CLI::App& app, Options& options) {
    app.add_flag("!--no-reverse", options.gdb_serving.history,
                 "keep no history for gdb: no going back, no snapshots, no journal")
        ->group("Debugging");
    app.add_flag("--stop-at-end", options.gdb_serving.stop_at_end,
                 "gdb stops before the guest's exit, from where reverse-* goes back; continue then ends it")
        ->group("Debugging");
}

void add_gdb_options(CLI::App& app, Options& options) {
    if (options.command == Command::kGdb) {
        add_history_options(app, options);
        app.add_option("--gdb-option", options.gdb_options,
                       "an argument for gdb itself, e.g. -batch (may be repeated)")
            ->type_name("ARG")
            ->expected(1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            ->group("Debugging");
        return;
    }
    if (options.command == Command::kDebug) return add_debug_options(app, options);
    add_history_options(app, options);
    app.add_option("--gdb", options.gdb,
                   "wait for gdb before the first instruction: PORT or HOST:PORT (loopback where "
                   "no host is given), unix:PATH, or stdio")
        ->type_name("WHERE")
        ->group("Debugging");
}

/// Hands `arguments` to CLI11, which wants them last first.
std::optional<EarlyExit> parse(CLI::App& app, std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());
    try {
        app.parse(arguments);
    } catch (const CLI::Success&) {
        return EarlyExit{0, app.help()};
    } catch (const CLI::ParseError& error) {
        return EarlyExit{125, std::string("mmuscope: ") + error.what() + "\nTry: mmuscope " + app.get_name() +
                                  " --help\n"};
    }
    return std::nullopt;
}

/// A command that runs a guest.
struct RunCommand {
    const char* name;
    Command command;
    const char* description;
};
constexpr RunCommand kRunCommands[] = {
    {"run", Command::kRun, "Runs a program. Its input, output and exit status are its own."},
    {"stat", Command::kStat,
     "Runs a program, then prints its TLB, page-walk and page-fault counts in perf stat's layout."},
    {"explain", Command::kExplain,
     "Runs a program and tells each of its page faults and brk calls, step by step."},
    {"gdb", Command::kGdb, "Starts gdb with a program before its first instruction."},
    {"debug", Command::kDebug,
     "Starts the built-in debugger with a program before its first instruction. `help` there."},
    {"maps", Command::kMaps, "Runs a program, then prints its areas as /proc/PID/maps."},
    {"smaps", Command::kSmaps,
     "Runs a program, then prints what is resident of each area as /proc/PID/smaps."},
    {"buddy", Command::kBuddy,
     "Runs a program, then prints the free blocks of each order as /proc/buddyinfo and pagetypeinfo, and how "
     "fragmented memory is."},
    {"slab", Command::kSlab, "Runs a program, then prints the kernel's own objects as /proc/slabinfo."},
    {"diff-host", Command::kDiffHost,
     "Runs a program here and, for real, on the host itself; compares the page faults of its code. Exit "
     "status: 0 "
     "no difference that is not known, 1 a divergence."},
};

mmu::Expected<Options, EarlyExit> parse_run(const std::vector<std::string>& arguments, std::size_t first,
                                            const RunCommand& command, std::vector<std::string> environment) {
    Options options;
    options.command = command.command;
    const bool stat = command.command == Command::kStat;
    RawOptions raw;
    CLI::App app(command.description, command.name);
    app.footer(kRunFooter);
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // what replay adds wins
    app.formatter(std::make_shared<HelpFormatter>(
        std::string("Usage: mmuscope ") + (command.command == Command::kRun ? "[run]" : command.name) +
        " [OPTIONS] [--] GUEST [ARGS...]"));
    add_machine_options(app, options, raw);
    add_guest_options(app, options, raw);
    add_output_options(app, options, raw, stat);
    if (command.command == Command::kMaps || command.command == Command::kSmaps ||
        command.command == Command::kBuddy || command.command == Command::kSlab)
        add_place_options(app, options);
    if (command.command == Command::kExplain) add_explain_options(app, raw);
    add_gdb_options(app, options);

    std::size_t guest = guest_begin(app, arguments, first);
    const std::vector<std::string> own(arguments.begin() + static_cast<std::ptrdiff_t>(first),
                                       arguments.begin() + static_cast<std::ptrdiff_t>(guest));
    if (std::optional<EarlyExit> exit = parse(app, own)) return mmu::Unexpected{*exit};
    if (guest < arguments.size() && arguments[guest] == "--") ++guest;
    options.guest.assign(arguments.begin() + static_cast<std::ptrdiff_t>(guest), arguments.end());
    options.own_words = own;
    options.own_words.insert(options.own_words.begin(), command.name);
    if (options.guest.empty()) return wrong("no program to run; see mmuscope --help");
    if (options.guest[0].empty()) return wrong("the name of the program to run is empty");
    options.tlb_given = app.count("--tlb") > 0;
    options.epoch_given = app.count("--epoch") > 0;
    options.kernel.overcommit = static_cast<kernel::Overcommit>(options.overcommit);
    const std::string problem = finish_options(options, raw, std::move(environment));
    if (!problem.empty()) return wrong(problem);
    if (options.command == Command::kExplain)
        if (const std::string unclear = finish_explain(options, raw); !unclear.empty()) return wrong(unclear);
    if (options.command == Command::kDiffHost)
        if (const std::string unclear = finish_diff_host(options); !unclear.empty()) return wrong(unclear);
    if (options.story &&
        (options.command == Command::kGdb || options.command == Command::kDebug || !options.gdb.empty()))
        return wrong("--story and a debugger exclude each other");
    const GdbOptions& serving = options.gdb_serving;
    if (options.command != Command::kGdb && options.gdb.empty() && (!serving.history || serving.stop_at_end))
        return wrong("--no-reverse and --stop-at-end say how gdb is served: with --gdb, or mmuscope gdb");
    if (!serving.history && serving.stop_at_end) return wrong("--stop-at-end needs the history");
    return options;
}

/// record FILE COMMAND...: the rest is a command line as without it.
mmu::Expected<Options, EarlyExit> parse_record(std::vector<std::string> arguments,
                                               std::vector<std::string> environment) {
    constexpr const char* kUsage =
        "Usage: mmuscope record FILE [run|stat|maps|smaps|buddy] [OPTIONS] [--] GUEST [ARGS...]\n"
        "Runs the guest and writes all that comes to it from outside into FILE, for mmuscope replay.\n";
    const std::string file = arguments.size() > 2 ? arguments[2] : "";
    if (file == "-h" || file == "--help") return mmu::Unexpected{EarlyExit{0, kUsage}};
    if (file.empty() || file[0] == '-' || arguments.size() < 4)
        return mmu::Unexpected{EarlyExit{125, kUsage}};
    arguments.erase(arguments.begin() + 1, arguments.begin() + 3);
    auto options = parse_options(arguments, std::move(environment));
    if (!options) return options;
    if (options->own_words.empty() || !options->record.empty() || options->command == Command::kReplay)
        return wrong("record: " + arguments[1] + " runs no guest");
    if (options->command == Command::kGdb || !options->gdb.empty())
        return wrong("record and gdb exclude each other: record first, then mmuscope replay FILE gdb");
    options->record = file;
    return options;
}

/// replay [--quiet] FILE [COMMAND [OPTIONS]]: what is recorded there is completed by the caller.
mmu::Expected<Options, EarlyExit> parse_replay(const std::vector<std::string>& arguments) {
    constexpr const char* kUsage =
        "Usage: mmuscope replay [--quiet] FILE [run|stat|gdb|explain|maps|smaps|buddy [OPTIONS]]\n"
        "Runs a recorded guest again: the same instructions, output and counts, without its files and "
        "without\n"
        "effects. OPTIONS are added to the recorded ones; --quiet does not show the guest's output again.\n";
    Options options;
    options.command = Command::kReplay;
    std::size_t at = 2;
    for (; at < arguments.size() && arguments[at].starts_with("-"); ++at) {
        if (arguments[at] == "-h" || arguments[at] == "--help") return mmu::Unexpected{EarlyExit{0, kUsage}};
        if (arguments[at] != "--quiet") return mmu::Unexpected{EarlyExit{125, kUsage}};
        options.quiet = true;
    }
    if (at == arguments.size()) return mmu::Unexpected{EarlyExit{125, kUsage}};
    options.replay = arguments[at++];
    options.own_words.assign(arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end());
    if (!options.own_words.empty()) {
        const std::string& name = options.own_words[0];
        const auto named = [&](const RunCommand& command) { return name == command.name; };
        if (std::none_of(std::begin(kRunCommands), std::end(kRunCommands), named))
            return wrong("replay: '" + name + "' is no command that runs a guest");
    }
    return options;
}

mmu::Expected<Options, EarlyExit> parse_tlb(const std::vector<std::string>& arguments) {
    constexpr const char* kUsage =
        "Usage: mmuscope tlb list                   the presets, one a line\n"
        "       mmuscope tlb show PRESET|FILE       one of them as TOML: save it, edit it, give it to "
        "--tlb\n";
    Options options;
    const std::string verb = arguments.size() > 2 ? arguments[2] : "";
    if (verb == "-h" || verb == "--help") return mmu::Unexpected{EarlyExit{0, kUsage}};
    if (verb == "list" && arguments.size() == 3) {
        options.command = Command::kTlbList;
        return options;
    }
    if (verb == "show" && arguments.size() == 4) {
        options.command = Command::kTlbShow;
        options.tlb = arguments[3];
        return options;
    }
    return mmu::Unexpected{EarlyExit{125, kUsage}};
}

mmu::Expected<Options, EarlyExit> parse_cpu(const std::vector<std::string>& arguments) {
    constexpr const char* kUsage =
        "Usage: mmuscope cpu list           the CPUs that --cpu takes, one a line\n"
        "       mmuscope cpu show NAME      what one of them has\n";
    Options options;
    const std::string verb = arguments.size() > 2 ? arguments[2] : "";
    if (verb == "-h" || verb == "--help") return mmu::Unexpected{EarlyExit{0, kUsage}};
    if (verb == "list" && arguments.size() == 3) {
        options.command = Command::kCpuList;
        return options;
    }
    if (verb == "show" && arguments.size() == 4) {
        options.command = Command::kCpuShow;
        options.cpu = arguments[3];
        return options;
    }
    return mmu::Unexpected{EarlyExit{125, kUsage}};
}

std::string overview() {
    return std::string(kIntroduction) +
           "\n\nUsage: mmuscope [run] [OPTIONS] [--] GUEST [ARGS...]\n"
           "       mmuscope stat [OPTIONS] [--] GUEST [ARGS...]\n"
           "       mmuscope explain [--fault N] [--brk N] [OPTIONS] [--] GUEST [ARGS...]\n"
           "       mmuscope gdb [OPTIONS] [--] GUEST [ARGS...]\n"
           "       mmuscope debug [--script FILE] [OPTIONS] [--] GUEST [ARGS...]\n"
           "       mmuscope maps|smaps|buddy|slab [OPTIONS] [--] GUEST [ARGS...]\n"
           "       mmuscope diff-host [OPTIONS] [--] GUEST [ARGS...]\n"
           "       mmuscope record FILE [COMMAND] [OPTIONS] [--] GUEST [ARGS...]\n"
           "       mmuscope replay [--quiet] FILE [COMMAND [OPTIONS]]\n"
           "       mmuscope tlb list | tlb show PRESET|FILE\n"
           "       mmuscope cpu list | cpu show NAME\n"
           "       mmuscope run --help, mmuscope stat --help: all options\n\n" +
           kExamples + "\n";
}

}  // namespace

mmu::Expected<Options, EarlyExit> parse_options(const std::vector<std::string>& arguments,
                                                std::vector<std::string> environment) {
    if (arguments.size() < 2) return mmu::Unexpected{EarlyExit{125, overview()}};
    const std::string& first = arguments[1];
    if (first == "-h" || first == "--help" || first == "help")
        return mmu::Unexpected{EarlyExit{0, overview()}};
    if (first == "--version")
        return mmu::Unexpected{EarlyExit{0, std::string("mmuscope ") + kVersion + "\n"}};
    if (first == "record") return parse_record(arguments, std::move(environment));
    if (first == "replay") return parse_replay(arguments);
    if (first == "tlb") return parse_tlb(arguments);
    if (first == "cpu") return parse_cpu(arguments);
    for (const RunCommand& command : kRunCommands)
        if (first == command.name) return parse_run(arguments, 2, command, std::move(environment));
    return parse_run(arguments, 1, kRunCommands[0], std::move(environment));
}

}  // namespace emu
