// Purpose: see host_locks.h.
#include "kernel/fs/host_locks.h"

#include <fcntl.h>
#include <sys/file.h>

#include <set>

#include "kernel/fs/files.h"
#include "kernel/host/host.h"

namespace kernel {

namespace {

int strength(short type) {
    return type == F_WRLCK ? 2 : type == F_RDLCK ? 1 : 0;
}

/// The strongest of `locks` on byte `at`.
short strongest(const std::vector<FileLock>& locks, u64 at) {
    short type = F_UNLCK;
    for (const FileLock& lock : locks)
        if (lock.start <= at && at <= lock.end && strength(lock.type) > strength(type)) type = lock.type;
    return type;
}

struct Segment {
    u64 start, end;
    short before, after;
};

/// The bytes of `changed` in parts that are alike throughout.
std::vector<Segment> segments(const std::vector<FileLock>& before, const std::vector<FileLock>& after,
                              const FileLock& changed) {
    std::set<u64> starts{changed.start};
    for (const auto* list : {&before, &after})
        for (const FileLock& lock : *list) {
            if (lock.start > changed.start && lock.start <= changed.end) starts.insert(lock.start);
            if (lock.end >= changed.start && lock.end < changed.end) starts.insert(lock.end + 1);
        }
    std::vector<Segment> result;
    for (auto at = starts.begin(); at != starts.end(); ++at) {
        const auto next = std::next(at);
        const u64 end = next == starts.end() ? changed.end : *next - 1;
        const Segment part{*at, end, strongest(before, *at), strongest(after, *at)};
        if (part.before != part.after) result.push_back(part);
    }
    return result;
}

struct flock host_lock(u64 start, u64 end, short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(start);
    lock.l_len = end == kLockToEnd ? 0 : static_cast<off_t>(end - start + 1);
    return lock;
}

bool apply(int fd, u64 start, u64 end, short type) {
    struct flock lock = host_lock(start, end, type);
    return host::fcntl_lock(fd, F_OFD_SETLK, lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

UniqueFd open_again(const OpenFile& file, int flags) {
    return UniqueFd{host::open(descriptor_path(file.fd.get()).c_str(), flags | O_CLOEXEC | O_NOCTTY)};
}

/// The host's programs may notice what the guest does to this file: the user let it be changed, or opened it
/// for writing.
bool may_lock(const OpenFile& file) {
    return file.kind == OpenFile::Kind::kHost && file.regular() && (file.may_change || file.writable());
}

short strongest_flock(const std::vector<FileLock>& flocks) {
    short type = F_UNLCK;
    for (const FileLock& lock : flocks)
        if (strength(lock.type) > strength(type)) type = lock.type;
    return type;
}

bool flock_host(int fd, short type) {
    const int operation = type == F_WRLCK ? LOCK_EX : type == F_RDLCK ? LOCK_SH : LOCK_UN;
    return host::flock(fd, operation | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

}  // namespace

HostLocks::Held* HostLocks::held_for(const OpenFile& file, Identity identity, short type) {
    const auto found = files_.find(identity);
    const bool there = found != files_.end() && found->second.records;
    if (type == F_UNLCK) return there ? &found->second : nullptr;
    if (there && (type != F_WRLCK || found->second.writable)) return &found->second;
    if (!may_lock(file)) return nullptr;
    UniqueFd fd = open_again(file, file.writable() ? O_RDWR : O_RDONLY);
    if (!fd && file.writable()) fd = open_again(file, O_WRONLY);
    if (!fd) return nullptr;
    Held& held = files_[identity];
    held.records =
        std::move(fd);  // what a read-only one had are read locks: change_records() takes them again
    held.writable = file.writable();
    return &held;
}

bool HostLocks::change_records(const OpenFile& file, Identity identity, const std::vector<FileLock>& before,
                               const std::vector<FileLock>& after, const FileLock& changed) {
    const auto old = files_.find(identity);
    const bool had = old != files_.end() && old->second.records;
    const bool was_writable = had && old->second.writable;
    UniqueFd keep;  // until the new one has them
    if (had && !was_writable && changed.type == F_WRLCK) keep = std::move(old->second.records);
    Held* held = held_for(file, identity, changed.type);
    if (!held) {
        if (keep) old->second.records = std::move(keep);
        // Deviation: a file that the guest may not change, or that cannot be opened once more, is locked
        // among guests only. What the host's programs hold counts all the same.
        return changed.type == F_UNLCK || !test(file, identity, changed);
    }
    const int fd = held->records.get();
    if (keep)
        for (const FileLock& lock : before) (void)apply(fd, lock.start, lock.end, F_RDLCK);
    const std::vector<Segment> parts = segments(before, after, changed);
    for (usize i = 0; i < parts.size(); ++i) {
        if (apply(fd, parts[i].start, parts[i].end, parts[i].after)) continue;
        while (i-- > 0) (void)apply(fd, parts[i].start, parts[i].end, parts[i].before);
        return false;
    }
    return true;
}

bool HostLocks::change_flocks(const OpenFile& file, Identity identity, const std::vector<FileLock>& after) {
    const short type = strongest_flock(after);
    const auto found = files_.find(identity);
    if (found != files_.end() && found->second.flock && found->second.flock_type == type) return true;
    if (found == files_.end() || !found->second.flock) {
        if (type == F_UNLCK || !may_lock(file)) return true;  // Deviation: as above; nobody can be asked
        UniqueFd fd = open_again(file, O_RDONLY);
        if (!fd) fd = open_again(file, O_WRONLY);
        if (!fd) return true;  // Deviation: as above
        files_[identity].flock = std::move(fd);
    }
    Held& held = files_.at(identity);
    if (!flock_host(held.flock.get(), type)) {
        (void)flock_host(held.flock.get(), held.flock_type);  // a change begins with giving up
        return false;
    }
    held.flock_type = type;
    return true;
}

std::optional<FileLock> HostLocks::test(const OpenFile& file, Identity identity, const FileLock& lock) const {
    const auto found = files_.find(identity);
    const bool own = found != files_.end() && found->second.records;
    if (!own && file.kind != OpenFile::Kind::kHost) return std::nullopt;
    struct flock query = host_lock(lock.start, lock.end, lock.type);
    if (host::fcntl_lock(own ? found->second.records.get() : file.fd.get(), F_OFD_GETLK, query) != 0)
        return std::nullopt;
    if (query.l_type == F_UNLCK) return std::nullopt;
    FileLock result = lock;
    result.type = query.l_type;
    result.start = static_cast<u64>(query.l_start);
    result.end = query.l_len ? result.start + static_cast<u64>(query.l_len) - 1 : kLockToEnd;
    result.pid = query.l_pid;
    return result;
}

}  // namespace kernel
