// A debugging session of one guest: runs commands, one line each, and answers with text. It knows no
// terminal, so prompt, TUI, scripts and tests all speak to it alike. Commands are rows of one table
// (command_table.h); what they do is in commands_*.cpp. With a history it goes back in time, and then another
// process goes on with it (emu/debug/timeline.h).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "emu/debug/debugger.h"
#include "emu/debug/timeline.h"
#include "emu/prompt/expression.h"
#include "emu/prompt/modules.h"
#include "emu/prompt/runner.h"
#include "emu/prompt/ui_state.h"
#include "mmu/base/expected.h"

namespace emu {

class Decoder;
struct CommandRow;

/// A function that is active: the kernel's and the MMU's first, then the guest's.
struct Frame {
    u64 pc = 0;
    std::string function;  ///< empty: unknown
    u64 offset = 0;        ///< of pc in it
    bool kernel = false;
    std::vector<std::pair<std::string, u64>> arguments;  ///< of the kernel's
    std::string does;                                    ///< the kernel's, in words
    std::string kernel_file;                             ///< where Linux has it
    GuestFrame guest;
    std::optional<SourceLine> line;
};

/// A file of commands.
struct ScriptFile {
    std::string name, text;
};

class DebugSession final : public FrontEnd {
  public:
    explicit DebugSession(Machine& machine);
    ~DebugSession() override;
    DebugSession(const DebugSession&) = delete;
    DebugSession& operator=(const DebugSession&) = delete;

    struct Answer {
        std::string text;
        bool failed = false;
    };
    /// One command line. An empty one repeats the last command where that makes sense.
    Answer execute(const std::string& line);
    /// What the word under the cursor may become; `line` ends at the cursor.
    std::vector<std::string> complete(const std::string& line);

    bool quit_asked() const { return quit_; }
    bool ended() { return debugger_.machine().ended(); }
    /// From a signal handler: the run under way is to stop.
    void interrupt();
    /// One that stopped no run (a line was being typed) stops the next one no more.
    void forget_interrupt() { interrupted_ = false; }
    /// The TUI, asked for by a command; false: it is on already or cannot be.
    bool take_tui_wish() { return std::exchange(tui_wish_, false); }
    /// A file whose commands are to be run, asked for by `source`.
    std::optional<ScriptFile> take_source_wish() { return std::exchange(source_wish_, {}); }

    // Going back (session_travel.cpp).
    /// Who serves the session to another process.
    struct Host {
        std::function<void(const Answer&)> arrive;  ///< in a process that has travelled: serves, to the end
        std::function<bool()> interrupted;
        std::function<void()> take_over;
        std::function<void(bool)> use_terminal;  ///< of its own, for the guest
        int stream = -1;                         ///< readable when the user wants a search to end
    };
    void set_host(Host host) { host_ = std::move(host); }
    /// From here on the past is kept; before the guest's first instruction. It needs a host.
    void keep_history();
    /// The client has left, perhaps in another process: with this status.
    std::optional<int> left() const { return left_; }
    [[noreturn]] void leave(int status);
    void use_own_terminal(bool own);
    std::string save() const override;
    void restore(const std::string& settings) override;
    int interrupt_descriptor() const override { return host_.stream; }
    void take_over() override;
    void begin_search() override;
    bool counts(const Stop& stop) override;
    /// `run` again: the guest is to begin anew, with this command, and who serves the session sees to it.
    struct Anew {
        std::string command;                              ///< for the session of the next run
        std::optional<std::vector<std::string>> words{};  ///< the guest's arguments; nothing: as they were
        std::string settings{};
    };
    std::optional<Anew> take_anew() { return std::exchange(anew_, {}); }
    /// In the next run: what was set up is there again, and the command is the first one.
    Answer begin_anew(const std::string& settings, const std::string& command);
    /// Null: no history is kept.
    Timeline* history() { return timeline_ ? &*timeline_ : nullptr; }
    /// For a picture of it; as it was when this moment was come to.
    const Timeline::Overview& overview();

    // What panels and scripts look at.
    Debugger& debugger() { return debugger_; }
    UiState& state() { return state_; }
    Modules& modules() { return modules_; }
    const Stop& stop() const { return stop_; }
    const std::vector<Frame>& frames();
    unsigned selected() const { return selected_; }
    /// The registers at the last stop but one, for changes.
    const mmu::Registers& registers_before() const { return before_; }
    mmu::Registers& registers();
    /// The address that the walk is shown of: the last fault's at a stage, else of the last walk asked for,
    /// else RIP.
    u64 shown_address();
    mmu::Expected<Value, std::string> value_of(const std::string& expression);
    std::string stop_text();
    /// One instruction; `address` becomes that of the next one, or stays where nothing can be read.
    std::string disassembled_line(u64& address);
    /// A line of the backtrace.
    std::string frame_line(unsigned number);
    std::string disassembly(u64 address, unsigned count, bool mark);
    /// A line of a source file; nothing: there is no such file or line.
    std::optional<std::string> source_line(const std::string& file, unsigned line);
    std::string symbolic(u64 address);
    std::string process_maps();

  private:
    friend std::span<const CommandRow> command_table();
    using Arguments = const std::string&;

    // commands_run.cpp
    Answer run_guest(Arguments);
    Answer start(Arguments);
    Answer run_anew(const std::string& command, Arguments);
    Answer go_on(Arguments);
    Answer step(Arguments);
    Answer next(Arguments);
    Answer step_instruction(Arguments);
    Answer next_instruction(Arguments);
    Answer finish(Arguments);
    Answer until(Arguments);
    Answer advance(Arguments);
    Answer deliver_signal(Arguments);
    Answer kill(Arguments);
    Answer quit(Arguments);
    Answer next_fault(Arguments);
    // commands_back.cpp
    Answer reverse_stepi(Arguments);
    Answer reverse_nexti(Arguments);
    Answer reverse_step(Arguments);
    Answer reverse_next(Arguments);
    Answer reverse_finish(Arguments);
    Answer reverse_continue(Arguments);
    Answer previous_fault(Arguments);
    Answer go_to_moment(Arguments);
    // commands_stop.cpp
    Answer set_break(Arguments);
    Answer set_temporary_break(Arguments);
    Answer watch(Arguments);
    Answer watch_reads(Arguments);
    Answer watch_accesses(Arguments);
    Answer catch_event(Arguments);
    Answer remove(Arguments);
    Answer enable(Arguments);
    Answer disable(Arguments);
    Answer set_condition(Arguments);
    Answer ignore(Arguments);
    Answer handle_signal(Arguments);
    // commands_data.cpp
    Answer print(Arguments);
    Answer examine(Arguments);
    Answer set(Arguments);
    Answer display(Arguments);
    Answer remove_display(Arguments);
    Answer list(Arguments);
    Answer disassemble(Arguments);
    Answer backtrace(Arguments);
    Answer select_frame(Arguments);
    Answer up(Arguments);
    Answer down(Arguments);
    // commands_tasks.cpp
    Answer select_thread(Arguments);
    Answer select_inferior(Arguments);
    // commands_info.cpp
    Answer info(Arguments);
    Answer help(Arguments);
    Answer echo(Arguments);
    Answer source(Arguments);
    Answer tui(Arguments);
    Answer vm(Arguments);
    /// Commands that are words of vm themselves.
    template <const char* kWord>
    Answer vm_word(Arguments arguments) {
        return vm(kWord + (arguments.empty() ? std::string() : " " + arguments));
    }
    Answer vm_address(const std::string& word, Arguments arguments);

    // Running (stepping.cpp).
    Answer proceed(const Resume& how);
    Stop go(const Resume& how);
    Stop go_to(u64 address, u64 least_rsp);
    Answer step_line(bool over, bool forwards_only);
    Answer step_stage(bool over);
    bool is_stub(u64 address);
    bool step_through_stub();
    std::optional<Answer> cannot_run();
    std::optional<Answer> cannot_step();
    std::optional<Answer> cannot_step_this();
    std::optional<Answer> wait_for_turn();
    Answer look_at(const kernel::Task& task);
    void look_at_running();
    kernel::Pid running_task();
    // Going back: what has to be found out, then one journey (session_travel.cpp, back_steps.cpp).
    std::optional<Answer> cannot_go_back();
    Answer travel(const Target& target);
    Answer came_back(const Timeline::Outcome& outcome);
    Answer step_back_again();
    void arrive(const Stop& stop);
    Answer arrival_answer();
    std::optional<Answer> hand_over(const std::string& line, const CommandRow& row);
    std::optional<std::string> why_not_write();
    Answer back_to(std::optional<u64> instructions);
    std::optional<u64> line_back(bool over);
    std::optional<u64> instruction_back_over_calls();
    std::optional<u64> call_of(const Frame& frame);
    bool is_return(u64 address);
    bool interrupt_came();
    void refresh_watches();

    void apply_stop_points();
    bool stops_at(u64 address);
    bool worth_a_stop(const Stop& stop);
    void note_stop(const Stop& stop);
    std::string instruction_at(u64 address, unsigned& length);
    bool is_call(u64 address, unsigned& length);
    std::string watch_text();
    std::string display_text();
    std::string display_one(const Display& display);

    mmu::Expected<u64, std::string> place(const std::string& text);
    mmu::Expected<u64, std::string> place_of_line(const std::string& file, const std::string& line);
    mmu::Expected<u64, std::string> word_of(const std::string& expression);
    Answer add_break(Arguments, bool temporary);
    Answer add_watch(Arguments, bool reads, bool writes);
    Answer enable_points(Arguments, bool on);
    StopPoint* point(const std::string& number);
    std::vector<Frame> collect_frames();
    Names names();
    std::optional<Value> name_value(const std::string& name);
    std::optional<Value> dollar_value(const std::string& name);
    std::string frame_text(unsigned number, const Frame& frame);
    std::string location_text(const Frame& frame);
    std::string arguments_text(const Frame& frame, bool innermost);
    std::string registers_text(const std::string& which);
    std::string points_text();
    std::string threads_text();
    std::string inferiors_text();
    std::string signals_text();
    std::string locals_text(bool arguments);
    std::string functions_text(const std::string& pattern);
    Answer info_symbol(Arguments);
    Answer info_line(Arguments);
    Answer position_text();
    bool assign(const std::string& left, const std::string& right, std::string& problem);
    std::string formatted(u64 value, char format, unsigned size);
    int open_file_of_guest(const std::string& path);
    std::optional<std::string> file_text(const std::string& path);

    Debugger debugger_;
    Runner runner_;
    Modules modules_;
    std::unique_ptr<Decoder> decoder_;
    UiState state_;
    Stop stop_;
    mmu::Registers before_;
    std::optional<std::vector<Frame>> frames_;
    unsigned selected_ = 0;
    kernel::Pid looked_at_ = 0;  ///< a task that does not run; 0: the running one
    std::optional<u64> shown_;
    std::set<u64> applied_;  ///< addresses of breakpoints that the engine has
    std::vector<WatchRange> watched_;
    std::vector<int> hit_;  ///< numbers of the stop points that the last run stopped at
    /// A breakpoint of our own.
    struct Internal {
        u64 address = 0, least_rsp = 0;
        bool alone = false;    ///< looking back: with exactly this RSP, and nothing else stops
        kernel::Pid task = 0;  ///< not 0: only when it is this one's turn
    };
    std::optional<Internal> internal_;
    bool internal_hit_ = false, quit_ = false, tui_wish_ = false, dropping_signal_ = false;
    std::optional<ScriptFile> source_wish_;

    std::optional<Anew> anew_;
    std::optional<Timeline> timeline_;
    Host host_;
    std::optional<int> left_;
    bool serving_ = false;  ///< of a visitor in the past: it has arrived
    bool own_terminal_ = false;
    bool looking_back_ = false;              ///< in a copy that searches
    std::string handed_over_;                ///< a command for the live process
    std::map<u64, std::string> bytes_then_;  ///< of a search: what watched ranges held, by their beginnings
    std::optional<Timeline::Overview> overview_;
    /// Steps back that a command still has to make: each is a journey, and another process makes the next.
    struct Again {
        u64 steps = 0;
        std::optional<unsigned> depth{};  ///< within the kernel's work, until so few functions are active
    };
    Again again_;
    std::optional<u64> examine_next_;
    std::string examine_format_ = "x";
    unsigned examine_size_ = 4;
    std::map<std::string, std::vector<std::string>> sources_;
    std::atomic<bool> interrupted_{false};
};

}  // namespace emu
