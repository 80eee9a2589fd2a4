// A list of user buffers (struct iovec) walked as one stream of bytes. Linux: lib/iov_iter.c.
#pragma once

#include <algorithm>
#include <span>

#include "kernel/state.h"
#include "kernel/uaccess.h"

namespace kernel {

inline constexpr u64 kMaxRwCount = 0x7ffff000;  ///< MAX_RW_COUNT

/// struct iovec of the guest.
struct UserBuffer {
    u64 base = 0, size = 0;
};

/// The bytes that a call may move through these buffers.
inline u64 total_of(std::span<const UserBuffer> buffers) {
    u64 total = 0;
    for (const UserBuffer& buffer : buffers) total += std::min(buffer.size, kMaxRwCount - total);
    return total;
}

class UserStream {
  public:
    UserStream(KernelState& kernel, Task& task, std::span<const UserBuffer> buffers)
        : kernel_(kernel), mm_(kernel.mm_of(task)), buffers_(buffers) {}

    /// The number of bytes that were moved; fewer than asked for: a fault.
    u64 put(const u8* bytes, u64 size) {
        return move(size, [&](u64 address, u64 at, u64 n) {
            return copy_to_user(kernel_.system, mm_, address, bytes + at, n);
        });
    }
    u64 take(u8* bytes, u64 size) {
        return move(size, [&](u64 address, u64 at, u64 n) {
            return copy_from_user(kernel_.system, mm_, bytes + at, address, n);
        });
    }
    u64 clear(u64 size) {
        return move(size,
                    [&](u64 address, u64, u64 n) { return clear_user(kernel_.system, mm_, address, n); });
    }
    void skip(u64 size) {
        (void)move(size, [](u64, u64, u64) { return u64{0}; });
    }

  private:
    template <class Copy>
    u64 move(u64 size, Copy copy) {
        u64 done = 0;
        while (done < size && index_ < buffers_.size()) {
            const UserBuffer& buffer = buffers_[index_];
            const u64 step = std::min(size - done, buffer.size - within_);
            const u64 left = step ? copy(buffer.base + within_, done, step) : 0;
            done += step - left;
            within_ += step - left;
            if (left) break;
            if (within_ == buffer.size) {
                index_++;
                within_ = 0;
            }
        }
        return done;
    }

    KernelState& kernel_;
    MmStruct& mm_;
    std::span<const UserBuffer> buffers_;
    usize index_ = 0;
    u64 within_ = 0;
};

}  // namespace kernel
