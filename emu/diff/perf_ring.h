// A perf event of one process with its ring buffer. Source: perf_event_open(2).
#pragma once

#include <linux/perf_event.h>

#include <functional>
#include <span>
#include <vector>

#include "mmu/base/expected.h"
#include "mmu/base/ints.h"

namespace emu {

class PerfRing {
  public:
    /// Opens `attributes` for process `pid` with a buffer that an ordinary user may lock.
    static mmu::Expected<PerfRing, mmu::Error> open(perf_event_attr attributes, int pid);
    PerfRing(PerfRing&& other) noexcept;
    PerfRing& operator=(PerfRing&&) = delete;
    ~PerfRing();

    int fd() const { return fd_; }
    /// Hands each record that is there to `take`: its type and what follows its header.
    void drain(const std::function<void(mmu::u32 type, std::span<const mmu::u8> body)>& take);

  private:
    static constexpr mmu::usize kDataBytes = mmu::usize{512} << 10;
    PerfRing(int fd, mmu::u8* memory) : fd_(fd), memory_(memory) {}

    int fd_ = -1;
    mmu::u8* memory_ = nullptr;  ///< the control page, then the data
    std::vector<mmu::u8> record_;
};

}  // namespace emu
