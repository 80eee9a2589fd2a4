// The host side of guest RAM: one anonymous mapping without reservation, aligned so that the host can back it
// with huge pages. It must not know who allocates frames or what is in them.
#include "mmu/physical_memory.h"

#include <sys/mman.h>

#include <cerrno>

namespace mmu {

namespace {

constexpr u64 kHugePage = bytes_of(PageSize::k2M);
constexpr u64 kMinimumBytes = u64{1} << 20;
constexpr u64 kMaximumBytes = u64{1} << 46;  // a host process has 47 bits of address space

/// A committed-on-touch mapping of `bytes`, aligned to `alignment`; null when the host refuses.
u8* map_lazily(u64 bytes, u64 alignment) {
    const u64 length = bytes + alignment;
    void* const mapping =
        mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) return nullptr;
    u8* const start = static_cast<u8*>(mapping);
    const u64 before = align_up(reinterpret_cast<u64>(start), alignment) - reinterpret_cast<u64>(start);
    const u64 after = length - before - bytes;
    if (before) munmap(start, before);
    if (after) munmap(start + before + bytes, after);
    madvise(start + before, bytes, MADV_DONTDUMP);
    return start + before;
}

u64 code_map_bytes(u64 size) {
    return align_up(size >> kPageShift, kPageSize);
}

}  // namespace

Expected<PhysicalMemory, Error> PhysicalMemory::create(u64 bytes) {
    if (bytes % kPageSize || bytes < kMinimumBytes || bytes > kMaximumBytes)
        return Unexpected{Error{"guest RAM of " + std::to_string(bytes) +
                                " bytes: it must be a multiple of 4096, at least 1 MiB and at most 64 TiB"}};
    u8* const base = map_lazily(bytes, kHugePage);
    u8* const holds_code = base ? map_lazily(code_map_bytes(bytes), kPageSize) : nullptr;
    if (!holds_code) {
        const Error error{"cannot map " + std::to_string(bytes >> 20) +
                          " MiB of guest RAM: " + std::strerror(errno)};
        if (base) munmap(base, bytes);
        return Unexpected{error};
    }
    // A fresh page then costs the host a third (one fault for 512 frames), and a random walk over RAM two
    // thirds. It is advice: a host without transparent huge pages runs the same, slower.
    madvise(base, bytes, MADV_HUGEPAGE);
    return PhysicalMemory(base, holds_code, bytes);
}

PhysicalMemory::PhysicalMemory(PhysicalMemory&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      holds_code_(std::exchange(other.holds_code_, nullptr)),
      code_observer_(std::exchange(other.code_observer_, nullptr)) {}

PhysicalMemory& PhysicalMemory::operator=(PhysicalMemory&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(size_, other.size_);
    std::swap(holds_code_, other.holds_code_);
    std::swap(code_observer_, other.code_observer_);
    return *this;
}

PhysicalMemory::~PhysicalMemory() {
    if (base_) munmap(base_, size_);
    if (holds_code_) munmap(holds_code_, code_map_bytes(size_));
}

void PhysicalMemory::clear_frame(Pfn pfn) {
    CHECK(pfn.value < frames(), pfn.value);
    note_write(pfn);
    std::memset(frame(pfn), 0, kPageSize);
}

void PhysicalMemory::copy_frame(Pfn to, Pfn from) {
    CHECK(to.value < frames() && from.value < frames(), to.value, from.value);
    note_write(to);
    std::memcpy(frame(to), frame(from), kPageSize);
}

void PhysicalMemory::code_written(Pfn pfn) {
    if (code_observer_) code_observer_->code_frame_written(pfn);
}

}  // namespace mmu
