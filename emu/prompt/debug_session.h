// A debugging session of one guest: runs commands, one line each, and answers with text. It knows no
// terminal, so prompt, TUI, scripts and tests all speak to it alike. Commands are rows of one table
// (command_table.h); what they do is in commands_*.cpp.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "emu/debug/debugger.h"
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

class DebugSession {
  public:
    explicit DebugSession(Machine& machine);
    ~DebugSession();
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
    Answer backwards(Arguments);
    Answer next_fault(Arguments);
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
    std::optional<Answer> cannot_run();
    void apply_stop_points();
    bool stops_at(u64 address);
    bool worth_a_stop(const Stop& stop);
    void note_stop(const Stop& stop);
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
    std::string signals_text();
    std::string locals_text(bool arguments);
    std::string functions_text(const std::string& pattern);
    Answer info_symbol(Arguments);
    Answer info_line(Arguments);
    Answer position_text();
    bool assign(const std::string& left, const std::string& right, std::string& problem);
    std::string formatted(u64 value, char format, unsigned size);
    int open_guest_file(const std::string& path);
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
    std::optional<u64> shown_;
    std::set<u64> applied_;  ///< addresses of breakpoints that the engine has
    std::vector<WatchRange> watched_;
    std::vector<int> hit_;  ///< numbers of the stop points that the last run stopped at
    std::optional<std::pair<u64, u64>> internal_;  ///< a breakpoint of our own: address, least RSP
    bool internal_hit_ = false, quit_ = false, tui_wish_ = false, dropping_signal_ = false;
    unsigned sourcing_ = 0;  ///< files within files
    std::optional<u64> examine_next_;
    std::string examine_format_ = "x";
    unsigned examine_size_ = 4;
    std::map<std::string, std::vector<std::string>> sources_;
    std::atomic<bool> interrupted_{false};
};

}  // namespace emu
