// membarrier(2). Linux: kernel/sched/membarrier.c.
#include <linux/membarrier.h>

#include "kernel/syscalls/functions.h"

namespace kernel::calls {

namespace {

/// The commands that need one of another number first: state while it is set up, state when it is ready.
struct Membarrier {
    int command, registration;
    u32 set, ready;
};
constexpr u32 kPrivateExpedited = 1, kGlobalExpedited = 2, kSyncCore = 4, kRseqBarrier = 8, kReady = 8;
constexpr Membarrier kMembarriers[] = {
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, kPrivateExpedited,
     kPrivateExpedited << kReady},
    {MEMBARRIER_CMD_GLOBAL_EXPEDITED, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, kGlobalExpedited,
     kGlobalExpedited << kReady},
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
     kPrivateExpedited | kSyncCore, kSyncCore << kReady},
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ,
     kPrivateExpedited | kRseqBarrier, kRseqBarrier << kReady},
};
constexpr int kGetRegistrations = 1 << 9;

/// membarrier_get_registrations()
int registrations(u32 state) {
    int commands = 0;
    for (const Membarrier& row : kMembarriers) {
        const u32 own = row.ready >> kReady;
        if (state & own) commands |= row.registration;
    }
    return commands;
}

}  // namespace

/// One CPU: every barrier holds already. What is left are the registrations.
i64 membarrier(Syscall& call) {
    constexpr u32 kFlagCpu = MEMBARRIER_CMD_FLAG_CPU;
    const int command = call.integer(0);
    const u32 flags = static_cast<u32>(call.args[1]);
    u32& state = call.mm().membarrier_state;
    if (flags && !(command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ && flags == kFlagCpu)) return -EINVAL;
    int known = MEMBARRIER_CMD_GLOBAL | kGetRegistrations;
    for (const Membarrier& row : kMembarriers) {
        known |= row.command | row.registration;
        if (command == row.registration) {
            state |= row.set | row.ready;
            return 0;
        }
        if (command != row.command) continue;
        return command == MEMBARRIER_CMD_GLOBAL_EXPEDITED || (state & row.ready) ? 0 : -EPERM;
    }
    switch (command) {
        case MEMBARRIER_CMD_QUERY:
            return known;
        case MEMBARRIER_CMD_GLOBAL:
            return 0;
        case kGetRegistrations:
            return registrations(state);
        default:
            return -EINVAL;
    }
}

}  // namespace kernel::calls
