// System V shared memory: arguments from registers, everything else in shm.h. Linux: ipc/shm.c.
#include "kernel/shm.h"

#include "kernel/syscalls/functions.h"

namespace kernel::calls {

i64 shmget(Syscall& call) {
    return sys_shmget(call.kernel, call.task, static_cast<u32>(call.args[0]), call.args[1], call.integer(2));
}
i64 shmat(Syscall& call) {
    return sys_shmat(call.kernel, call.task, call.integer(0), call.args[1], call.integer(2));
}
i64 shmdt(Syscall& call) {
    return sys_shmdt(call.kernel, call.task, call.args[0]);
}
i64 shmctl(Syscall& call) {
    return sys_shmctl(call.kernel, call.task, call.integer(0), call.integer(1), call.args[2]);
}

}  // namespace kernel::calls
