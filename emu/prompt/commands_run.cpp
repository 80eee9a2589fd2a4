// Commands that let the guest run.
#include <algorithm>
#include <csignal>
#include <cstring>

#include "emu/debug/kernel_functions.h"
#include "emu/prompt/debug_session.h"
#include "kernel/host/seam.h"
#include "kernel/kernel.h"
#include "kernel/state.h"

namespace emu {

using Answer = DebugSession::Answer;

namespace {

const Resume kStep{.kind = Resume::Kind::kStep};
constexpr u64 kMostSteps = 1'000'000'000;

/// "5" in "step 5"; 1 where nothing is said.
mmu::Expected<u64, std::string> count_of(const mmu::Expected<u64, std::string>& value) {
    if (value && (*value == 0 || *value > kMostSteps))
        return mmu::Unexpected{std::string("how often? 1 to 1000000000")};
    return value;
}

/// The words of a line: blanks separate, quotes of both kinds and \\ keep. Nothing: a quote has no end.
std::optional<std::vector<std::string>> words_of(const std::string& line) {
    std::vector<std::string> words;
    char quote = 0;
    bool open = false;
    for (usize at = 0; at < line.size(); ++at) {
        const char c = line[at];
        if (!quote && (c == ' ' || c == '\t')) {
            open = false;
            continue;
        }
        if (!std::exchange(open, true)) words.emplace_back();
        if (quote ? c == quote : c == '\'' || c == '"')
            quote = quote ? '\0' : c;
        else if (c == '\\' && quote != '\'' && at + 1 < line.size())
            words.back() += line[++at];
        else
            words.back() += c;
    }
    return quote ? std::nullopt : std::optional(words);
}

}  // namespace

Answer DebugSession::run_guest(Arguments arguments) {
    if (stop_.kind != Stop::Kind::kStart || ended() || !arguments.empty()) return run_anew("run", arguments);
    return proceed({});
}

Answer DebugSession::start(Arguments arguments) {
    const auto symbol = modules_.find("main");
    if (!symbol && !ended()) return {"There is no symbol main; `break ADDRESS` and `run`.\n", true};
    if (stop_.kind != Stop::Kind::kStart || ended() || !arguments.empty())
        return run_anew("start", arguments);
    StopPoint point{.number = state_.next_number++, .what = "main"};
    point.address = modules_.behind_prologue(*symbol);
    point.temporary = true;
    state_.stop_points.push_back(std::move(point));
    return proceed({});
}

/// The next run has a session of its own, which begins with the command.
Answer DebugSession::run_anew(const std::string& command, Arguments arguments) {
    if (host_.stream < 0) return {"This session has one run of the guest only.\n", true};
    Anew anew{.command = command};
    if (!arguments.empty()) {
        if (kernel::host::Seam::get().mode() == kernel::host::Seam::Mode::kReplay)
            return {"A recorded guest has the arguments that it was recorded with.\n", true};
        anew.words = words_of(arguments);
        if (!anew.words) return {"A quote has no end.\n", true};
    }
    anew_ = std::move(anew);
    anew_->settings = save();
    return {};
}

Answer DebugSession::go_on(Arguments arguments) {
    if (auto no = cannot_run()) return *no;
    if (!arguments.empty()) {
        const auto times = word_of(arguments);
        if (!times) return {times.error() + "\n", true};
        // As gdb: the breakpoint that it stands at is passed so many times less one.
        for (StopPoint& point : state_.stop_points)
            if (*times > 0 && std::find(hit_.begin(), hit_.end(), point.number) != hit_.end())
                point.ignore = *times - 1;
    }
    return proceed({});
}

Answer DebugSession::step(Arguments arguments) {
    const auto times = count_of(arguments.empty() ? mmu::Expected<u64, std::string>(1) : word_of(arguments));
    if (!times) return {times.error() + "\n", true};
    Answer answer;
    for (u64 n = 0; n < *times && !answer.failed; ++n) {
        answer = step_line(false, false);
        if (ended() || stop_.kind != Stop::Kind::kStep) break;
    }
    return answer;
}

Answer DebugSession::next(Arguments arguments) {
    const auto times = count_of(arguments.empty() ? mmu::Expected<u64, std::string>(1) : word_of(arguments));
    if (!times) return {times.error() + "\n", true};
    Answer answer;
    for (u64 n = 0; n < *times && !answer.failed; ++n) {
        answer = step_line(true, false);
        if (ended() || stop_.kind != Stop::Kind::kStep) break;
    }
    return answer;
}

Answer DebugSession::step_instruction(Arguments arguments) {
    if (auto no = cannot_step()) return *no;
    const auto times = count_of(arguments.empty() ? mmu::Expected<u64, std::string>(1) : word_of(arguments));
    if (!times) return {times.error() + "\n", true};
    before_ = registers();
    for (u64 n = 0; n < *times; ++n) {
        go(kStep);
        if (ended() || stop_.kind != Stop::Kind::kStep) break;
        if (interrupt_came()) {
            stop_ = {.kind = Stop::Kind::kInterrupted, .signal = SIGINT};
            break;
        }
    }
    note_stop(stop_);
    return {stop_text()};
}

Answer DebugSession::next_instruction(Arguments arguments) {
    if (auto no = cannot_step()) return *no;
    const auto times = count_of(arguments.empty() ? mmu::Expected<u64, std::string>(1) : word_of(arguments));
    if (!times) return {times.error() + "\n", true};
    before_ = registers();
    for (u64 n = 0; n < *times; ++n) {
        if (debugger_.in_stage()) return step_stage(true);
        const u64 rip = registers().rip, rsp = registers().gpr[mmu::kRsp];
        unsigned length = 0;
        const bool call = is_call(rip, length);
        go(kStep);
        if (ended() || stop_.kind != Stop::Kind::kStep) break;
        if (call && registers().gpr[mmu::kRsp] == rsp - 8) {
            go_to(rip + length, rsp);
            if (!internal_hit_ || !hit_.empty()) break;
            stop_ = {.kind = Stop::Kind::kStep};
        }
    }
    note_stop(stop_);
    return {stop_text()};
}

Answer DebugSession::finish(Arguments) {
    if (auto no = cannot_step()) return *no;
    if (selected_ + 1 >= frames().size()) return {"The outermost function has no caller.\n", true};
    const Frame frame = frames()[selected_], caller = frames()[selected_ + 1];
    const std::string intro = "Run till exit from " + frame_text(selected_, frame);
    before_ = registers();
    if (frame.kernel) {
        const unsigned until = runner_.depth() - selected_;  // as many as are active with this one
        do {
            go(kStep);
        } while (!ended() && debugger_.in_stage() && stop_.kind == Stop::Kind::kStep &&
                 runner_.depth() >= until && !interrupt_came());
    } else {
        if (debugger_.in_stage()) {
            // The kernel's part comes first.
            while (!ended() && debugger_.in_stage()) go(kStep);
        }
        const u64 least = frame.guest.cfa ? frame.guest.cfa : registers().gpr[mmu::kRsp] + 1;
        if (!ended()) go_to(caller.pc, least);
    }
    const bool there = frame.kernel ? stop_.kind == Stop::Kind::kStep && debugger_.in_stage()
                                    : internal_hit_ && hit_.empty();
    if (internal_hit_ && hit_.empty()) stop_ = {.kind = Stop::Kind::kStep};
    note_stop(stop_);
    std::string text = intro + stop_text();
    if (there) {
        const u64 value = registers().gpr[mmu::kRax];
        state_.values.push_back(value);
        text += "Value returned is $" + std::to_string(state_.values.size()) + " = " +
                (value < 4096 || static_cast<mmu::i64>(value) > -4096
                     ? std::to_string(static_cast<mmu::i64>(value))
                     : formatted(value, 'x', 8)) +
                "\n";
    }
    return {text};
}

Answer DebugSession::until(Arguments arguments) {
    return arguments.empty() ? step_line(true, true) : advance(arguments);
}

Answer DebugSession::advance(Arguments arguments) {
    if (auto no = cannot_step()) return *no;
    if (arguments.empty()) return {"to where? advance FUNCTION, FILE:LINE or *ADDRESS\n", true};
    const auto address = place(arguments);
    if (!address) return {address.error() + "\n", true};
    before_ = registers();
    go_to(*address, 0);
    if (internal_hit_ && hit_.empty()) stop_ = {.kind = Stop::Kind::kStep};
    note_stop(stop_);
    return {stop_text()};
}

/// To the next page fault that the kernel is asked about.
Answer DebugSession::next_fault(Arguments) {
    if (auto no = cannot_run()) return *no;
    before_ = registers();
    go_to(address_of(kernel_function("exc_page_fault")) + kBody, 0);
    if (internal_hit_ && hit_.empty()) stop_ = {.kind = Stop::Kind::kStep};
    note_stop(stop_);
    return {stop_text()};
}

Answer DebugSession::deliver_signal(Arguments arguments) {
    if (auto no = cannot_run()) return *no;
    if (arguments != "0")
        return {"signal 0 goes on without the signal that is due; others cannot be made up here.\n", true};
    dropping_signal_ = true;
    return proceed({});
}

Answer DebugSession::kill(Arguments) {
    if (auto no = cannot_run()) return *no;
    if (debugger_.in_stage()) {
        debugger_.leave_stages();
        go({});
    }
    debugger_.machine().kernel().kill(SIGKILL);
    stop_ = {.kind = Stop::Kind::kExited};
    note_stop(stop_);
    return {"[the guest was killed]\n"};
}

Answer DebugSession::quit(Arguments) {
    quit_ = true;
    return {};
}

}  // namespace emu
