// Purpose: reading lists of buffers. See iovec.h.
#include "kernel/syscalls/iovec.h"

#include <algorithm>
#include <cerrno>

#include "kernel/fs/file_io.h"
#include "kernel/uaccess.h"

namespace kernel::calls {

mmu::Expected<std::vector<UserBuffer>, int> iovec_from_user(Syscall& call, u64 address, u64 count) {
    constexpr u64 kMaxIovecs = 1024;  // UIO_MAXIOV
    if (count > kMaxIovecs) return mmu::Unexpected{EINVAL};
    std::vector<UserBuffer> list(count);
    if (!count) return list;
    const u64 bytes = count * sizeof(UserBuffer);
    if (!access_ok(call.mm(), address, bytes)) return mmu::Unexpected{EFAULT};
    const u64 left = copy_from_user(call.system(), call.mm(), list.data(), address, bytes);
    const auto end = list.begin() + static_cast<i64>((bytes - left) / sizeof(UserBuffer));
    if (std::any_of(list.begin(), end, [](const UserBuffer& b) { return static_cast<i64>(b.size) < 0; }))
        return mmu::Unexpected{EINVAL};
    if (left) return mmu::Unexpected{EFAULT};
    return list;
}

mmu::Expected<std::vector<UserBuffer>, int> import_iovec(Syscall& call, u64 address, u64 count) {
    auto list = iovec_from_user(call, address, count & 0xffffffff);
    if (!list) return list;
    if (list->size() == 1) list->front().size = std::min(list->front().size, kMaxRwCount);  // import_ubuf()
    u64 total = 0;
    for (UserBuffer& buffer : *list) {
        if (!access_ok(call.mm(), buffer.base, buffer.size)) return mmu::Unexpected{EFAULT};
        buffer.size = std::min(buffer.size, kMaxRwCount - total);
        total += buffer.size;
    }
    return list;
}

}  // namespace kernel::calls
