// Lines and calls of the past. The states before the present one are looked at backwards, in parts; where a
// function was called is found by its first instruction with the stack that the call left.
#include <algorithm>

#include "emu/prompt/debug_session.h"

namespace emu {

namespace {

using Moment = Debugger::Moment;

/// States before a moment, of one task, the newest first.
class Past {
  public:
    Past(Timeline& timeline, u64 before, kernel::Pid task)
        : timeline_(timeline), before_(before), task_(task) {}

    /// The next older one; nothing: it is before the history.
    std::optional<Moment> take() {
        while (true) {
            while (!moments_.empty()) {
                const Moment moment = moments_.back();
                moments_.pop_back();
                before_ = moment.instructions;
                if (moment.task == task_) return moment;
            }
            if (before_ <= timeline_.first().instructions) return std::nullopt;
            moments_ = timeline_.moments(before_, count_);
            if (moments_.empty()) return std::nullopt;
            count_ = std::min<u64>(count_ * 8, kMost);
        }
    }
    /// Skips what came since.
    void jump(u64 before) {
        before_ = before;
        moments_.clear();
    }

  private:
    static constexpr u64 kMost = 65536;
    Timeline& timeline_;
    u64 before_, count_ = 256;
    kernel::Pid task_;
    std::vector<Moment> moments_;
};

}  // namespace

bool DebugSession::is_return(u64 address) {
    unsigned length = 0;
    const std::string words = instruction_at(address, length);
    return words.starts_with("ret") || words.starts_with("syscall");  // a handler's end restores the stack
}

/// The last time that a function began with its return address at `rsp`.
static std::optional<Position> entry_of(Timeline& timeline, u64 before) {
    const auto finding = timeline.find_last({}, {before, 0, Position::kSettled});
    if (!finding.found) return std::nullopt;
    return finding.found->target.at;
}

/// From behind a return at `below`'s stack to the call: the newest older state whose stack was as it is now.
static std::optional<Moment> skip_callee(Past& past, u64 rsp) {
    while (auto moment = past.take())
        if (moment->rsp >= rsp) return moment;
    return std::nullopt;
}

/// The instruction that called the frame's function: the state it began in.
std::optional<u64> DebugSession::call_of(const Frame& frame) {
    const auto symbol = modules_.symbol_at(frame.pc);
    if (!symbol || !frame.guest.cfa) return std::nullopt;
    const u64 rsp = frame.guest.cfa - 8;
    std::optional<Position> entry;
    if (registers().rip == symbol->address && registers().gpr[mmu::kRsp] == rsp && !debugger_.in_stage()) {
        entry = debugger_.position();
    } else {
        internal_ = Internal{.address = symbol->address, .least_rsp = rsp, .alone = true};
        entry = entry_of(*timeline_, debugger_.instructions());
        internal_.reset();
    }
    if (!entry || entry->instructions == 0) return std::nullopt;
    // A linker that binds late comes between the call and the function.
    Past past(*timeline_, entry->instructions, debugger_.task().pid);
    const auto call = skip_callee(past, frame.guest.cfa);
    return call ? call->instructions : entry->instructions - 1;
}

std::optional<u64> DebugSession::instruction_back_over_calls() {
    const u64 rsp = registers().gpr[mmu::kRsp];
    Past past(*timeline_, debugger_.instructions(), debugger_.task().pid);
    auto moment = past.take();
    if (moment && moment->rsp < rsp && is_return(moment->rip)) moment = skip_callee(past, rsp);
    return moment ? std::optional(moment->instructions) : std::nullopt;
}

/// Where the line began that was executed before here: the first of the states that lie together on one line
/// of one function. `over`: functions that have returned are passed; without, those with lines are entered.
std::optional<u64> DebugSession::line_back(bool over) {
    Past past(*timeline_, debugger_.instructions(), debugger_.has_task() ? debugger_.task().pid : 0);
    Moment next{debugger_.instructions(), registers().rip, registers().gpr[mmu::kRsp], 0};
    const auto here = modules_.symbol_at(next.rip);
    std::optional<SourceLine> line;
    std::optional<Moment> first;
    bool entered = false;
    const auto line_of = [this](u64 rip) {
        if (const auto found = modules_.line_at(rip)) return *found;
        const auto symbol = modules_.symbol_at(rip);
        return symbol ? SourceLine{"", 0, symbol->address, symbol->address + std::max<u64>(symbol->size, 1)}
                      : SourceLine{"", 0, rip, rip + 1};
    };
    while (auto moment = past.take()) {
        if (interrupt_came()) break;
        unsigned length = 0;
        if (moment->rsp < next.rsp && is_return(moment->rip)) {
            if (!over && modules_.line_at(moment->rip)) {
                line.reset();
                entered = true;
            } else {
                moment = skip_callee(past, next.rsp);
                if (!moment) break;
            }
        } else if (next.rsp + 8 == moment->rsp && is_call(moment->rip, length) &&
                   next.rip != moment->rip + length) {
            // Out of the function that we stood in, into its caller; not out of one that was entered.
            const bool from_start = first && here && !entered && first->rip == here->address;
            if (first && (!from_start || !modules_.line_at(moment->rip))) break;
            line.reset();
        }
        const SourceLine there = line_of(moment->rip);
        if (line) {
            const bool same = line->line ? there.line == line->line && there.file == line->file
                                         : moment->rip >= line->start && moment->rip < line->end;
            if (!same) break;
        } else {
            line = there;
        }
        first = moment;
        next = *moment;
    }
    return first ? std::optional(first->instructions) : std::nullopt;
}

}  // namespace emu
