// The live process's part, and what a front-end asks. Which copy goes where is in timeline_sending.cpp, the
// copies' own part in timeline_copies.cpp.
#include "emu/debug/timeline.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "emu/debug/timeline_message.h"
#include "kernel/host/seam.h"
#include "mmu/base/check.h"
#include "mmu/base/log.h"

namespace emu {

using kernel::host::get_bytes, kernel::host::get_number, kernel::host::put_bytes, kernel::host::put_number;
using kernel::host::Journal, kernel::host::Seam;

namespace {

constexpr usize kMostCopies = 40;
constexpr u64 kMostPrivateBytes = u64{1} << 30;

/// Page faults of this process so far: each page that only a copy still has was one of its own.
u64 page_faults() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<u64>(usage.ru_minflt);
}

}  // namespace

Timeline::Timeline(Debugger& debugger, FrontEnd& front)
    : debugger_(debugger), front_(front), interval_(kInterval) {
    Seam& seam = Seam::get();
    if (seam.mode() == Seam::Mode::kLive) {
        auto journal = Journal::create("");
        if (!journal) {
            LOG(warn, "no going back: {}", journal.error().message);
            return;
        }
        seam.record(std::make_unique<Journal>(std::move(*journal)));
        recording_ = true;
    }
    start_copying();
}

void Timeline::start_copying() {
    debugger_.set_pause(0, [this] { return at_pause(); });
}

Timeline::~Timeline() {
    debugger_.set_pause(0, {});
    while (!copies_.empty()) drop(copies_.size() - 1);
    if (recording_ && Seam::get().mode() == Seam::Mode::kRecord) Seam::get().finish();
}

Position Timeline::first() const {
    return in_past_ ? beginning_ : copies_.empty() ? position() : copies_.front().at;
}

Position Timeline::last() const {
    return in_past_ ? horizon_ : position();
}

void Timeline::begin_anew() {
    CHECK(!in_past_);
    while (!copies_.empty()) drop(copies_.size() - 1);
    schedule_.clear();
    if (!debugger_.frozen().empty()) schedule_.push_back({position(), debugger_.frozen()});
    start_copying();
}

void Timeline::drop(usize index) {
    const Copy& copy = copies_[index];
    ::close(copy.channel);
    // A waypoint is another copy's child: it ends with the channel.
    if (const auto waypoint = std::find(waypoints_.begin(), waypoints_.end(), copy.channel);
        waypoint != waypoints_.end()) {
        waypoints_.erase(waypoint);
    } else {
        ::kill(copy.pid, SIGKILL);
        while (::waitpid(copy.pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    copies_.erase(copies_.begin() + static_cast<std::ptrdiff_t>(index));
}

u64 Timeline::private_bytes() const {
    u64 sum = 0;
    for (const Copy& copy : copies_) {
        char path[64], line[256];
        std::snprintf(path, sizeof path, "/proc/%d/smaps_rollup", copy.pid);
        std::FILE* const file = std::fopen(path, "re");
        if (!file) continue;
        unsigned long long kib = 0;
        while (std::fgets(line, sizeof line, file))
            if (std::sscanf(line, "Private_Dirty: %llu kB", &kib) == 1) sum += kib << 10;
        std::fclose(file);
    }
    return sum;
}

/// Copies get sparser with age: the one whose absence makes the relatively smallest gap goes.
void Timeline::thin_out() {
    const u64 now = position().instructions;
    const auto drop_one = [&] {
        usize best = 0;
        double smallest = 0;
        for (usize i = 1; i + 1 < copies_.size(); ++i) {
            const auto gap =
                static_cast<double>(copies_[i + 1].at.instructions - copies_[i - 1].at.instructions);
            const double relative = gap / static_cast<double>(now - copies_[i].at.instructions + kInterval);
            if (best && relative >= smallest) continue;
            best = i;
            smallest = relative;
        }
        if (best) drop(best);
        return best != 0;
    };
    while (copies_.size() > kMostCopies && drop_one()) {
    }
    // To look at the memory of all copies takes as long as to make some: only when there may be too much.
    const u64 grown = (page_faults() - faults_at_look_) * mmu::kPageSize;
    if (bytes_at_look_ + grown <= kMostPrivateBytes) return;
    while ((bytes_at_look_ = private_bytes()) > kMostPrivateBytes && drop_one()) {
    }
    faults_at_look_ = page_faults();
}

std::string Timeline::describe() const {
    std::string text;
    char line[160];
    std::snprintf(line, sizeof line, "position: %llu instructions%s\n",
                  static_cast<unsigned long long>(position().instructions), in_past_ ? ", in the past" : "");
    text += line;
    std::snprintf(line, sizeof line, "history: %llu to %llu instructions\n",
                  static_cast<unsigned long long>(first().instructions),
                  static_cast<unsigned long long>(last().instructions));
    text += line;
    if (in_past_) return text;
    std::snprintf(line, sizeof line, "snapshots: %zu (at most %zu), each %llu instructions for now\n",
                  copies_.size(), kMostCopies, static_cast<unsigned long long>(interval_));
    text += line;
    const Journal* const journal = Seam::get().journal();
    std::snprintf(line, sizeof line, "memory: %llu KiB of their own (at most %llu), journal %llu KiB\n",
                  static_cast<unsigned long long>(private_bytes() >> 10),
                  static_cast<unsigned long long>(kMostPrivateBytes >> 10),
                  static_cast<unsigned long long>(journal ? journal->bytes() >> 10 : 0));
    return text + line;
}

// --- what a front-end asks

void Timeline::note_resume(const Resume& how) {
    if (in_past_) return;
    const bool dropped = debugger_.last_stop().kind == Stop::Kind::kSignal && !how.deliver_signal;
    if (how.signal || dropped) return begin_anew();
    const auto& frozen = debugger_.frozen();
    if (schedule_.empty() ? frozen.empty() : schedule_.back().frozen == frozen) return;
    schedule_.push_back({position(), frozen});
}

Timeline::Outcome Timeline::step_back() {
    const Position here = position();
    Request request;
    request.kind = Request::Kind::kTravel;
    request.end = here;
    request.stop = {.kind = Stop::Kind::kStep};
    if (here.instructions == 0 && here.stage == Position::kSettled && debugger_.has_position()) {
        request.target = {{0, 0}, true};
        return ask(std::move(request));
    }
    if (!debugger_.has_position()) {
        request.target = {here, false};  // to the beginning of the instruction under way
    } else if (here.stage != Position::kSettled && here.stage > 1) {
        request.target = {{here.instructions, here.traps, here.stage - 1}, false};
    } else if (here.stage != Position::kSettled && !debugger_.stage_of_syscall()) {
        request.target = {{here.instructions, here.traps - 1}, false};
    } else {
        request.target = {{here.instructions - 1, 0}, true};
        if (here.stage == Position::kSettled && debugger_.fault_mode() != Debugger::FaultMode::kHidden)
            request.kind = Request::Kind::kStepSearch;
    }
    return ask(std::move(request));
}

Timeline::Outcome Timeline::continue_back() {
    Request request;
    request.kind = Request::Kind::kSearch;
    request.end = position();
    return ask(std::move(request));
}

Timeline::Outcome Timeline::go_to(u64 instructions) {
    return go_to({{instructions, 0}, true}, {.kind = Stop::Kind::kStep});
}

Timeline::Outcome Timeline::go_to(const Target& target, const Stop& arrival) {
    Request request;
    request.kind = Request::Kind::kTravel;
    request.end = position();
    request.target = target;
    request.stop = arrival;
    return ask(std::move(request));
}

Timeline::Outcome Timeline::go_to_end() {
    Request request;
    request.kind = Request::Kind::kPresent;
    return ask(std::move(request));
}

/// The log of faults is the index: the live process's has all of them.
std::optional<u64> Timeline::instructions_at_fault(u64 number) const {
    const auto& faults = debugger_.faults().faults();
    const auto found = std::lower_bound(faults.begin(), faults.end(), number,
                                        [](const FaultRecord& fault, u64 n) { return fault.number < n; });
    if (found == faults.end() || found->number != number) return std::nullopt;
    return found->instructions;
}

std::optional<Timeline::Outcome> Timeline::go_to_fault(u64 number) {
    if (!instructions_at_fault(number) && !(in_past_ && number && number <= known_faults_))
        return std::nullopt;
    Request request;
    request.kind = Request::Kind::kToFault;
    request.number = number;
    request.end = position();
    request.stop = {.kind = Stop::Kind::kStep};
    return ask(std::move(request));
}

Timeline::Outcome Timeline::go_forward(const Resume& how) {
    Request request;
    request.kind = Request::Kind::kForward;
    request.how = how;
    return ask(std::move(request));
}

Timeline::Outcome Timeline::leave(int end) {
    Request request;
    request.kind = Request::Kind::kEnd;
    request.number = static_cast<u64>(end);
    return ask(std::move(request));
}

Timeline::Outcome Timeline::ask(Request request) {
    request.settings = front_.save();
    if (!in_past_) return coordinate(std::move(request));
    send_message(channel_, request.encode(), -1);
    ::_exit(0);  // whoever goes on has all that is needed
}

// --- the live process

void Timeline::come_back(const std::string& settings) {
    front_.restore(settings);
    front_.take_over();
}

/// Sends copies about until somebody says that the live process goes on.
Timeline::Outcome Timeline::coordinate(Request request) {
    if (Seam::get().mode() == Seam::Mode::kRecord) Seam::get().journal()->flush();
    const Request asked = request;
    std::optional<Request> next = std::move(request);
    while (next) {
        switch (next->kind) {
            case Request::Kind::kForward:
                come_back(next->settings);
                return {.kind = Outcome::Kind::kResume, .how = next->how};
            case Request::Kind::kPresent:
                come_back(next->settings);
                return {.kind = Outcome::Kind::kStop};
            case Request::Kind::kEnd:
                come_back(next->settings);
                return {.kind = Outcome::Kind::kEnd, .end = static_cast<int>(next->number)};
            case Request::Kind::kSearch:
                next = search(*next);
                break;
            case Request::Kind::kToFault:
                next->kind = Request::Kind::kTravel;
                next->target = {{instructions_at_fault(next->number).value_or(0), 0}, true};
                break;
            case Request::Kind::kStepSearch:
                next = look_for_stage(*next);
                break;
            case Request::Kind::kTravel:
                if (const auto outcome = stay_here(*next)) return *outcome;
                next = travel(*next);
                break;
            default:
                next.reset();
        }
    }
    LOG(error, "a copy of the guest has ended unexpectedly: back to where it was");
    come_back(asked.settings);
    debugger_.set_last_stop({.kind = Stop::Kind::kInterrupted, .signal = SIGINT});
    return {.kind = Outcome::Kind::kStop};
}

/// What needs no copy: where the live process stands, or before the beginning. Turns a request for what is
/// before the first copy into one for the first copy.
std::optional<Timeline::Outcome> Timeline::stay_here(Request& request) {
    const auto stay = [&](const Stop& stop) {
        come_back(request.settings);
        debugger_.set_last_stop(stop);
        return Outcome{.kind = Outcome::Kind::kStop};
    };
    Target& target = request.target;
    if (target.by_count && target.at.instructions >= position().instructions && !debugger_.in_stage())
        return stay(request.stop);
    if (copies_.empty()) return stay({.kind = Stop::Kind::kHistoryBegin});
    const Position& first = copies_.front().at;
    if (target.by_count ? target.at.instructions > first.instructions : target.at >= first)
        return std::nullopt;
    // To the first state itself there is a way, beyond it there is none.
    if (request.end <= first || target.at.instructions < first.instructions ||
        request.stop.kind == Stop::Kind::kHistoryBegin)
        request.stop = {.kind = Stop::Kind::kHistoryBegin};
    if (first == position()) return stay(request.stop);
    target = {first, false};
    return std::nullopt;
}

}  // namespace emu
