#include "emu/diff/perf_ring.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace emu {

using mmu::u64;
using mmu::u8;
using mmu::usize;

namespace {

usize page_bytes() {
    return static_cast<usize>(sysconf(_SC_PAGESIZE));
}

mmu::Error refusal(int error) {
    std::string why = strerror(error);
    if (error == EACCES || error == EPERM)
        why += "; /proc/sys/kernel/perf_event_paranoid must be 2 or less, or this a process of root's";
    return mmu::Error{"diff-host: the host's perf events cannot be read: " + why};
}

}  // namespace

mmu::Expected<PerfRing, mmu::Error> PerfRing::open(perf_event_attr attributes, int pid) {
    attributes.size = sizeof attributes;
    const int fd =
        static_cast<int>(syscall(SYS_perf_event_open, &attributes, pid, -1, -1, PERF_FLAG_FD_CLOEXEC));
    if (fd < 0) return mmu::Unexpected{refusal(errno)};
    void* memory = mmap(nullptr, page_bytes() + kDataBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        const int error = errno;
        ::close(fd);
        return mmu::Unexpected{refusal(error)};
    }
    return PerfRing(fd, static_cast<u8*>(memory));
}

PerfRing::PerfRing(PerfRing&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), memory_(std::exchange(other.memory_, nullptr)) {}

PerfRing::~PerfRing() {
    if (memory_) munmap(memory_, page_bytes() + kDataBytes);
    if (fd_ >= 0) ::close(fd_);
}

void PerfRing::drain(const std::function<void(mmu::u32, std::span<const u8>)>& take) {
    auto* control = reinterpret_cast<perf_event_mmap_page*>(memory_);
    const u8* data = memory_ + page_bytes();
    const auto copy = [&](u64 at, void* to, usize bytes) {
        const usize offset = at % kDataBytes;
        const usize first = std::min(bytes, kDataBytes - offset);
        std::memcpy(to, data + offset, first);
        std::memcpy(static_cast<u8*>(to) + first, data, bytes - first);
    };
    const u64 head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
    u64 tail = control->data_tail;
    while (head - tail >= sizeof(perf_event_header)) {
        perf_event_header header;
        copy(tail, &header, sizeof header);
        if (header.size < sizeof header || header.size > head - tail) break;
        record_.resize(header.size - sizeof header);
        copy(tail + sizeof header, record_.data(), record_.size());
        take(header.type, record_);
        tail += header.size;
    }
    __atomic_store_n(&control->data_tail, tail, __ATOMIC_RELEASE);
}

}  // namespace emu
