// CPU-time timers and limits without a CPU: seconds of CPU time pass as fast as a test says.
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <csignal>
#include <ctime>

#include "tests/kernel_sys/guest.h"

using sys_test::Guest;
using sys_test::i64;
using sys_test::u64;

namespace {

constexpr u64 kSecond = 1'000'000'000;

/// The running task computes until `instructions` have been retired, as a machine has it do.
void compute_until(Guest& guest, u64 instructions) {
    while (!guest.kernel().exit_status() && guest.instructions < instructions) {
        const u64 event = guest.kernel().next_timer().value_or(instructions);
        guest.instructions = std::min(std::max(event, guest.instructions), instructions);
        guest.kernel().handle_timer(guest.registers, guest.instructions);
        if (event > instructions) break;
    }
}

void ignore(Guest& guest, int signal) {
    const kernel::SigAction action{kernel::kSigIgn, 0, 0, 0};
    guest.call(SYS_rt_sigaction, signal, guest.write(action, guest.scratch), 0, 8);
}

}  // namespace

TEST_CASE("RLIMIT_CPU: SIGXCPU ends a process at its soft limit, counted from its first instruction") {
    Guest guest;
    REQUIRE(guest.call(SYS_setrlimit, RLIMIT_CPU, guest.write(kernel::Limit{2, 5}, guest.scratch)) == 0);
    compute_until(guest, 2 * kSecond - 1000);
    REQUIRE(!guest.kernel().exit_status());
    compute_until(guest, 2 * kSecond + 1000);
    REQUIRE(guest.kernel().exit_status());
    CHECK(guest.kernel().exit_status()->killed_by == SIGXCPU);
}

TEST_CASE(
    "RLIMIT_CPU: whoever ignores SIGXCPU gets it each second, its soft limit raised, and SIGKILL at the hard "
    "one") {
    Guest guest;
    ignore(guest, SIGXCPU);
    REQUIRE(guest.call(SYS_setrlimit, RLIMIT_CPU, guest.write(kernel::Limit{1, 4}, guest.scratch)) == 0);
    compute_until(guest, 2 * kSecond + kSecond / 2);
    REQUIRE(!guest.kernel().exit_status());
    REQUIRE(guest.call(SYS_getrlimit, RLIMIT_CPU, guest.scratch) == 0);
    CHECK(guest.read<kernel::Limit>(guest.scratch).cur == 3);
    compute_until(guest, 5 * kSecond);
    REQUIRE(guest.kernel().exit_status());
    CHECK(guest.kernel().exit_status()->killed_by == SIGKILL);
    CHECK(guest.instructions <= 4 * kSecond + 1000);
}

TEST_CASE("CPU time: a process's timers stand still while it sleeps and while another process runs") {
    Guest guest;
    ignore(guest, SIGVTALRM);
    const itimerval ten{{0, 0}, {10, 0}};
    REQUIRE(guest.call(SYS_setitimer, ITIMER_VIRTUAL, guest.write(ten, guest.scratch), 0) == 0);
    const timespec nap{100, 0};
    CHECK(guest.call(SYS_nanosleep, guest.write(nap, guest.scratch), 0) == 0);
    REQUIRE(guest.call(SYS_fork) > 0);
    guest.call(SYS_wait4, -1, 0, 0, 0);  // the child runs
    CHECK(guest.task().pid != kernel::kFirstPid);
    guest.instructions += 20 * kSecond;
    guest.call(SYS_exit_group, 0);
    REQUIRE(guest.task().pid == kernel::kFirstPid);
    REQUIRE(guest.call(SYS_getitimer, ITIMER_VIRTUAL, guest.scratch) == 0);
    const itimerval left = guest.read<itimerval>(guest.scratch);
    CHECK(left.it_value.tv_sec == 9);
    compute_until(guest, guest.instructions + 11 * kSecond);
    REQUIRE(guest.call(SYS_getitimer, ITIMER_VIRTUAL, guest.scratch) == 0);
    CHECK(guest.read<itimerval>(guest.scratch).it_value.tv_sec == 0);
    CHECK(!guest.kernel().exit_status());
}

TEST_CASE("CPU time: the timers of a process that has ended are gone") {
    Guest guest;
    const i64 child = guest.call(SYS_fork);
    REQUIRE(child > 0);
    guest.call(SYS_wait4, -1, 0, 0, 0);
    REQUIRE(guest.task().pid == child);
    const itimerval later{{1, 0}, {10, 0}};
    REQUIRE(guest.call(SYS_setitimer, ITIMER_PROF, guest.write(later, guest.scratch), 0) == 0);
    REQUIRE(guest.call(SYS_timer_create, CLOCK_PROCESS_CPUTIME_ID, 0, guest.scratch) == 0);
    const itimerspec spec{{1, 0}, {10, 0}};
    REQUIRE(guest.call(SYS_timer_settime, 0, 0, guest.write(spec, guest.scratch), 0) == 0);
    CHECK(guest.state().sched.cpu_timers.size() == 2);
    guest.call(SYS_exit_group, 0);
    CHECK(guest.state().sched.cpu_timers.empty());
    CHECK(guest.state().sched.cpu_event == kernel::kNever);
}
