// The session going to another moment: what the process that goes on there is told, and what it says first.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "emu/prompt/command_table.h"
#include "emu/prompt/debug_session.h"
#include "kernel/host/journal.h"
#include "kernel/host/seam.h"

namespace emu {

using Answer = DebugSession::Answer;
using kernel::host::get_bytes, kernel::host::get_number, kernel::host::put_bytes, kernel::host::put_number;

void DebugSession::keep_history() {
    timeline_.emplace(debugger_, *this);
    runner_.set_arrival([this] { return timeline_ && timeline_->in_past() && !serving_; },
                        [this](const Stop& stop) { arrive(stop); });
}

void DebugSession::take_over() {
    if (host_.take_over) host_.take_over();
}

void DebugSession::use_own_terminal(bool own) {
    own_terminal_ = own;
    if (host_.use_terminal) host_.use_terminal(own);
}

void DebugSession::leave(int status) {
    (void)timeline_->leave(status);
    std::abort();  // leave() has ended a visitor
}

std::string DebugSession::save() const {
    static_assert(std::is_trivially_copyable_v<mmu::Registers>);
    std::string text;
    put_bytes(text, state_.save());
    put_bytes(text, {reinterpret_cast<const char*>(&before_), sizeof before_});
    put_number(text, static_cast<u64>(debugger_.fault_mode()));
    put_number(text, static_cast<u64>(debugger_.kernel_names()));
    put_bytes(text, debugger_.vm_watch().save());
    put_number(text, debugger_.faults().caught().size());
    for (const std::string& what : debugger_.faults().caught()) put_bytes(text, what);
    put_number(text, internal_.has_value());
    const Internal internal = internal_.value_or(Internal{});
    for (const u64 value : {internal.address, internal.least_rsp, u64{internal.alone}, again_.steps,
                            again_.depth ? u64{*again_.depth} + 1 : 0, u64{own_terminal_}})
        put_number(text, value);
    put_bytes(text, handed_over_);
    return text;
}

void DebugSession::restore(const std::string& settings) {
    std::string_view text = settings, bytes;
    u64 number = 0, count = 0, depth = 0, own_terminal = 0, alone = 0;
    debugger_.clear_all();
    applied_.clear();
    watched_.clear();
    debugger_.faults().catch_nothing();
    frames_.reset();
    if (get_bytes(text, bytes))
        if (auto state = UiState::restore(std::string(bytes))) state_ = std::move(*state);
    if (get_bytes(text, bytes) && bytes.size() == sizeof before_)
        std::memcpy(&before_, bytes.data(), sizeof before_);
    if (get_number(text, number)) debugger_.set_fault_mode(static_cast<Debugger::FaultMode>(number));
    if (get_number(text, number)) debugger_.set_kernel_names(static_cast<KernelNames>(number));
    if (get_bytes(text, bytes)) debugger_.vm_watch().restore(bytes);
    for (get_number(text, count); count && get_bytes(text, bytes); --count)
        (void)debugger_.faults().catch_event(std::string(bytes));
    Internal internal;
    const bool whole = get_number(text, number) && get_number(text, internal.address) &&
                       get_number(text, internal.least_rsp) && get_number(text, alone) &&
                       get_number(text, again_.steps) && get_number(text, depth) &&
                       get_number(text, own_terminal);
    internal.alone = alone != 0;
    internal_ = whole && number ? std::optional(internal) : std::nullopt;
    again_.depth = depth ? std::optional(static_cast<unsigned>(depth - 1)) : std::nullopt;
    if (get_bytes(text, bytes)) handed_over_ = bytes;
    if ((own_terminal != 0) != own_terminal_) use_own_terminal(own_terminal != 0);
    apply_stop_points();
}

Answer DebugSession::begin_anew(const std::string& settings, const std::string& command) {
    const mmu::Registers first = registers();
    restore(settings);
    before_ = first;
    internal_.reset();
    handed_over_.clear();
    again_ = {};
    debugger_.vm_watch().clear();
    for (StopPoint& point : state_.stop_points) point.hits = 0;
    refresh_watches();
    Answer answer = execute(command);
    answer.text = "The guest begins anew.\n" + answer.text;
    return answer;
}

/// A copy looks for a stop: watched bytes are compared with what they were, not with what was last shown.
void DebugSession::begin_search() {
    looking_back_ = true;
    bytes_then_.clear();
    for (const WatchRange& range : watched_) {
        std::string bytes(range.last - range.first + 1, '\0');
        bytes.resize(debugger_.read(range.first, {reinterpret_cast<u8*>(bytes.data()), bytes.size()}));
        bytes_then_[range.first] = std::move(bytes);
    }
}

bool DebugSession::counts(const Stop& stop) {
    if (internal_ && internal_->alone)
        return std::exchange(internal_hit_, false) && stop.kind == Stop::Kind::kBreakpoint;
    if (stop.kind != Stop::Kind::kWatch) return true;
    const WatchRange& range = stop.watch.range;
    std::string now(range.last - range.first + 1, '\0');
    now.resize(debugger_.read(range.first, {reinterpret_cast<u8*>(now.data()), now.size()}));
    const bool changed = std::exchange(bytes_then_[range.first], now) != now;
    frames_.reset();
    for (const StopPoint& point : state_.stop_points) {
        if (!point.enabled || point.kind != StopPoint::Kind::kWatchpoint || !(point.range == range)) continue;
        if (!point.range.reads && !changed) continue;
        const auto holds =
            point.condition.empty() ? mmu::Expected<u64, std::string>(1) : word_of(point.condition);
        if (!holds || *holds) return true;
    }
    return false;
}

/// Watched values as they are before a journey: what is compared with at its end.
void DebugSession::refresh_watches() {
    const auto read = [this](u64 address, std::span<u8> bytes) { return debugger_.read(address, bytes); };
    for (StopPoint& point : state_.stop_points)
        if (point.kind == StopPoint::Kind::kWatchpoint)
            if (const auto value = value_of(point.what); value && value->address == point.range.first)
                point.value = value_text(*value, read);
}

std::optional<Answer> DebugSession::cannot_go_back() {
    if (!timeline_)
        return Answer{"No history is kept here (--no-reverse, or no session of its own).\n", true};
    look_at_running();
    refresh_watches();
    before_ = registers();
    again_ = {};
    return std::nullopt;
}

Answer DebugSession::travel(const Target& target) {
    return came_back(timeline_->go_to(target, {.kind = Stop::Kind::kStep}));
}

/// In the live process, when the journey is over, or none was needed.
Answer DebugSession::came_back(const Timeline::Outcome& outcome) {
    switch (outcome.kind) {
        case Timeline::Outcome::Kind::kEnd:
            left_ = outcome.end;
            quit_ = true;
            return {};
        case Timeline::Outcome::Kind::kResume: {
            if (!handed_over_.empty()) return execute(std::exchange(handed_over_, {}));
            if (!ended()) return proceed(outcome.how);
            stop_ = {.kind = Stop::Kind::kExited};
            note_stop(stop_);
            return {stop_text()};
        }
        case Timeline::Outcome::Kind::kStop:
            break;
    }
    stop_ = debugger_.last_stop();
    return arrival_answer();
}

/// In the process that has travelled, on a stack of its own: whoever asked is gone.
void DebugSession::arrive(const Stop& stop) {
    serving_ = true;
    stop_ = stop;
    host_.arrive(arrival_answer());
}

Answer DebugSession::arrival_answer() {
    hit_.clear();
    frames_.reset();
    if (again_.steps && stop_.kind == Stop::Kind::kStep) {
        const bool deep = !again_.depth || (debugger_.in_stage() && runner_.depth() > *again_.depth);
        if (deep && !interrupt_came()) return step_back_again();
    }
    again_ = {};
    note_stop(stop_);
    const u64 rip = ended() ? 0 : registers().rip;
    const bool stands = stop_.kind == Stop::Kind::kStep || stop_.kind == Stop::Kind::kBreakpoint;
    if (stands && !ended() && applied_.contains(rip)) {
        looking_back_ = true;  // counts for passing breakpoints are of the way forward
        if (stops_at(rip)) stop_.kind = Stop::Kind::kBreakpoint;
        looking_back_ = false;
    }
    if (stop_.kind == Stop::Kind::kWatch)
        for (const StopPoint& point : state_.stop_points)
            if (point.enabled && point.kind == StopPoint::Kind::kWatchpoint &&
                point.range == stop_.watch.range)
                hit_.push_back(point.number);
    return {stop_text()};
}

/// A command for the live process: one that runs on from the end of what has happened, or ends the guest.
std::optional<Answer> DebugSession::hand_over(const std::string& line, const CommandRow& row) {
    if (!timeline_ || !timeline_->in_past() || row.direction == CommandRow::Direction::kNone)
        return std::nullopt;
    if (row.direction == CommandRow::Direction::kForward && !timeline_->at_horizon()) return std::nullopt;
    handed_over_ = line;
    return came_back(timeline_->go_forward({}));
}

/// The past cannot be changed, nor what comes from a recording; the live guest can, and its history begins
/// there.
std::optional<std::string> DebugSession::why_not_write() {
    if (timeline_ && timeline_->in_past()) return "the past cannot be changed: goto end first";
    if (kernel::host::Seam::get().mode() == kernel::host::Seam::Mode::kReplay)
        return "a recorded guest cannot be changed";
    if (timeline_) timeline_->begin_anew();
    return std::nullopt;
}

const Timeline::Overview& DebugSession::overview() {
    if (!overview_) overview_ = timeline_ ? timeline_->overview() : Timeline::Overview{};
    return *overview_;
}

}  // namespace emu
