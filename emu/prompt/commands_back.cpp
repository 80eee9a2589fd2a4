// Commands that go back. Each finds out where to, and makes one journey there; who travelled goes on.
#include <csignal>
#include <cstdlib>

#include "emu/prompt/debug_session.h"

namespace emu {

using Answer = DebugSession::Answer;

namespace {

constexpr u64 kMostSteps = 1'000'000'000;

}  // namespace

/// To the state with so many instructions; or to a breakpoint or another stop on the way there. Nothing: to
/// the beginning.
Answer DebugSession::back_to(std::optional<u64> instructions) {
    const Position here = debugger_.position();
    const u64 to = instructions.value_or(timeline_->first().instructions);
    const bool stops = !state_.stop_points.empty() || state_.catching_syscalls ||
                       !debugger_.faults().caught().empty() || debugger_.vm_watch().active();
    if (stops && to + 1 <= here.instructions) {
        const auto finding = timeline_->find_last({to + 1, 0, 0}, here);
        if (finding.interrupted) {
            stop_ = {.kind = Stop::Kind::kInterrupted, .signal = SIGINT};
            note_stop(stop_);
            return {stop_text()};
        }
        if (finding.found) return came_back(timeline_->go_to(finding.found->target, finding.found->stop));
    }
    const Stop::Kind kind = instructions ? Stop::Kind::kStep : Stop::Kind::kHistoryBegin;
    return came_back(timeline_->go_to({{to, 0}, true}, {.kind = kind}));
}

Answer DebugSession::step_back_again() {
    --again_.steps;
    return came_back(timeline_->step_back());
}

/// reverse-stepi [N]
Answer DebugSession::reverse_stepi(Arguments arguments) {
    const auto times = arguments.empty() ? mmu::Expected<u64, std::string>(1) : word_of(arguments);
    if (!times || *times == 0 || *times > kMostSteps)
        return {times ? "how often? 1 to 1000000000\n" : times.error() + "\n", true};
    if (auto no = cannot_step_this()) return *no;
    if (auto no = cannot_go_back()) return *no;
    const bool stages = debugger_.in_stage() || debugger_.fault_mode() != Debugger::FaultMode::kHidden;
    if (*times > 1 && !stages) {
        const u64 here = debugger_.instructions();
        return back_to(here > *times ? here - *times : 0);
    }
    again_.steps = *times;
    return step_back_again();
}

Answer DebugSession::reverse_nexti(Arguments) {
    if (auto no = cannot_step_this()) return *no;
    if (auto no = cannot_go_back()) return *no;
    if (debugger_.in_stage()) return reverse_next("");
    return back_to(instruction_back_over_calls());
}

Answer DebugSession::reverse_step(Arguments) {
    if (auto no = cannot_step_this()) return *no;
    if (auto no = cannot_go_back()) return *no;
    if (debugger_.in_stage()) return came_back(timeline_->step_back());
    return back_to(line_back(false));
}

Answer DebugSession::reverse_next(Arguments) {
    if (auto no = cannot_step_this()) return *no;
    if (auto no = cannot_go_back()) return *no;
    if (!debugger_.in_stage()) return back_to(line_back(true));
    if (!debugger_.has_position()) return came_back(timeline_->step_back());
    again_ = {.steps = kMostSteps, .depth = runner_.depth()};
    return step_back_again();
}

/// To the call of the selected function.
Answer DebugSession::reverse_finish(Arguments) {
    if (auto no = cannot_step_this()) return *no;
    if (selected_ >= frames().size()) return {"No frame selected.\n", true};
    const Frame frame = frames()[selected_];
    if (selected_ + 1 >= frames().size()) return {"The outermost function has no caller.\n", true};
    if (auto no = cannot_go_back()) return *no;
    const std::string intro = "Run back to call of " + frame_text(selected_, frame);
    if (frame.kernel) {
        if (!debugger_.has_position()) return came_back(timeline_->step_back());
        const unsigned active = runner_.depth() - selected_;
        again_ = {.steps = kMostSteps, .depth = active - 1};
        return step_back_again();
    }
    const auto call = call_of(frame);
    if (!call) return {"There is no way to see where this function was called.\n", true};
    return back_to(call);
}

Answer DebugSession::reverse_continue(Arguments) {
    if (auto no = cannot_go_back()) return *no;
    return came_back(timeline_->continue_back());
}

/// To before the last fault that has been seen here.
Answer DebugSession::previous_fault(Arguments) {
    if (auto no = cannot_go_back()) return *no;
    const auto& faults = debugger_.faults().faults();
    if (faults.empty()) return {"There was no fault before this.\n", true};
    if (auto outcome = timeline_->go_to_fault(faults.back().number)) return came_back(*outcome);
    return {"There was no fault before this.\n", true};
}

/// goto icount N | fault N | start | end | +N | -N
Answer DebugSession::go_to_moment(Arguments arguments) {
    const auto gap = std::min(arguments.find_first_of(" \t"), arguments.size());
    std::string word = arguments.substr(0, gap), rest = arguments.substr(gap);
    const bool ahead = word.starts_with("+"), behind = word.starts_with("-");
    if (ahead || behind) rest = word.substr(1) + rest;
    const bool fault = word == "fault";
    const bool percent = word.ends_with('%') && rest.empty();
    const bool known =
        percent || fault || ahead || behind || word == "icount" || word == "start" || word == "end";
    if (!known) return {"goto icount N, fault N, start, end, PERCENT%, +N or -N instructions\n", true};
    const bool number = word != "start" && word != "end" && !percent;
    const auto value = number ? word_of(rest) : mmu::Expected<u64, std::string>(0);
    if (!value) return {value.error() + "\n", true};
    if (auto no = cannot_go_back()) return *no;
    if (word == "end") return came_back(timeline_->go_to_end());
    if (fault) {
        if (auto outcome = timeline_->go_to_fault(*value)) return came_back(*outcome);
        return {"No such fault has been seen.\n", true};
    }
    const u64 here = debugger_.instructions();
    u64 to = *value;
    if (percent) {
        const double part = std::strtod(word.c_str(), nullptr) / 100;
        if (!(part >= 0 && part <= 1)) return {"goto 0% to 100%\n", true};
        to = static_cast<u64>(part * static_cast<double>(timeline_->last().instructions));
    }
    if (ahead) to = here + *value < here ? ~u64{0} : here + *value;
    if (behind) to = here > *value ? here - *value : 0;
    if (to > timeline_->last().instructions)
        return {"Nothing has happened there yet: continue to it.\n", true};
    return travel({{word == "start" ? 0 : to, 0}, true});
}

}  // namespace emu
