// Purpose: semget, semop, semtimedop, semctl. See sem.h. Linux: ipc/sem.c perform_atomic_semop(),
// do_smart_update(), semctl_main(), exit_sem().
#include "kernel/sem.h"

#include <sys/sem.h>

#include "kernel/ipc_util.h"
#include "kernel/sched.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"

namespace kernel {

namespace {

constexpr int kSemMni = 32000, kSemMsl = 32000, kSemMns = kSemMni * kSemMsl, kSemOpm = 500, kSemVmx = 32767;
constexpr int kSemStatAny = 20;
constexpr u64 kSemaphoreBytes = 64;  ///< struct sem

// What a waiter's blocked_call.progress says; a finished one's has its errno above it.
constexpr u64 kQueued = 1, kFinished = 2;
constexpr unsigned kResultShift = 8;

struct Attempt {
    enum class Result : u8 { kDone, kWouldBlock, kFailed };
    Result result = Result::kDone;
    int error = 0;
    usize blocking = 0;
};

/// perform_atomic_semop(): all of the operations or none.
Attempt perform(SemArray& array, int pid, u32 undo_list, const std::vector<SemOperation>& operations) {
    std::vector<int> values(array.semaphores.size());
    for (usize i = 0; i < values.size(); ++i) values[i] = array.semaphores[i].value;
    std::vector<int> adjust(values.size());
    if (const auto found = array.adjust.find(undo_list); found != array.adjust.end()) adjust = found->second;
    bool undoes = false;
    for (usize i = 0; i < operations.size(); ++i) {
        const SemOperation& operation = operations[i];
        int& value = values[operation.number];
        const bool waits = (!operation.change && value) || (operation.change && value + operation.change < 0);
        if (waits) {
            if (operation.flags & IPC_NOWAIT) return {Attempt::Result::kFailed, EAGAIN, i};
            return {Attempt::Result::kWouldBlock, 0, i};
        }
        value += operation.change;
        if (value > kSemVmx) return {Attempt::Result::kFailed, ERANGE, i};
        if (!(operation.flags & SEM_UNDO)) continue;
        undoes = true;
        int& undo = adjust[operation.number];
        undo -= operation.change;
        if (undo < -kSemVmx - 1 || undo > kSemVmx) return {Attempt::Result::kFailed, ERANGE, i};
    }
    for (usize i = 0; i < values.size(); ++i) array.semaphores[i].value = values[i];
    for (const SemOperation& operation : operations) array.semaphores[operation.number].pid = pid;
    if (undoes) array.adjust[undo_list] = adjust;
    return {};
}

void finish(KernelState& kernel, int pid, int error) {
    Task& task = kernel.tasks.at(pid);
    task.blocked_call.progress = kFinished | static_cast<u64>(error) << kResultShift;
    wake_task(kernel, task);
}

/// do_smart_update(): a value has changed, so those who wait are tried in order of arrival, until none can.
void update_queue(KernelState& kernel, SemArray& array) {
    for (usize i = 0; i < array.waiters.size();) {
        SemArray::Waiter& waiter = array.waiters[i];
        const int pid = waiter.pid;
        const Attempt attempt =
            perform(array, kernel.tasks.at(pid).tgid, waiter.undo_list, waiter.operations);
        if (attempt.result == Attempt::Result::kWouldBlock) {
            waiter.blocking = attempt.blocking;
            ++i;
            continue;
        }
        array.waiters.erase(array.waiters.begin() + static_cast<std::ptrdiff_t>(i));
        if (!attempt.error) array.otime = ipc_now_seconds(kernel);
        finish(kernel, pid, attempt.error);
        i = 0;  // what it did may let an earlier one go on
    }
}

void leave_queue(KernelState& kernel, int pid) {
    for (auto& [id, array] : kernel.sem.arrays)
        std::erase_if(array.waiters, [pid](const SemArray::Waiter& waiter) { return waiter.pid == pid; });
}

/// find_alloc_undo()
u32 undo_list_of(KernelState& kernel, Task& task) {
    if (!task.undo_list) {
        task.undo_list = kernel.sem.next_list++;
        kernel.sem.list_users[task.undo_list] = 1;
    }
    return task.undo_list;
}

/// A struct sem_undo for this array, there already or with memory for it.
bool room_for_undo(KernelState& kernel, const Task& task, const SemArray& array) {
    if (array.adjust.count(task.undo_list)) return true;
    u64 bytes = array.semaphores.size() * sizeof(int);
    for (const auto& [id, other] : kernel.sem.arrays)
        bytes += other.adjust.size() * other.semaphores.size() * sizeof(int);
    return ipc_memory_suffices(kernel, bytes);
}

u64 semaphores_in_use(const KernelState& kernel) {
    u64 sum = 0;
    for (const auto& [id, array] : kernel.sem.arrays) sum += array.semaphores.size();
    return sum;
}

/// The semaphore that the blocking operation of a waiter is on, and whether it waits for zero.
bool waits_on(const SemArray::Waiter& waiter, int number, bool for_zero) {
    const SemOperation& operation = waiter.operations[waiter.blocking];
    return operation.number == number && (operation.change == 0) == for_zero;
}

}  // namespace

i64 sys_semget(KernelState& kernel, u32 key, int count, int flags) {
    if (count < 0 || count > kSemMsl) return -EINVAL;
    const i64 found = ipc_find_key(kernel.sem.arrays, key, flags, [&](const SemArray& array) {
        return static_cast<usize>(count) > array.semaphores.size() ? -EINVAL : 0;
    });
    if (found != -ENOENT || (key != IPC_PRIVATE && !(flags & IPC_CREAT))) return found;
    if (!count) return -EINVAL;
    if (kernel.sem.arrays.size() >= kSemMni) return -ENOSPC;
    if (semaphores_in_use(kernel) + static_cast<u64>(count) > u64{kSemMns}) return -ENOSPC;
    if (!ipc_memory_suffices(kernel, (semaphores_in_use(kernel) + static_cast<u64>(count)) * kSemaphoreBytes))
        return -ENOMEM;
    SemArray array;
    array.semaphores.resize(static_cast<usize>(count));
    return ipc_add(kernel.sem, kernel.sem.arrays, std::move(array), kernel, key, flags, kSemMni);
}

i64 sys_semtimedop(KernelState& kernel, Task& task, int id, std::vector<SemOperation> operations,
                   bool has_timeout, u64 timeout_ns) {
    u64& progress = task.blocked_call.progress;
    if ((progress & 0xff) == kFinished) return -static_cast<i64>(progress >> kResultShift);
    const auto found = kernel.sem.arrays.find(id);
    if (progress == kQueued && found == kernel.sem.arrays.end()) return -EIDRM;
    if (id < 0 || found == kernel.sem.arrays.end()) return -EINVAL;
    SemArray& array = found->second;
    bool undoes = false, alters = false;
    for (const SemOperation& operation : operations) {
        if (operation.number >= array.semaphores.size()) return -EFBIG;
        undoes = undoes || (operation.flags & SEM_UNDO);
        alters = alters || operation.change;
    }
    if (progress != kQueued) {
        if (!ipc_permitted(array, alters ? kIpcWrite : kIpcRead)) return -EACCES;
        if (undoes && !room_for_undo(kernel, task, array)) return -ENOMEM;
        const u32 list = undoes ? undo_list_of(kernel, task) : 0;
        const Attempt attempt = perform(array, task.tgid, list, operations);
        if (attempt.result == Attempt::Result::kFailed) return -attempt.error;
        if (attempt.result == Attempt::Result::kDone) {
            array.otime = ipc_now_seconds(kernel);
            update_queue(kernel, array);
            return 0;
        }
        array.waiters.push_back({task.pid, list, std::move(operations), attempt.blocking});
        progress = kQueued;
        if (has_timeout) task.blocked_call.deadline_ns = std::max<u64>(kernel.clock.now_ns() + timeout_ns, 1);
    }
    const u64 deadline = task.blocked_call.deadline_ns;
    i64 result = -EAGAIN;
    if (!deadline || deadline > kernel.clock.now_ns()) {
        WaitFor wait;
        if (deadline) wait.deadline_ns = deadline;
        result = block_or(kernel, task, wait, EINTR);
    }
    if (result != -kCallBlocked) leave_queue(kernel, task.pid);
    return result;
}

namespace {

void fill_stat(const SemArray& array, struct semid_ds& out) {
    std::memset(&out, 0, sizeof out);
    ipc_fill(array, out.sem_perm);
    out.sem_otime = array.otime;
    out.sem_ctime = array.ctime;
    out.sem_nsems = array.semaphores.size();
}

i64 sem_info_call(KernelState& kernel, MmStruct& mm, int command, u64 buffer) {
    struct seminfo info {};
    info.semmap = info.semmns = info.semmnu = kSemMns;
    info.semmni = kSemMni;
    info.semmsl = kSemMsl;
    info.semopm = info.semume = kSemOpm;
    info.semusz = 20;
    info.semvmx = info.semaem = kSemVmx;
    if (command == SEM_INFO) {
        info.semusz = static_cast<int>(kernel.sem.arrays.size());
        info.semaem = static_cast<int>(semaphores_in_use(kernel));
    }
    return put_user(kernel.system, mm, info, buffer) ? -EFAULT : ipc_highest_index(kernel.sem.arrays);
}

/// freeary()
void remove_array(KernelState& kernel, int id) {
    const auto waiters = std::move(kernel.sem.arrays.at(id).waiters);
    kernel.sem.arrays.erase(id);
    for (const SemArray::Waiter& waiter : waiters) finish(kernel, waiter.pid, EIDRM);
}

i64 set_values(KernelState& kernel, Task& task, SemArray& array, u64 address) {
    std::vector<u16> values(array.semaphores.size());
    const usize bytes = values.size() * sizeof(u16);
    if (copy_from_user(kernel.system, kernel.mm_of(task), values.data(), address, bytes)) return -EFAULT;
    for (const u16 value : values)
        if (value > kSemVmx) return -ERANGE;
    for (usize i = 0; i < values.size(); ++i) array.semaphores[i] = {values[i], task.tgid};
    array.adjust.clear();
    array.ctime = ipc_now_seconds(kernel);
    update_queue(kernel, array);
    return 0;
}

i64 get_values(KernelState& kernel, Task& task, const SemArray& array, u64 address) {
    std::vector<u16> values;
    for (const auto& semaphore : array.semaphores) values.push_back(static_cast<u16>(semaphore.value));
    const usize bytes = values.size() * sizeof(u16);
    return copy_to_user(kernel.system, kernel.mm_of(task), address, values.data(), bytes) ? -EFAULT : 0;
}

/// semctl_setval()
i64 set_value(KernelState& kernel, Task& task, SemArray& array, int number, int value) {
    const usize index = static_cast<usize>(number);
    array.semaphores[index] = {value, task.tgid};
    for (auto& [list, adjust] : array.adjust) adjust[index] = 0;
    array.ctime = ipc_now_seconds(kernel);
    update_queue(kernel, array);
    return 0;
}

/// semctl_main()
i64 one_or_all(KernelState& kernel, Task& task, SemArray& array, int number, int command, u64 argument) {
    if (!ipc_permitted(array, command == SETALL || command == SETVAL ? kIpcWrite : kIpcRead)) return -EACCES;
    if (command == GETALL) return get_values(kernel, task, array, argument);
    if (command == SETALL) return set_values(kernel, task, array, argument);
    if (number < 0 || static_cast<usize>(number) >= array.semaphores.size()) return -EINVAL;
    const auto& semaphore = array.semaphores[static_cast<usize>(number)];
    i64 count = 0;
    for (const auto& waiter : array.waiters) count += waits_on(waiter, number, command == GETZCNT);
    switch (command) {
        case SETVAL:
            return set_value(kernel, task, array, number, static_cast<int>(argument));
        case GETVAL:
            return semaphore.value;
        case GETPID:
            return semaphore.pid;
        default:
            return count;
    }
}

}  // namespace

i64 sys_semctl(KernelState& kernel, Task& task, int id, int number, int command, u64 argument) {
    MmStruct& mm = kernel.mm_of(task);
    if (id < 0) return -EINVAL;
    if (command == IPC_INFO || command == SEM_INFO) return sem_info_call(kernel, mm, command, argument);
    const bool by_index = command == SEM_STAT || command == kSemStatAny;
    struct semid_ds data {};
    if (command == IPC_SET && get_user(kernel.system, mm, data, argument)) return -EFAULT;
    if (command == SETVAL && (static_cast<int>(argument) < 0 || static_cast<int>(argument) > kSemVmx))
        return -ERANGE;
    SemArray* array = ipc_named(kernel.sem.arrays, id, by_index);
    if (!array) return -EINVAL;
    switch (command) {
        case IPC_STAT:
        case SEM_STAT:
        case kSemStatAny:
            if (command != kSemStatAny && !ipc_permitted(*array, kIpcRead)) return -EACCES;
            fill_stat(*array, data);
            if (put_user(kernel.system, mm, data, argument)) return -EFAULT;
            return by_index ? id : 0;
        case GETALL:
        case GETVAL:
        case GETPID:
        case GETNCNT:
        case GETZCNT:
        case SETALL:
        case SETVAL:
            return one_or_all(kernel, task, *array, number, command, argument);
        case IPC_SET:
            if (!ipc_owned(*array)) return -EPERM;
            ipc_update(kernel, *array, data.sem_perm);
            return 0;
        case IPC_RMID:
            if (!ipc_owned(*array)) return -EPERM;
            remove_array(kernel, id);
            return 0;
        default:
            return -EINVAL;
    }
}

void copy_semundo(KernelState& kernel, Task& parent, Task& child, SemUndo undo) {
    child.undo_list = undo == SemUndo::kShared ? undo_list_of(kernel, parent) : 0;
    if (child.undo_list) ++kernel.sem.list_users[child.undo_list];
}

void exit_sem(KernelState& kernel, Task& task) {
    leave_queue(kernel, task.pid);
    const u32 list = std::exchange(task.undo_list, 0);
    if (!list || --kernel.sem.list_users[list]) return;
    kernel.sem.list_users.erase(list);
    for (auto& [id, array] : kernel.sem.arrays) {
        const auto found = array.adjust.find(list);
        if (found == array.adjust.end()) continue;
        const std::vector<int> adjust = std::move(found->second);
        array.adjust.erase(found);
        for (usize i = 0; i < adjust.size(); ++i) {
            if (!adjust[i]) continue;
            auto& semaphore = array.semaphores[i];
            semaphore.value = std::clamp(semaphore.value + adjust[i], 0, kSemVmx);
            semaphore.pid = task.tgid;
        }
        update_queue(kernel, array);
    }
}

std::string proc_sysvipc_sem(KernelState& kernel) {
    std::string text =
        "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n";
    for (const auto& [id, array] : kernel.sem.arrays) {
        char line[256];
        std::snprintf(line, sizeof line, "%10d %10d  %4o %10llu %5u %5u %5u %5u %10llu %10llu\n",
                      static_cast<int>(array.key), id, array.mode,
                      static_cast<unsigned long long>(array.semaphores.size()), array.uid, array.gid,
                      array.cuid, array.cgid, static_cast<unsigned long long>(array.otime),
                      static_cast<unsigned long long>(array.ctime));
        text += line;
    }
    return text;
}

}  // namespace kernel
