#include "kernel/host/seam.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace kernel::host {

namespace {

constexpr u8 kSignalRecord = 255;  ///< in the place of a call's number
constexpr int kAsideFrom = 600;    ///< descriptors opened beside a replay are out of the recorded ones' way

u64 zigzag(long value) {
    return static_cast<u64>(value) << 1 ^ static_cast<u64>(value >> 63);
}
long unzigzag(u64 value) {
    return static_cast<long>(value >> 1) ^ -static_cast<long>(value & 1);
}

usize produced(const Out& out, long result) {
    if (result < 0) return 0;
    return out.by_result ? std::min(static_cast<usize>(result), out.size) : out.size;
}

}  // namespace

Seam& Seam::get() {
    static Seam& seam = *new Seam;  // never taken down: descriptors close at the very end
    return seam;
}

void Seam::record(std::unique_ptr<Journal> journal) {
    journal_ = std::move(journal);
    mode_ = Mode::kRecord;
    guest_fds_.clear();
}

void Seam::replay(std::unique_ptr<Journal> journal, bool show) {
    journal_ = std::move(journal);
    mode_ = Mode::kReplay;
    show_ = show;
    at_end_ = false;
    failure_.clear();
    replayed_fds_.clear();
    guest_fds_.clear();
    out_ = {STDOUT_FILENO};
    err_ = {STDERR_FILENO};
    signal_known_ = false;
    next_signal_.reset();
}

std::unique_ptr<Journal> Seam::finish() {
    if (journal_ && mode_ == Mode::kRecord) journal_->flush();
    if (mode_ == Mode::kReplay) unreal_fds_ = std::move(guest_fds_);
    mode_ = Mode::kLive;
    failure_.clear();
    at_end_ = false;
    return std::move(journal_);
}

void Seam::follow() {
    if (mode_ == Mode::kRecord) {
        journal_->read_from_here();
        mode_ = Mode::kReplay;
        signal_known_ = false;
        next_signal_.reset();
    }
    show_ = false;
}

void Seam::note_signal(const Signal& signal) {
    if (mode_ != Mode::kRecord) return;
    std::string record(1, static_cast<char>(kSignalRecord));
    put_number(record, static_cast<u64>(signal.number));
    put_number(record, signal.instructions);
    put_number(record, signal.traps);
    put_number(record, signal.at_pause);
    journal_->append(record);
}

const std::optional<Signal>& Seam::next_signal() {
    if (mode_ != Mode::kReplay || signal_known_) return next_signal_;
    const std::string* record = journal_->peek();
    next_signal_.reset();
    if (!record) return next_signal_;  // more may come, from who writes it
    signal_known_ = true;
    std::string_view rest = *record;
    if (rest.empty() || static_cast<u8>(rest[0]) != kSignalRecord) return next_signal_;
    rest.remove_prefix(1);
    u64 number = 0, at_pause = 0;
    Signal signal;
    if (get_number(rest, number) && get_number(rest, signal.instructions) && get_number(rest, signal.traps) &&
        get_number(rest, at_pause) && number < 65) {
        signal.number = static_cast<int>(number);
        signal.at_pause = at_pause;
        next_signal_ = signal;
    } else {
        fail("the recording is damaged", false);
    }
    return next_signal_;
}

void Seam::take_signal() {
    if (mode_ != Mode::kReplay) return;
    journal_->take();
    signal_known_ = false;
    next_signal_.reset();
}

std::optional<bool> Seam::aside(int fd) const {
    if (fd >= 0 && aside_fds_.contains(fd)) return true;
    if (!aside_) return std::nullopt;
    return mode_ != Mode::kReplay || !replayed_fds_.contains(fd);
}

int Seam::opened(int fd) {
    if (fd < 0) return fd;
    if (aside_ && mode_ != Mode::kLive) {
        if (const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, kAsideFrom); high >= 0) {
            ::close(fd);
            fd = high;
        }
        aside_fds_.insert(fd);
    } else if (mode_ != Mode::kLive) {
        guest_fds_.insert(fd);
        if (mode_ == Mode::kReplay) replayed_fds_.insert(fd);
        out_.erase(fd);
        err_.erase(fd);
    }
    return fd;
}

Seam::Close Seam::closing(int fd) {
    if (aside_fds_.erase(fd)) return Close::kReal;
    if (mode_ == Mode::kLive) return unreal_fds_.erase(fd) ? Close::kNothing : Close::kReal;
    if (!guest_fds_.erase(fd)) return Close::kReal;
    if (mode_ == Mode::kReplay) replayed_fds_.insert(fd);
    out_.erase(fd);
    err_.erase(fd);
    return Close::kCall;
}

void Seam::copied(int from, int to) {
    if (mode_ != Mode::kReplay || to < 0) return;
    if (out_.contains(from)) out_.insert(to);
    if (err_.contains(from)) err_.insert(to);
}

int Seam::shown(int fd) const {
    if (!show_) return -1;
    return out_.contains(fd) ? STDOUT_FILENO : err_.contains(fd) ? STDERR_FILENO : -1;
}

/// call, hash, result, errno of a failure, and what came out.
void Seam::write_record(u8 call, u32 hash, long result, int error, std::initializer_list<Out> out) {
    std::string record(1, static_cast<char>(call));
    record.append(reinterpret_cast<const char*>(&hash), sizeof hash);
    put_number(record, zigzag(result));
    if (result < 0) put_number(record, static_cast<u64>(error));
    for (const Out& part : out)
        put_bytes(record, {static_cast<const char*>(part.data), produced(part, result)});
    journal_->append(record);
}

void Seam::fail(std::string why, bool at_end) {
    if (!failure_.empty()) return;
    failure_ = std::move(why);
    at_end_ = at_end;
}

long Seam::read_record(u8 call, u32 hash, std::initializer_list<Out> out, long most) {
    errno = EIO;
    if (!failure_.empty()) return -1;
    const std::string* record = journal_->peek();
    if (!record) {
        fail(journal_->damage().empty() ? "the recording ends here"
                                        : "the recording ends here: " + journal_->damage(),
             true);
        return -1;
    }
    std::string_view rest = *record;
    u32 recorded = 0;
    const bool whole = rest.size() >= 1 + sizeof recorded;
    if (whole) std::memcpy(&recorded, rest.data() + 1, sizeof recorded);
    if (!whole || static_cast<u8>(rest[0]) != call || recorded != hash) {
        fail("the replay differs from the recording: call " + std::to_string(call) +
                 " of the host where it has " +
                 (whole ? static_cast<u8>(rest[0]) == call ? "the same with other arguments"
                                                           : std::to_string(static_cast<u8>(rest[0]))
                        : "nothing readable"),
             false);
        return -1;
    }
    rest.remove_prefix(1 + sizeof recorded);
    u64 number = 0, error = 0;
    bool good = get_number(rest, number);
    const long result = unzigzag(number);
    if (good && result < 0) good = get_number(rest, error) && error < 4096;
    good = good && result <= most;
    for (const Out& part : out) {
        std::string_view bytes;
        good = good && get_bytes(rest, bytes) && bytes.size() == produced(part, result);
        if (good && !bytes.empty()) std::memcpy(part.data, bytes.data(), bytes.size());
    }
    if (!good) {
        fail("the recording is damaged", false);
        return -1;
    }
    journal_->take();
    signal_known_ = false;
    errno = static_cast<int>(error);
    return result;
}

}  // namespace kernel::host
