// Going on: by instructions, lines, functions and stages. Lines and functions are made of steps and of one
// breakpoint of our own.
#include <algorithm>

#include "emu/debug/kernel_functions.h"
#include "emu/decode/decoder.h"
#include "emu/prompt/debug_session.h"
#include "kernel/signal.h"
#include "kernel/state.h"

namespace emu {

using Answer = DebugSession::Answer;

namespace {

const Resume kStep{.kind = Resume::Kind::kStep};

}  // namespace

std::optional<Answer> DebugSession::cannot_run() {
    if (ended()) return Answer{"The program is not being run: it has ended.\n", true};
    look_at_running();
    return std::nullopt;
}

/// Gives the engine the breakpoints and watchpoints that are to be there.
void DebugSession::apply_stop_points() {
    std::set<u64> addresses;
    std::vector<WatchRange> ranges;
    for (const StopPoint& point : state_.stop_points) {
        if (!point.enabled || (internal_ && internal_->alone)) continue;
        if (point.kind == StopPoint::Kind::kBreakpoint)
            addresses.insert(point.address);
        else
            ranges.push_back(point.range);
    }
    if (internal_) addresses.insert(internal_->address);
    for (const u64 address : applied_)
        if (!addresses.contains(address)) debugger_.remove_breakpoint(address);
    for (const u64 address : addresses)
        if (!applied_.contains(address))
            debugger_.set_breakpoint(address, [this, address] { return stops_at(address); });
    applied_ = std::move(addresses);
    for (const WatchRange& range : watched_)
        if (std::find(ranges.begin(), ranges.end(), range) == ranges.end()) debugger_.remove_watch(range);
    for (const WatchRange& range : ranges)
        if (std::find(watched_.begin(), watched_.end(), range) == watched_.end()) debugger_.set_watch(range);
    watched_ = std::move(ranges);
    std::set<int> passed;
    for (int signal = 1; signal <= kernel::kSignals; ++signal) {
        const SignalPolicy policy = state_.policy(signal);
        if (!policy.stop && policy.pass) passed.insert(signal);
    }
    debugger_.pass_signals(std::move(passed));
    debugger_.catch_syscalls(state_.catching_syscalls,
                             {state_.caught_syscalls.begin(), state_.caught_syscalls.end()});
}

/// Asked by the engine, in the middle of a run: names in conditions are of the innermost function.
bool DebugSession::stops_at(u64 address) {
    bool stops = false;
    frames_.reset();
    selected_ = 0;
    for (StopPoint& point : state_.stop_points) {
        if (!point.enabled || point.kind != StopPoint::Kind::kBreakpoint || point.address != address)
            continue;
        if (!point.condition.empty()) {
            const auto holds = word_of(point.condition);
            if (holds && !*holds) continue;  // one that cannot be judged stops
        }
        ++point.hits;
        if (point.ignore > 0 && !looking_back_) {
            --point.ignore;
            continue;
        }
        hit_.push_back(point.number);
        stops = true;
    }
    frames_.reset();
    const u64 rsp = registers().gpr[mmu::kRsp];
    const bool theirs =
        !internal_ || !internal_->task || internal_->task == debugger_.machine().kernel().state().current;
    if (internal_ && internal_->address == address && theirs &&
        (internal_->alone ? rsp == internal_->least_rsp : rsp >= internal_->least_rsp))
        internal_hit_ = stops = true;
    return stops;
}

/// A watched variable that is written with the value it has is no news, as for gdb.
bool DebugSession::worth_a_stop(const Stop& stop) {
    if (stop.kind != Stop::Kind::kWatch) return true;
    bool worth = false;
    for (StopPoint& point : state_.stop_points) {
        if (!point.enabled || point.kind != StopPoint::Kind::kWatchpoint ||
            !(point.range == stop.watch.range))
            continue;
        const auto value = value_of(point.what);
        const std::string now =
            value ? value_text(*value, [this](u64 a, std::span<u8> b) { return debugger_.read(a, b); })
                  : "<not there>";
        if (!point.range.reads && now == point.value) continue;
        if (!point.condition.empty()) {
            const auto holds = word_of(point.condition);
            if (holds && !*holds) continue;
        }
        ++point.hits;
        if (point.ignore > 0) {
            --point.ignore;
            continue;
        }
        hit_.push_back(point.number);
        worth = true;
    }
    return worth;
}

Stop DebugSession::go(const Resume& given) {
    Resume how = given;
    how.deliver_signal = !dropping_signal_;
    if (stop_.kind == Stop::Kind::kSignal)
        if (const auto own = state_.signals.find(stop_.signal); own != state_.signals.end())
            how.deliver_signal = how.deliver_signal && own->second.pass;
    apply_stop_points();
    hit_.clear();
    internal_hit_ = false;
    while (true) {
        // One that came before the run would be lost in it.
        if (interrupt_came()) return stop_ = {.kind = Stop::Kind::kInterrupted, .signal = SIGINT};
        frames_.reset();
        if (timeline_) timeline_->note_resume(how);
        stop_ = runner_.go(how);
        frames_.reset();
        if (stop_.kind == Stop::Kind::kInterrupted) interrupted_ = false;
        // In the past a guest does not end: that is the live process's news.
        if (stop_.kind == Stop::Kind::kExited && timeline_ && timeline_->in_past())
            stop_ = {.kind = Stop::Kind::kHorizon};
        if (worth_a_stop(stop_)) break;
        if (how.kind != Resume::Kind::kContinue) {
            stop_ = {.kind = Stop::Kind::kStep};
            break;
        }
    }
    // A step that ends where a breakpoint is has reached it.
    const bool stepped = stop_.kind == Stop::Kind::kStep && !debugger_.in_stage() && !ended();
    if (stepped && applied_.contains(registers().rip) && stops_at(registers().rip))
        stop_ = {.kind = Stop::Kind::kBreakpoint};
    return stop_;
}

/// Until the guest comes to `address` with a stack of no more than `least_rsp` lets it, or stops elsewhere.
Stop DebugSession::go_to(u64 address, u64 least_rsp) {
    internal_ = {.address = address, .least_rsp = least_rsp};
    const Stop stop = go({});
    internal_.reset();
    return stop;
}

void DebugSession::note_stop(const Stop&) {
    dropping_signal_ = false;
    overview_.reset();
    selected_ = 0;
    frames_.reset();
    state_.list_line = 0;
    if (!ended()) modules_.update(process_maps());
}

Answer DebugSession::proceed(const Resume& how) {
    if (auto no = cannot_run()) return *no;
    before_ = registers();
    go(how);
    // Over the end of what has happened the live process goes on.
    if (stop_.kind == Stop::Kind::kHorizon && timeline_ && how.kind == Resume::Kind::kContinue)
        return came_back(timeline_->go_forward(how));
    note_stop(stop_);
    return {stop_text()};
}

/// In words; empty where there is none.
std::string DebugSession::instruction_at(u64 address, unsigned& length) {
    u8 bytes[15] = {};
    const usize got = debugger_.read(address, bytes);
    if (got == 0) return "";
    const std::string words = decoder_->describe({bytes, got}, address);
    const auto gap = words.find("  ");
    if (gap == std::string::npos) return "";
    length = static_cast<unsigned>((gap + 1) / 3);
    return words.substr(gap + 2);
}

bool DebugSession::is_call(u64 address, unsigned& length) {
    return instruction_at(address, length).starts_with("call");
}

/// An entry of a procedure linkage table: a jump to where a word of memory says.
bool DebugSession::is_stub(u64 address) {
    if (modules_.line_at(address)) return false;
    unsigned length = 0;
    std::string words = instruction_at(address, length);
    if (words.starts_with("endbr64")) words = instruction_at(address + length, length);
    return words.find("jmp") != std::string::npos && words.find("rip") != std::string::npos;
}

/// From such an entry to the function that it is for, also where the dynamic linker looks for it first.
/// False: the guest has stopped on the way, for another reason.
bool DebugSession::step_through_stub() {
    constexpr u64 kMostSteps = 1'000'000;
    if (!is_stub(registers().rip)) return true;
    const u64 rsp = registers().gpr[mmu::kRsp];
    for (u64 n = 0; n < kMostSteps; ++n) {
        go(kStep);
        if (ended() || stop_.kind != Stop::Kind::kStep || debugger_.in_stage()) return false;
        if (interrupt_came()) {
            stop_ = {.kind = Stop::Kind::kInterrupted, .signal = SIGINT};
            return false;
        }
        const u64 now = registers().gpr[mmu::kRsp];
        if (now > rsp) return true;
        if (now < rsp) continue;
        const auto symbol = modules_.symbol_at(registers().rip);
        if (symbol && symbol->address == registers().rip) return true;
    }
    return true;
}

Answer DebugSession::step_stage(bool over) {
    before_ = registers();
    const unsigned depth = runner_.depth();
    do {
        go(kStep);
    } while (over && debugger_.in_stage() && stop_.kind == Stop::Kind::kStep && runner_.depth() > depth &&
             !interrupt_came());
    note_stop(stop_);
    return {stop_text()};
}

/// step, next and until: to the beginning of another line. `over`: calls are not entered; `forwards_only`:
/// jumps back do not end it.
Answer DebugSession::step_line(bool over, bool forwards_only) {
    if (auto no = cannot_step()) return *no;
    if (debugger_.in_stage()) return step_stage(over);
    before_ = registers();
    const u64 cfa = frames().empty() ? 0 : frames()[0].guest.cfa;
    std::string intro;
    SourceLine line;
    if (const auto here = modules_.line_at(registers().rip)) {
        line = *here;
    } else {
        const auto symbol = modules_.symbol_at(registers().rip);
        line = symbol ? SourceLine{"", 0, symbol->address, symbol->address + symbol->size}
                      : SourceLine{"", 0, registers().rip, registers().rip + 1};
        if (symbol)
            intro = "Single stepping until exit from function " + symbol->name +
                    ",\nwhich has no line number information.\n";
    }
    const auto finished = [&] {
        note_stop(stop_);
        return Answer{intro + stop_text()};
    };
    while (true) {
        const u64 rip = registers().rip, rsp = registers().gpr[mmu::kRsp];
        unsigned length = 0;
        const bool call = is_call(rip, length);
        go(kStep);
        if (ended() || stop_.kind != Stop::Kind::kStep || debugger_.in_stage()) return finished();
        if (interrupt_came()) {
            stop_ = {.kind = Stop::Kind::kInterrupted, .signal = SIGINT};
            return finished();
        }
        if (call && registers().gpr[mmu::kRsp] == rsp - 8 && registers().rip != rip) {
            if (!over && !step_through_stub()) return finished();
            const auto callee = modules_.symbol_at(registers().rip);
            const bool inside = registers().gpr[mmu::kRsp] == rsp - 8;
            if (!over && inside && callee && modules_.line_at(registers().rip)) {
                const u64 body = modules_.behind_prologue(*callee);
                if (body != registers().rip) go_to(body, 0);
                if (internal_hit_ && hit_.empty()) stop_ = {.kind = Stop::Kind::kStep};
                return finished();
            }
            if (registers().gpr[mmu::kRsp] < rsp) {
                go_to(rip + length, rsp);
                if (!internal_hit_ || !hit_.empty()) return finished();
                stop_ = {.kind = Stop::Kind::kStep};
            }
        }
        const u64 now = registers().rip;
        if (now >= line.start && now < line.end) continue;
        const auto there = modules_.line_at(now);
        const bool returned = cfa && registers().gpr[mmu::kRsp] >= cfa;
        if (!there || returned) return finished();
        const bool same = there->line == line.line && there->file == line.file;
        if (forwards_only && !returned && there->file == line.file && now < line.start) continue;
        if (there->start == now && !same) return finished();
        if (there->start != now || same) {
            // In the middle of a line, or in another part of the same one.
            line.start = there->start;
            line.end = there->end;
            if (!same) line = *there;
        }
    }
}

}  // namespace emu
