// Tasks without a CPU: who runs after which call, what fork does to pages, and what sleeping does to time.
#include <sched.h>
#include <sys/wait.h>

#include <csignal>

#include "tests/kernel_sys/guest.h"

using sys_test::Guest;
using sys_test::i64;
using sys_test::u64;

namespace {

/// The running task waits for a child: the next task has the CPU when this returns.
void wait_for_child(Guest& guest) {
    guest.call(SYS_wait4, -1, guest.scratch + 4096, 0, 0);
}

}  // namespace

TEST_CASE("Fork: the first writer of a private page copies it, the second one reuses it") {
    Guest guest;
    guest.write(1, guest.scratch);
    const i64 child = guest.call(SYS_fork);
    REQUIRE(child > 0);
    const kernel::FaultStats before = guest.system().faults;
    guest.write(2, guest.scratch);
    CHECK(guest.system().faults.cow_copy == before.cow_copy + 1);
    wait_for_child(guest);
    REQUIRE(guest.task().pid == child);
    CHECK(guest.registers.gpr[mmu::kRax] == 0);
    CHECK(guest.read<int>(guest.scratch) == 1);
    guest.write(3, guest.scratch);
    CHECK(guest.system().faults.cow_reuse == before.cow_reuse + 1);
    guest.call(SYS_exit_group, 7);
    CHECK(guest.task().pid == kernel::kFirstPid);
    CHECK(static_cast<i64>(guest.registers.gpr[mmu::kRax]) == child);
    CHECK(guest.read<int>(guest.scratch + 4096) == 7 << 8);
    CHECK(guest.read<int>(guest.scratch) == 2);
    CHECK(guest.state().tasks.size() == 1);
    CHECK(guest.state().mms.size() == 1);
}

TEST_CASE("Context switch: each address space keeps its PCID while one of six slots knows it") {
    Guest guest;
    const u64 first = guest.state().hw.control().pcid();
    REQUIRE(guest.call(SYS_fork) > 0);
    guest.call(SYS_sched_yield);
    const u64 second = guest.state().hw.control().pcid();
    CHECK(first != second);
    guest.call(SYS_sched_yield);
    CHECK(guest.state().hw.control().pcid() == first);
    guest.call(SYS_sched_yield);
    CHECK(guest.state().hw.control().pcid() == second);
}

TEST_CASE("Time: when all tasks sleep it jumps to the first timer, and the sleepers wake in order") {
    Guest guest;
    const i64 child = guest.call(SYS_fork);
    guest.write(timespec{100, 0}, guest.scratch);
    guest.call(SYS_nanosleep, guest.scratch, 0);
    REQUIRE(guest.task().pid == child);
    guest.write(timespec{10, 0}, guest.scratch);
    guest.call(SYS_nanosleep, guest.scratch, 0);
    CHECK(guest.task().pid == child);
    CHECK(guest.state().clock.now_ns() / 1'000'000'000 == 10);
    guest.call(SYS_exit, 0);
    CHECK(guest.task().pid == kernel::kFirstPid);
    CHECK(guest.state().clock.now_ns() / 1'000'000'000 == 100);
}

TEST_CASE("Threads: they share memory and descriptors, and one that waits on a futex runs when it is woken") {
    Guest guest;
    constexpr u64 kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    const u64 word = guest.write(5, guest.scratch);
    const i64 thread = guest.call(SYS_clone, kThread, guest.scratch + 8192, 0, 0, 0);
    REQUIRE(thread > 0);
    constexpr int kWaitPrivate = 128, kWakePrivate = 129;
    guest.call(SYS_futex, word, kWaitPrivate, 5, 0);
    REQUIRE(guest.task().pid == thread);
    CHECK(guest.task().tgid == kernel::kFirstPid);
    CHECK(guest.registers.gpr[mmu::kRsp] == guest.scratch + 8192);
    CHECK(guest.call(SYS_futex, word, kWakePrivate, 1) == 1);
    guest.call(SYS_exit, 0);
    CHECK(guest.task().pid == kernel::kFirstPid);
    CHECK(guest.registers.gpr[mmu::kRax] == 0);
    CHECK(guest.call(SYS_futex, word, kWaitPrivate, 6, 0) == -EAGAIN);
}

TEST_CASE("Clone: flags that do not go together are refused as Linux refuses them") {
    Guest guest;
    CHECK(guest.call(SYS_clone, CLONE_THREAD, 0, 0, 0, 0) == -EINVAL);
    CHECK(guest.call(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0) == -EINVAL);
    CHECK(guest.call(SYS_clone, CLONE_NEWUSER | CLONE_FS, 0, 0, 0, 0) == -EINVAL);
    CHECK(guest.call(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0) == -EPERM);
    CHECK(guest.call(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, ~u64{0}) == -EPERM);
    CHECK(guest.state().tasks.size() == 1);
}

TEST_CASE("Fork: RLIMIT_NPROC ends it with EAGAIN") {
    Guest guest;
    guest.mm().rlimits[kernel::kRlimitNproc] = {3, 3};
    CHECK(guest.call(SYS_fork) > 0);
    CHECK(guest.call(SYS_fork) > 0);
    CHECK(guest.call(SYS_fork) == -EAGAIN);
}
