// Reading and writing another process's memory. Linux: mm/process_vm_access.c. Permission is that of ptrace:
// all guest processes are one user's.
#include <algorithm>
#include <span>

#include "kernel/fs/user_stream.h"
#include "kernel/gup.h"
#include "kernel/syscalls/functions.h"
#include "kernel/syscalls/iovec.h"

namespace kernel::calls {

namespace {

enum class Direction : u8 { kRead, kWrite };

/// process_vm_rw_single_vec() of all of `remote`. Bytes moved; `error` says why it ended early.
u64 move_bytes(Syscall& call, MmStruct& other, UserStream& local, u64 room,
               std::span<const UserBuffer> remote, Direction direction, int& error) {
    u64 done = 0;
    for (const UserBuffer& buffer : remote) {
        for (u64 at = 0; at < buffer.size && done < room;) {
            const u64 address = buffer.base + at;
            const u64 step =
                std::min({mmu::kPageSize - address % mmu::kPageSize, buffer.size - at, room - done});
            const bool write = direction == Direction::kWrite;
            u8* page =
                get_user_page(call.system(), other, address, write ? GupAccess::kWrite : GupAccess::kRead);
            if (!page) {
                error = -EFAULT;
                return done;
            }
            // The local side may fault, and what that takes may be this page: the bytes wait in between.
            u8 bytes[mmu::kPageSize];
            u64 moved = 0;
            if (write) {
                moved = local.take(bytes, step);
                page = get_user_page(call.system(), other, address, GupAccess::kWrite);
                if (!page) moved = 0;
                if (page) std::copy_n(bytes, moved, page + address % mmu::kPageSize);
            } else {
                std::copy_n(page + address % mmu::kPageSize, step, bytes);
                moved = local.put(bytes, step);
            }
            done += moved;
            at += moved;
            if (moved < step) {
                error = -EFAULT;
                return done;
            }
        }
    }
    return done;
}

i64 process_vm_rw(Syscall& call, Direction direction) {
    const auto [pid, local_list, local_count, remote_list, remote_count, flags] = call.args;
    if (flags) return -EINVAL;
    const auto local = import_iovec(call, local_list, local_count);
    if (!local) return -local.error();
    const u64 room = total_of(*local);
    if (!room) return 0;
    const auto remote = iovec_from_user(call, remote_list, remote_count);
    if (!remote) return -remote.error();
    if (std::all_of(remote->begin(), remote->end(), [](const UserBuffer& b) { return !b.size; })) return 0;
    const Task* other = call.kernel.find_task(static_cast<Pid>(pid));
    if (!other || !other->mm) return -ESRCH;
    UserStream stream(call.kernel, call.task, *local);
    int error = 0;
    const u64 done = move_bytes(call, call.kernel.mm_of(*other), stream, room, *remote, direction, error);
    return done ? static_cast<i64>(done) : error;
}

}  // namespace

i64 process_vm_readv(Syscall& call) {
    return process_vm_rw(call, Direction::kRead);
}
i64 process_vm_writev(Syscall& call) {
    return process_vm_rw(call, Direction::kWrite);
}

}  // namespace kernel::calls
