// Sending copies about: which one goes where, and what comes back from it.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "emu/debug/timeline.h"
#include "emu/debug/timeline_message.h"

namespace emu {

namespace {

constexpr usize kMostWaypoints = 8;

}  // namespace

/// The last copy from which `target` can be reached.
const Timeline::Copy& Timeline::last_copy_before(const Target& target) const {
    for (usize i = copies_.size(); i-- > 1;) {
        const Position& at = copies_[i].at;
        if (target.by_count ? at.instructions < target.at.instructions : at <= target.at) return copies_[i];
    }
    return copies_.front();
}

/// The same; where it is far away, another one is made on the way from there: steps back come in rows, and
/// the next one is to replay no more than a step of a young history does.
const Timeline::Copy& Timeline::copy_before(const Target& target) {
    const u64 goal = target.at.instructions;
    if (goal > last_copy_before(target).at.instructions + 2 * kInterval) {
        if (auto waypoint = make_waypoint(last_copy_before(target), goal - kInterval)) {
            const auto next = std::find_if(copies_.begin(), copies_.end(),
                                           [&](const Copy& copy) { return copy.at > waypoint->at; });
            copies_.insert(next, *waypoint);
            waypoints_.push_back(waypoint->channel);
        }
        if (waypoints_.size() > kMostWaypoints) {
            const auto oldest = std::find_if(copies_.begin(), copies_.end(), [&](const Copy& copy) {
                return copy.channel == waypoints_.front();
            });
            if (oldest != copies_.end()) drop(static_cast<usize>(oldest - copies_.begin()));
        }
    }
    return last_copy_before(target);
}

/// Nothing: it has died on the way.
std::optional<Timeline::Copy> Timeline::make_waypoint(const Copy& from, u64 instructions) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return std::nullopt;
    Request order;
    order.kind = Request::Kind::kWaypoint;
    order.target = {{instructions, 0}, true};
    order.settings = front_.save();
    prepare(order, from);
    const bool sent = send_message(from.channel, order.encode(), ends[1]);
    ::close(ends[1]);
    const auto text = sent ? receive_message(ends[0], nullptr) : std::nullopt;
    const auto answer = text ? Request::decode(*text) : std::nullopt;
    if (!answer || answer->end.instructions > instructions || answer->end <= from.at) {
        ::close(ends[0]);
        return std::nullopt;
    }
    return Copy{answer->end, ends[0], static_cast<int>(answer->number)};
}

/// What who is sent from `copy` has to know of the history.
void Timeline::prepare(Request& order, const Copy& copy) const {
    order.horizon = position();
    order.beginning = copies_.front().at;
    for (const Debugger::Frozen& change : schedule_)
        if (change.at >= copy.at) order.schedule.push_back(change);
    order.faults = debugger_.faults().faults().empty() ? 0 : debugger_.faults().faults().back().number;
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
    prepare(order, copy);
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
