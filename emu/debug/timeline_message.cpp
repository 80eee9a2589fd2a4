#include "emu/debug/timeline_message.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernel/host/journal.h"

namespace emu {

using kernel::host::get_bytes, kernel::host::get_number, kernel::host::put_bytes, kernel::host::put_number;

namespace {

void put(std::string& to, const Position& at) {
    put_number(to, at.instructions);
    put_number(to, at.traps);
    put_number(to, at.stage);
}
bool get(std::string_view& from, Position& at) {
    return get_number(from, at.instructions) && get_number(from, at.traps) && get_number(from, at.stage);
}

void put(std::string& to, const Stop& stop) {
    put_number(to, static_cast<u64>(stop.kind));
    put_number(to, static_cast<u64>(stop.signal));
    put_number(to, stop.syscall);
    put_number(to, stop.watch.range.first);
    put_number(to, stop.watch.range.last);
    put_number(to, stop.watch.range.reads);
    put_number(to, stop.watch.range.writes);
    put_number(to, stop.watch.address);
    put_bytes(to, stop.what);
}
bool get(std::string_view& from, Stop& stop) {
    u64 kind = 0, signal = 0, reads = 0, writes = 0;
    std::string_view what;
    if (!get_number(from, kind) || !get_number(from, signal) || !get_number(from, stop.syscall) ||
        !get_number(from, stop.watch.range.first) || !get_number(from, stop.watch.range.last) ||
        !get_number(from, reads) || !get_number(from, writes) || !get_number(from, stop.watch.address) ||
        !get_bytes(from, what))
        return false;
    stop.kind = static_cast<Stop::Kind>(kind);
    stop.signal = static_cast<int>(signal);
    stop.watch.range.reads = reads;
    stop.watch.range.writes = writes;
    stop.what = what;
    return true;
}

bool get_pid(std::string_view& from, kernel::Pid& pid) {
    u64 number = 0;
    if (!get_number(from, number)) return false;
    pid = static_cast<kernel::Pid>(number);
    return true;
}

bool get_schedule(std::string_view& from, std::deque<Debugger::Frozen>& schedule) {
    u64 count = 0, pids = 0;
    if (!get_number(from, count)) return false;
    for (; count; --count) {
        Debugger::Frozen change;
        if (!get(from, change.at) || !get_number(from, pids)) return false;
        for (kernel::Pid pid = 0; pids; --pids) {
            if (!get_pid(from, pid)) return false;
            change.frozen.insert(pid);
        }
        schedule.push_back(std::move(change));
    }
    return true;
}

}  // namespace

std::string Timeline::Request::encode() const {
    std::string text;
    put_number(text, static_cast<u64>(kind));
    put(text, target.at);
    put_number(text, target.by_count);
    for (const Position* at : {&end, &horizon, &beginning}) put(text, *at);
    put(text, stop);
    put_number(text, static_cast<u64>(how.kind));
    for (const u64 value : {how.first, how.end, u64{how.deliver_signal}, number, faults})
        put_number(text, value);
    put_number(text, schedule.size());
    for (const Debugger::Frozen& change : schedule) {
        put(text, change.at);
        put_number(text, change.frozen.size());
        for (const kernel::Pid pid : change.frozen) put_number(text, static_cast<u64>(pid));
    }
    for (const kernel::Pid pid : {how.task, stop.task, stop.other}) put_number(text, static_cast<u64>(pid));
    put_bytes(text, settings);
    return text;
}

std::optional<Timeline::Request> Timeline::Request::decode(std::string_view text) {
    Request request;
    u64 kind = 0, by_count = 0, how = 0, deliver = 0;
    std::string_view settings;
    if (!get_number(text, kind) || !get(text, request.target.at) || !get_number(text, by_count) ||
        !get(text, request.end) || !get(text, request.horizon) || !get(text, request.beginning) ||
        !get(text, request.stop) || !get_number(text, how) || !get_number(text, request.how.first) ||
        !get_number(text, request.how.end) || !get_number(text, deliver) ||
        !get_number(text, request.number) || !get_number(text, request.faults) ||
        !get_schedule(text, request.schedule) || !get_pid(text, request.how.task) ||
        !get_pid(text, request.stop.task) || !get_pid(text, request.stop.other) || !get_bytes(text, settings))
        return std::nullopt;
    request.kind = static_cast<Kind>(kind);
    request.target.by_count = by_count;
    request.how.kind = static_cast<Resume::Kind>(how);
    request.how.deliver_signal = deliver;
    request.settings = settings;
    return request;
}

bool send_message(int channel, const std::string& text, int fd) {
    iovec part{const_cast<char*>(text.data()), text.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
    if (fd >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    while (true) {
        const ssize_t put = ::sendmsg(channel, &header, MSG_NOSIGNAL);
        if (put >= 0) return true;
        if (errno != EINTR) return false;
    }
}

std::optional<std::string> receive_message(int channel, int* fd) {
    std::string text(1 << 20, '\0');
    iovec part{text.data(), text.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t got = 0;
    do got = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return std::nullopt;
    if (const cmsghdr* rights = CMSG_FIRSTHDR(&header); rights && rights->cmsg_type == SCM_RIGHTS) {
        int passed = -1;
        std::memcpy(&passed, CMSG_DATA(rights), sizeof passed);
        if (fd)
            *fd = passed;
        else
            ::close(passed);
    }
    text.resize(static_cast<usize>(got));
    return text;
}

}  // namespace emu
