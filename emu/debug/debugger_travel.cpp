// The debugger's runs that stop for nobody but a position: to it, and along the way to the last stop before
// it.
#include <csignal>
#include <limits>
#include <utility>

#include "emu/debug/debugger.h"
#include "mmu/base/check.h"

namespace emu {

Position Debugger::position() const {
    const bool stage = in_stage_ && !mmu_stage_;
    return {instructions(), machine_.traps(), stage ? stage_number_ : Position::kSettled};
}

/// Stages of the MMU's are within instructions, where there is no counting: they have no positions.
void Debugger::count_stage(u64 pc) {
    mmu_stage_ = pc >= address_of(kernel_function("mmu_translate"));
    if (mmu_stage_ || machine_.traps() == 0) return;
    if (stage_trap_ != machine_.traps()) {
        stage_trap_ = machine_.traps();
        stage_number_ = 0;
    }
    ++stage_number_;
}

void Debugger::set_pause(u64 instructions, std::function<std::optional<Stop>()> at_pause) {
    pause_at_ = instructions;
    at_pause_ = std::move(at_pause);
}

std::string_view Debugger::stage_name() const {
    const usize number = (stages_.registers().rip - kKernelText) / kFunctionBytes;
    return number < kernel_functions().size() ? kernel_functions()[number].name : "a stage";
}

/// At the position of the live process a visitor's run ends.
bool Debugger::at_horizon() const {
    return horizon_ && position() >= *horizon_;
}

bool Debugger::stage_at_horizon() {
    if (!horizon_ || travelling_) return false;
    in_stage_ = true;
    const bool there = position() >= *horizon_;
    in_stage_ = false;
    return there;
}

/// Instructions that may be executed at once.
u64 Debugger::run_limit() const {
    u64 limit = std::numeric_limits<u64>::max();
    if (at_pause_) limit = pause_at_ > instructions() ? pause_at_ - instructions() : 1;
    if (horizon_)
        limit =
            std::min(limit, horizon_->instructions > instructions() ? horizon_->instructions - instructions()
                                                                    : u64{1});
    if (!schedule_.empty()) {
        const u64 next = schedule_.front().at.instructions;
        limit = std::min(limit, next > instructions() ? next - instructions() : u64{1});
    }
    return limit;
}

/// In the past those tasks stand still that stood still then.
void Debugger::keep_schedule() {
    while (!schedule_.empty() && position() >= schedule_.front().at) {
        freeze(schedule_.front().frozen);
        schedule_.pop_front();
        leave_frozen();
    }
}

/// One turn of a run without hooks; false: the guest has ended.
bool Debugger::turn(const Target& to) {
    keep_schedule();
    const u64 now = instructions();
    hooks_.hits.clear();
    hooks_.at_breakpoint = hooks_.leave = false;
    Exit exit;
    if (unserved_)
        exit = *std::exchange(unserved_, std::nullopt);
    else
        exit = to.at.instructions > now ? machine_.execute(std::min(run_limit(), to.at.instructions - now))
                                        : machine_.execute_one();
    if (!to.by_count && position() == to.at) {
        leave_unserved(exit);
        return true;
    }
    machine_.serve(exit);
    while (!machine_.ended() && machine_.kernel().due_signal())
        machine_.kernel().release_signals(machine_.cpu().regs, kernel::Kernel::FirstSignal::kDeliver);
    while (!machine_.ended() && task_stop()) {
    }
    stops_due_.clear();
    (void)fault_log_.take_caught();
    return !machine_.ended();
}

bool Debugger::arrived(const Target& to) const {
    return to.by_count ? instructions() >= to.at.instructions : position() >= to.at;
}

std::optional<Stop> Debugger::travel(const Target& to, const Stop& arrival) {
    travelling_ = to;
    arrival_ = arrival;
    references_wanted_ = mmu_observed_ = false;
    machine_.set_observers(nullptr, &task_watch_);
    const auto breakpoints = std::exchange(breakpoints_, {});
    const auto watches = std::exchange(watches_, {});
    apply_hooks();
    // A stage ends the travel in at_stage(), which puts the breakpoints back before it asks what to do.
    put_back_ = [this, breakpoints, watches] {
        breakpoints_ = breakpoints;
        watches_ = watches;
    };
    while (travelling_ && !arrived(to) && turn(to)) {
    }
    if (travelling_) {
        finish_travel();
        return last_stop_ = arrival;
    }
    if (leaving_) return Stop{.kind = Stop::Kind::kInterrupted, .signal = SIGINT};
    if (stage_left_for_guest()) return Stop{.kind = Stop::Kind::kStep};
    return std::nullopt;
}

void Debugger::finish_travel() {
    travelling_.reset();
    std::exchange(put_back_, {})();
}

std::vector<Debugger::Moment> Debugger::moments(u64 end) {
    set_stage_handler({});
    breakpoints_.clear();
    watches_.clear();
    apply_hooks();
    std::vector<Moment> out;
    while (!machine_.ended() && instructions() < end) {
        const mmu::Registers& regs = machine_.cpu().regs;
        out.push_back({instructions(), regs.rip, regs.gpr[mmu::kRsp], machine_.kernel().state().current});
        const Target next{{instructions() + 1, 0}, true};
        while (!arrived(next) && turn(next)) {
        }
    }
    return out;
}

std::optional<Debugger::Found> Debugger::search(const Position& end, bool all_stages,
                                                const std::function<bool(const Stop&)>& counts) {
    std::optional<Found> found;
    const auto consider = [&](const Stop& stop) {
        if (!counts(stop)) return;
        const Position here = position();
        if (stop.kind == Stop::Kind::kWatch) {
            // Backwards it is seen when the access is undone.
            if (here.instructions == 0) return;
            const Target before{{here.instructions - 1, 0}, true};
            if (here.instructions <= end.instructions) found = Found{before, stop};
        } else if (here < end) {
            found = Found{{here, false}, stop};
            // Such a stage cannot be stood at again, but the instruction that comes to it can.
            if (in_stage_ && mmu_stage_)
                found->stop = {.kind = Stop::Kind::kCaught,
                               .what = std::string(stage_name()) + " within the next instruction",
                               .task = stop.task};
        }
    };
    interrupted_ = {};
    at_pause_ = {};
    horizon_ = Position{end.instructions + (end.stage == Position::kSettled ? 0 : 1), ~u64{0}, 0};
    if (horizon_->instructions == end.instructions) horizon_ = end;
    searching_ = true;
    searching_stages_ = all_stages;
    set_stage_handler([&] {
        if (position() >= end)
            leave_stages();
        else
            consider(last_stop_);
        return Resume{};
    });
    // Where the search begins is looked at too; a run steps over it.
    if (position() < end && breakpoints_.contains(registers().rip) && condition_holds(registers().rip))
        found = Found{{position(), false}, {.kind = Stop::Kind::kBreakpoint}};
    while (!machine_.ended()) {
        const Stop stop = resume({});
        if (stop.kind == Stop::Kind::kHorizon || stop.kind == Stop::Kind::kExited ||
            stop.kind == Stop::Kind::kInterrupted)
            break;
        const bool asked_for = stop.kind == Stop::Kind::kBreakpoint || stop.kind == Stop::Kind::kWatch ||
                               stop.kind == Stop::Kind::kCaught || stop.kind == Stop::Kind::kSyscallEntry ||
                               stop.kind == Stop::Kind::kSyscallReturn;
        if (asked_for) consider(stop);
    }
    return found;
}

}  // namespace emu
