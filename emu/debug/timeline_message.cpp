#include "emu/debug/timeline_message.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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
    put_number(to, stop.at_entry);
    put_bytes(to, stop.what);
}
bool get(std::string_view& from, Stop& stop) {
    u64 kind = 0, signal = 0, reads = 0, writes = 0, at_entry = 0;
    std::string_view what;
    if (!get_number(from, kind) || !get_number(from, signal) || !get_number(from, stop.syscall) ||
        !get_number(from, stop.watch.range.first) || !get_number(from, stop.watch.range.last) ||
        !get_number(from, reads) || !get_number(from, writes) || !get_number(from, stop.watch.address) ||
        !get_number(from, at_entry) || !get_bytes(from, what))
        return false;
    stop.kind = static_cast<Stop::Kind>(kind);
    stop.signal = static_cast<int>(signal);
    stop.watch.range.reads = reads;
    stop.watch.range.writes = writes;
    stop.at_entry = at_entry;
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
    for (const Position* at : {&end, &horizon, &beginning, &least}) put(text, *at);
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
        !get(text, request.least) || !get(text, request.stop) || !get_number(text, how) ||
        !get_number(text, request.how.first) || !get_number(text, request.how.end) ||
        !get_number(text, deliver) || !get_number(text, request.number) ||
        !get_number(text, request.faults) || !get_schedule(text, request.schedule) ||
        !get_pid(text, request.how.task) || !get_pid(text, request.stop.task) ||
        !get_pid(text, request.stop.other) || !get_bytes(text, settings))
        return std::nullopt;
    request.kind = static_cast<Kind>(kind);
    request.target.by_count = by_count;
    request.how.kind = static_cast<Resume::Kind>(how);
    request.how.deliver_signal = deliver;
    request.settings = settings;
    return request;
}

namespace {

/// Longer texts than this go through a file in memory: a message has a limit, which is the host's.
constexpr usize kLongestInline = 64 << 10;

int file_with(const std::string& text) {
    const int file = ::memfd_create("timeline message", MFD_CLOEXEC);
    usize done = 0;
    while (file >= 0 && done < text.size()) {
        const ssize_t put = ::write(file, text.data() + done, text.size() - done);
        if (put > 0) done += static_cast<usize>(put);
        if (put < 0 && errno != EINTR) break;
    }
    if (done == text.size()) return file;
    if (file >= 0) ::close(file);
    return -1;
}

std::optional<std::string> text_of(int file) {
    struct stat status {};
    if (::fstat(file, &status) != 0) return std::nullopt;
    std::string text(static_cast<usize>(status.st_size), '\0');
    usize done = 0;
    while (done < text.size()) {
        const ssize_t got = ::pread(file, text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return std::nullopt;
        done += static_cast<usize>(got);
    }
    return text;
}

}  // namespace

// A message is one byte, 'i' or 'f', and the text itself, or the text's file as its first descriptor.
bool send_message(int channel, const std::string& text, int fd) {
    const bool filed = text.size() > kLongestInline;
    const int file = filed ? file_with(text) : -1;
    if (filed && file < 0) return false;
    std::string bytes = filed ? "f" : "i" + text;
    iovec part{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    int descriptors[2];
    usize count = 0;
    for (const int each : {file, fd})
        if (each >= 0) descriptors[count++] = each;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptors)] = {};
    if (count) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        std::memcpy(CMSG_DATA(rights), descriptors, count * sizeof(int));
    }
    ssize_t put = 0;
    do put = ::sendmsg(channel, &header, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (file >= 0) ::close(file);
    return put >= 0;
}

std::optional<std::string> receive_message(int channel, int* fd) {
    std::string text(kLongestInline + 1, '\0');
    iovec part{text.data(), text.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    int descriptors[2] = {-1, -1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptors)] = {};
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t got = 0;
    do got = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return std::nullopt;
    if (const cmsghdr* rights = CMSG_FIRSTHDR(&header); rights && rights->cmsg_type == SCM_RIGHTS)
        std::memcpy(descriptors, CMSG_DATA(rights),
                    std::min(sizeof descriptors, static_cast<usize>(rights->cmsg_len - CMSG_LEN(0))));
    const bool filed = text[0] == 'f';
    const int passed = descriptors[filed ? 1 : 0];
    if (passed >= 0) {
        if (fd)
            *fd = passed;
        else
            ::close(passed);
    }
    if (!filed) return text.substr(1, static_cast<usize>(got) - 1);
    const auto whole = text_of(descriptors[0]);
    ::close(descriptors[0]);
    return whole;
}

}  // namespace emu
