// The live process's part, and what a front-end asks: which copy goes where. The copies' own part is in
// timeline_copies.cpp.
#include "emu/debug/timeline.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
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

constexpr u64 kInterval = 1'000'000;  ///< a reverse step replays no more than this
constexpr usize kMostCopies = 40;
constexpr u64 kMostPrivateBytes = u64{1} << 30;
constexpr usize kMeasureEach = 8;  ///< copies between two looks at their memory

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
    ::kill(copy.pid, SIGKILL);
    while (::waitpid(copy.pid, nullptr, 0) < 0 && errno == EINTR) {
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
    if (copies_.size() % kMeasureEach == 0)
        while (private_bytes() > kMostPrivateBytes && drop_one()) {
        }
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

// --- questions

Timeline::Finding Timeline::find_last(const Position& least, const Position& end) {
    Request request;
    request.kind = Request::Kind::kFind;
    request.least = least;
    request.end = end;
    request.settings = front_.save();
    const auto answer = question(std::move(request));
    if (!answer || answer->kind == Request::Kind::kInterrupted) return {.found = {}, .interrupted = true};
    if (answer->kind != Request::Kind::kFound) return {};
    const Target& target = answer->target;
    const bool early = target.by_count ? target.at.instructions < least.instructions : target.at < least;
    if (early) return {};
    return {.found = Debugger::Found{target, answer->stop}};
}

std::vector<Debugger::Moment> Timeline::moments(u64 end, u64 count) {
    Request request;
    request.kind = Request::Kind::kMoments;
    request.end = {end, 0, Position::kSettled};
    request.target = {{end > count ? end - count : 0, 0}, true};
    request.settings = front_.save();
    const auto answer = question(std::move(request));
    std::vector<Debugger::Moment> out;
    if (!answer) return out;
    std::string_view bytes = answer->settings;
    Debugger::Moment each;
    u64 task = 0;
    while (get_number(bytes, each.instructions) && get_number(bytes, each.rip) &&
           get_number(bytes, each.rsp) && get_number(bytes, task)) {
        each.task = static_cast<kernel::Pid>(task);
        out.push_back(each);
    }
    return out;
}

Timeline::Overview Timeline::overview() {
    Request request;
    request.kind = Request::Kind::kOverview;
    const auto answer = question(std::move(request));
    Overview out{.first = first().instructions, .last = last().instructions};
    if (!answer) return out;
    std::string_view bytes = answer->settings, text;
    u64 count = 0, value = 0;
    (void)get_number(bytes, out.faults);
    for (std::vector<u64>* list : {&out.snapshots, &out.faults_at})
        for (get_number(bytes, count); count && get_number(bytes, value); --count) list->push_back(value);
    if (get_bytes(bytes, text)) out.text = text;
    return out;
}

std::optional<Timeline::Request> Timeline::question(Request request) {
    if (!in_past_) return answer(request);
    if (!send_message(channel_, request.encode(), -1)) return std::nullopt;
    const auto text = receive_message(channel_, nullptr);
    if (!text) ::_exit(0);  // the live process has ended
    return Request::decode(*text);
}

/// Of the live process, to itself or to a visitor.
Timeline::Request Timeline::answer(const Request& question) {
    Request nothing;
    nothing.kind = Request::Kind::kNothing;
    if (Seam::get().mode() == Seam::Mode::kRecord) Seam::get().journal()->flush();
    switch (question.kind) {
        case Request::Kind::kFind: {
            Request found = search(question);
            if (found.stop.kind == Stop::Kind::kInterrupted)
                found.kind = Request::Kind::kInterrupted;
            else
                found.kind = found.stop.kind == Stop::Kind::kHistoryBegin ? Request::Kind::kNothing
                                                                          : Request::Kind::kFound;
            return found;
        }
        case Request::Kind::kMoments: {
            if (copies_.empty() || question.end <= copies_.front().at) return nothing;
            Request part = question;
            part.target.at.instructions =
                std::max(part.target.at.instructions, copies_.front().at.instructions);
            return run_in_copy(copy_before(part.target), part, false).value_or(nothing);
        }
        case Request::Kind::kOverview:
            return overview_message();
        default:
            return nothing;
    }
}

Timeline::Request Timeline::overview_message() const {
    constexpr usize kMostFaults = 4096;
    Request message;
    message.kind = Request::Kind::kOverview;
    std::string& bytes = message.settings;
    const auto& faults = debugger_.faults().faults();
    put_number(bytes, faults.empty() ? 0 : faults.back().number);
    put_number(bytes, copies_.size());
    for (const Copy& copy : copies_) put_number(bytes, copy.at.instructions);
    const usize each = faults.size() / kMostFaults + 1;
    put_number(bytes, (faults.size() + each - 1) / each);
    for (usize n = 0; n < faults.size(); n += each) put_number(bytes, faults[n].instructions);
    put_bytes(bytes, describe());
    return message;
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

/// The last copy from which `target` can be reached.
const Timeline::Copy& Timeline::copy_before(const Target& target) const {
    for (usize i = copies_.size(); i-- > 1;) {
        const Position& at = copies_[i].at;
        if (target.by_count ? at.instructions < target.at.instructions : at <= target.at) return copies_[i];
    }
    return copies_.front();
}

std::optional<Timeline::Request> Timeline::travel(const Request& request) {
    return run_in_copy(copy_before(request.target), request, false);
}

std::optional<Timeline::Request> Timeline::look_for_stage(const Request& request) {
    Request found = request;
    found.kind = Request::Kind::kTravel;
    if (copies_.empty() || request.target.at.instructions < copies_.front().at.instructions) return found;
    const auto answer = run_in_copy(copy_before(request.target), request, false);
    if (!answer) return std::nullopt;
    if (answer->kind == Request::Kind::kFound) found.target = answer->target;
    return found;
}

/// From copy to copy backwards: the first that finds a stop has the last one.
Timeline::Request Timeline::search(const Request& request) {
    Request found = request;
    found.kind = Request::Kind::kTravel;
    Position end = request.end;
    for (usize i = copies_.size(); i-- && end > request.least;) {
        if (copies_[i].at >= end) continue;
        Request part = request;
        part.end = end;
        const auto answer = run_in_copy(copies_[i], part, true);
        if (!answer) break;
        if (answer->kind == Request::Kind::kInterrupted) {
            found.target = {request.end, false};
            found.stop = {.kind = Stop::Kind::kInterrupted};
            return found;
        }
        if (answer->kind == Request::Kind::kFound) {
            found.target = answer->target;
            found.stop = answer->stop;
            return found;
        }
        end = copies_[i].at;
    }
    found.target = {{0, 0}, true};
    found.stop = {.kind = Stop::Kind::kHistoryBegin};
    return found;
}

/// A copy of `copy` does what is asked; its answer, nothing where it has died.
std::optional<Timeline::Request> Timeline::run_in_copy(const Copy& copy, const Request& request,
                                                       bool interruptible) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return std::nullopt;
    Request order = request;
    order.horizon = position();
    order.beginning = copies_.front().at;
    for (const Debugger::Frozen& change : schedule_)
        if (change.at >= copy.at) order.schedule.push_back(change);
    order.faults = debugger_.faults().faults().empty() ? 0 : debugger_.faults().faults().back().number;
    const bool sent = send_message(copy.channel, order.encode(), ends[1]);
    ::close(ends[1]);
    std::optional<Request> answer;
    const int user = interruptible ? front_.interrupt_descriptor() : -1;
    pollfd wait[2] = {{ends[0], POLLIN, 0}, {user, POLLIN, 0}};
    while (sent) {
        if (::poll(wait, 2, -1) < 0) continue;
        if (wait[0].revents) {
            if (const auto text = receive_message(ends[0], nullptr)) answer = Request::decode(*text);
            const bool asks =
                answer && (answer->kind == Request::Kind::kFind || answer->kind == Request::Kind::kMoments ||
                           answer->kind == Request::Kind::kOverview);
            // A search's own answer has the kind of the question.
            if (!asks || request.kind != Request::Kind::kTravel) break;
            send_message(ends[0], this->answer(*answer).encode(), -1);
            answer.reset();
            continue;
        }
        if (wait[1].revents) {
            answer = request;  // closing the channel ends the search
            answer->kind = Request::Kind::kInterrupted;
            break;
        }
    }
    ::close(ends[0]);
    if (answer) answer->from_past = true;
    return answer;
}

}  // namespace emu
