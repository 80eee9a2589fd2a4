// What a copy of the process does: it sleeps, and sends copies of itself to where they are wanted.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "emu/debug/timeline_message.h"
#include "kernel/host/journal.h"
#include "kernel/host/seam.h"
#include "mmu/base/log.h"

namespace emu {

using kernel::host::Seam;

namespace {

constexpr u64 kLongestInterval = 64'000'000;

/// Of this process alone: what else the machine does is not to make snapshots rarer.
u64 cpu_time_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<u64>(now.tv_sec) * 1'000'000'000 + static_cast<u64>(now.tv_nsec);
}

/// A copy ends with the process that it was made by, and hears of no Ctrl-C.
void become_copy(int parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCHLD, SIGTSTP})
        ::signal(signal, SIG_IGN);
}

}  // namespace

/// Called by the debugger before the guest goes on: a snapshot, when it is time for one. In what a copy sends
/// to another position this returns as that.
std::optional<Stop> Timeline::at_pause() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return std::nullopt;
    if (Seam::get().mode() == Seam::Mode::kRecord) (void)Seam::get().journal()->flush();
    std::fflush(nullptr);
    const u64 began = cpu_time_ns();
    const int parent = ::getpid(), child = ::fork();
    if (child == 0) {
        become_copy(parent);
        ::close(ends[0]);
        for (const Copy& copy : copies_) ::close(copy.channel);
        copies_.clear();
        return be_snapshot(ends[1]);
    }
    ::close(ends[1]);
    if (child < 0) {
        ::close(ends[0]);
        LOG(warn, "no more snapshots: fork failed");
        debugger_.set_pause(~u64{0}, [this] { return at_pause(); });
        return std::nullopt;
    }
    // Copying is to take a small part of the time only.
    const u64 spent = cpu_time_ns() - began, ran = began - last_fork_end_ns_;
    if (last_fork_end_ns_ && spent * 4 > ran && interval_ < kLongestInterval) interval_ *= 2;
    if (last_fork_end_ns_ && spent * 16 < ran && interval_ > kInterval) interval_ /= 2;
    copies_.push_back({position(), ends[0], child});
    thin_out();
    last_fork_end_ns_ = cpu_time_ns();
    debugger_.set_pause(position().instructions + interval_, [this] { return at_pause(); });
    return std::nullopt;
}

std::optional<Stop> Timeline::be_snapshot(int channel) {
    Seam::get().follow();
    while (true) {
        int answer = -1;
        const auto text = receive_message(channel, &answer);
        if (!text) ::_exit(0);
        const auto request = Request::decode(*text);
        const int parent = ::getpid(), child = request ? ::fork() : -1;
        if (child == 0) {
            become_copy(parent);
            ::close(channel);
            return be_visitor(*request, answer);
        }
        if (answer >= 0) ::close(answer);
    }
}

std::optional<Stop> Timeline::be_visitor(const Request& request, int channel) {
    in_past_ = true;
    channel_ = channel;
    horizon_ = request.horizon;
    beginning_ = request.beginning;
    known_faults_ = request.faults;
    debugger_.machine().leave_shared_memory();
    debugger_.set_pause(0, {});
    debugger_.set_schedule(request.schedule);
    front_.restore(request.settings);
    if (request.kind == Request::Kind::kWaypoint) {
        ::prctl(PR_SET_PDEATHSIG, 0);  // the copy that it comes from may be dropped before it
        (void)debugger_.travel(request.target, {});
        Request there;
        there.kind = request.kind;
        there.end = position();
        there.number = static_cast<u64>(::getpid());
        send_message(channel, there.encode(), -1);
        return be_snapshot(channel);
    }
    if (request.kind != Request::Kind::kTravel) look_back(request);
    front_.take_over();
    debugger_.set_horizon(horizon_);
    return debugger_.travel(request.target, request.stop);
}

/// Answers what the last stop before a position is, and ends.
void Timeline::look_back(const Request& request) {
    // The live process closes the channel to end a search: SIGIO does it, wherever the search is.
    ::signal(SIGIO, SIG_DFL);
    ::fcntl(channel_, F_SETOWN, ::getpid());
    ::fcntl(channel_, F_SETFL, ::fcntl(channel_, F_GETFL) | O_ASYNC);
    const bool stages = request.kind == Request::Kind::kStepSearch;
    const bool moments = request.kind == Request::Kind::kMoments;
    if (stages || moments) (void)debugger_.travel(request.target, {});
    Request answer;
    if (moments) {
        answer.kind = Request::Kind::kMoments;
        for (const Debugger::Moment& each : debugger_.moments(request.end.instructions))
            for (const u64 value : {each.instructions, each.rip, each.rsp, static_cast<u64>(each.task)})
                kernel::host::put_number(answer.settings, value);
    } else {
        front_.begin_search();
        const auto found =
            debugger_.search(request.end, stages, [this](const Stop& stop) { return front_.counts(stop); });
        answer.kind = found ? Request::Kind::kFound : Request::Kind::kNothing;
        if (found) {
            answer.target = found->target;
            answer.stop = found->stop;
        }
    }
    send_message(channel_, answer.encode(), -1);
    ::_exit(0);
}

}  // namespace emu
