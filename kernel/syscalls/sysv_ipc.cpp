// System V semaphores and message queues: arguments from registers, everything else in sem.h and msg.h.
// Linux: ipc/sem.c, ipc/msg.c.
#include <ctime>

#include "kernel/msg.h"
#include "kernel/sem.h"
#include "kernel/syscalls/functions.h"
#include "kernel/time_values.h"

namespace kernel::calls {

namespace {

constexpr u32 kSemOpm = 500;

/// `timeout`: its address; 0: none.
i64 do_semop(Syscall& call, u64 timeout) {
    timespec limit{};
    if (timeout && call.get(limit, timeout)) return -EFAULT;
    const u32 count = static_cast<u32>(call.args[2]);
    if (count > kSemOpm) return -E2BIG;
    if (count < 1) return -EINVAL;
    std::vector<SemOperation> operations(count);
    if (copy_from_user(call.system(), call.mm(), operations.data(), call.args[1],
                       count * sizeof(SemOperation)))
        return -EFAULT;
    if (call.integer(0) < 0) return -EINVAL;
    if (timeout && !valid(limit)) return -EINVAL;
    const u64 ns = timeout ? ns_of(limit) : 0;
    return sys_semtimedop(call.kernel, call.task, call.integer(0), std::move(operations), timeout != 0, ns);
}

}  // namespace

i64 semget(Syscall& call) {
    return sys_semget(call.kernel, static_cast<u32>(call.args[0]), call.integer(1), call.integer(2));
}
i64 semop(Syscall& call) {
    return do_semop(call, 0);
}
i64 semtimedop(Syscall& call) {
    return do_semop(call, call.args[3]);
}
i64 semctl(Syscall& call) {
    return sys_semctl(call.kernel, call.task, call.integer(0), call.integer(1), call.integer(2),
                      call.args[3]);
}

i64 msgget(Syscall& call) {
    return sys_msgget(call.kernel, static_cast<u32>(call.args[0]), call.integer(1));
}
i64 msgsnd(Syscall& call) {
    return sys_msgsnd(call.kernel, call.task, call.integer(0), call.args[1], static_cast<i64>(call.args[2]),
                      call.integer(3));
}
i64 msgrcv(Syscall& call) {
    return sys_msgrcv(call.kernel, call.task, call.integer(0), call.args[1], static_cast<i64>(call.args[2]),
                      static_cast<i64>(call.args[3]), call.integer(4));
}
i64 msgctl(Syscall& call) {
    return sys_msgctl(call.kernel, call.task, call.integer(0), call.integer(1), call.args[2]);
}

}  // namespace kernel::calls
