// System V semaphores: arrays by id and key, operations that are done whole or wait, and what is undone at
// the end of a process. Linux: ipc/sem.c (6.12).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/ipc_perm.h"
#include "mmu/base/ints.h"

namespace kernel {

using mmu::i64;
using mmu::u32;
using mmu::u64;

struct KernelState;
struct Task;

/// struct sembuf.
struct SemOperation {
    mmu::u16 number = 0;
    short change = 0, flags = 0;
};

/// struct sem_array.
struct SemArray : KernIpcPerm {
    struct Semaphore {
        int value = 0, pid = 0;
    };
    /// struct sem_queue: a task that sleeps in semop(); who changes a value does its operations.
    struct Waiter {
        int pid = 0;
        u32 undo_list = 0;
        std::vector<SemOperation> operations;
        mmu::usize blocking = 0;  ///< the operation that could not be done
    };
    i64 otime = 0;
    std::vector<Semaphore> semaphores;
    std::vector<Waiter> waiters;               ///< in order of arrival
    std::map<u32, std::vector<int>> adjust{};  ///< struct sem_undo, by undo list
};

struct SemState {
    std::map<int, SemArray> arrays;
    unsigned next_index = 0, seq = 0;
    u32 next_list = 1;
    std::map<u32, u32> list_users;  ///< struct sem_undo_list: tasks that share it (CLONE_SYSVSEM)
};

i64 sys_semget(KernelState& kernel, u32 key, int count, int flags);
/// semop() without a time-out where `has_timeout` is false.
i64 sys_semtimedop(KernelState& kernel, Task& task, int id, std::vector<SemOperation> operations,
                   bool has_timeout, u64 timeout_ns);
i64 sys_semctl(KernelState& kernel, Task& task, int id, int number, int command, u64 argument);

/// copy_semundo(): a new task shares its parent's undo list (CLONE_SYSVSEM) or has none.
enum class SemUndo : mmu::u8 { kShared, kNone };
void copy_semundo(KernelState& kernel, Task& parent, Task& child, SemUndo undo);
/// exit_sem(): the last user of an undo list has what it did undone.
void exit_sem(KernelState& kernel, Task& task);

/// /proc/sysvipc/sem
std::string proc_sysvipc_sem(KernelState& kernel);

}  // namespace kernel
