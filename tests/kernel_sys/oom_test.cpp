// The OOM killer: scores, who is chosen, and that everybody else goes on.
#include "kernel/oom.h"

#include <sys/wait.h>

#include <csignal>

#include "kernel/exit.h"
#include "tests/kernel_sys/guest.h"

using sys_test::Guest;
using sys_test::i64;
using sys_test::u64;

namespace {

kernel::SignalStruct& process(Guest& guest, i64 pid) {
    return guest.state().processes.at(static_cast<kernel::Pid>(pid));
}

/// A mapping of the running task, of which `pages` are written.
u64 hog(Guest& guest, u64 pages) {
    u64 first = 0;
    for (u64 done = 0; done < pages; done += 4096) {  // in pieces that overcommit lets pass
        const i64 place = guest.call(SYS_mmap, 0, 4096 * 4096, 3, 0x22, -1, 0);
        if (place < 0) break;
        if (!first) first = static_cast<u64>(place);
        for (u64 i = 0; i < 4096 && done + i < pages; ++i)
            if (kernel::put_user(guest.system(), guest.mm(), u64{1}, static_cast<u64>(place) + i * 4096))
                return first;
    }
    return first;
}

}  // namespace

TEST_CASE("OOM: the score follows resident, swapped and page-table pages, and oom_score_adj") {
    Guest guest;
    const u64 total = guest.system().buddy.managed_frames();
    const auto& mine = process(guest, kernel::kFirstPid);
    const i64 before = kernel::oom_badness(guest.state(), mine);
    const kernel::MmStruct& mm = guest.mm();
    CHECK(before == static_cast<i64>(mm.rss_pages() + mm.pgtables_bytes / 4096));
    hog(guest, 1000);
    const i64 grown = kernel::oom_badness(guest.state(), mine);
    CHECK(grown >= before + 1000);
    CHECK(grown <= before + 1010);
    CHECK(kernel::oom_score(guest.state(), mine) == (1000 + static_cast<u64>(grown) * 1000 / total) * 2 / 3);
    process(guest, kernel::kFirstPid).oom_score_adj = 500;
    CHECK(kernel::oom_badness(guest.state(), mine) == grown + 500 * static_cast<i64>(total / 1000));
    process(guest, kernel::kFirstPid).oom_score_adj = -1000;
    CHECK(kernel::oom_badness(guest.state(), mine) == kernel::kOomUnkillable);
    CHECK(kernel::oom_score(guest.state(), mine) == 0);
}

TEST_CASE("OOM: /proc/self/oom_score_adj can be written, within its range, and children inherit it") {
    Guest guest;
    const i64 fd = guest.open("/proc/self/oom_score_adj", O_RDWR);
    REQUIRE(fd >= 0);
    const auto write = [&](const std::string& value) {
        return guest.call(SYS_write, fd, guest.text(value, 1), value.size());
    };
    CHECK(write("300\n") == 4);
    CHECK(process(guest, kernel::kFirstPid).oom_score_adj == 300);
    CHECK(write("1001") == -EINVAL);
    CHECK(write("-1001") == -EINVAL);
    CHECK(write("many") == -EINVAL);
    CHECK(write("5 6") == -EINVAL);
    CHECK(write(" 0x10 ") == 6);
    CHECK(process(guest, kernel::kFirstPid).oom_score_adj == 16);
    const i64 child = guest.call(SYS_fork);
    CHECK(process(guest, child).oom_score_adj == 16);
    const i64 readable = guest.open("/proc/self/oom_score_adj");
    CHECK(guest.call(SYS_read, readable, guest.scratch + 8192, 100) == 3);
    CHECK(guest.read_text(guest.scratch + 8192, 3) == "16\n");
    CHECK(guest.open("/proc/self/oom_score", O_RDWR) == -EACCES);
}

TEST_CASE("OOM: who holds most is ended, its memory comes back at once, and the one that asked goes on") {
    Guest guest;
    const i64 large = guest.call(SYS_fork);
    guest.call(SYS_sched_yield);  // the child has the CPU
    REQUIRE(guest.task().pid == large);
    hog(guest, 10000);  // of 16384 frames
    const u64 hoarded = guest.mm().rss_pages();
    guest.call(SYS_sched_yield);
    REQUIRE(guest.task().pid == kernel::kFirstPid);
    const u64 place = hog(guest, 8000);  // less than the child, more than there is
    CHECK(guest.system().reclaim.oom_kill == 1);
    CHECK(process(guest, large).group_exiting);
    CHECK(hoarded > 9000);
    CHECK(guest.mm().rss_pages() >= 8000);
    CHECK(guest.read<u64>(place) == 1);
    CHECK(!guest.kernel().check());
    CHECK(guest.call(SYS_wait4, -1, guest.scratch, 0, 0) == large);
    CHECK(guest.read<int>(guest.scratch) == SIGKILL);
    CHECK(!guest.kernel().exit_status());
    CHECK(!guest.kernel().check());
}

TEST_CASE("OOM: oom_score_adj -1000 spares the largest, 1000 makes the smallest the first") {
    Guest guest;
    process(guest, kernel::kFirstPid).oom_score_adj = 0;
    const i64 spared = guest.call(SYS_fork), first = guest.call(SYS_fork);
    process(guest, first).oom_score_adj = 1000;
    process(guest, spared).oom_score_adj = -1000;
    guest.call(SYS_sched_yield);
    REQUIRE(guest.task().pid == spared);
    hog(guest, 9000);
    guest.call(SYS_sched_yield);
    guest.call(SYS_sched_yield);
    REQUIRE(guest.task().pid == kernel::kFirstPid);
    const u64 free = guest.system().buddy.free_frames() - guest.system().watermarks.min;
    hog(guest, free + 50);
    CHECK(process(guest, first).group_exiting);  // it had next to nothing
    CHECK(!process(guest, spared).group_exiting);
}

TEST_CASE("OOM: a process that is the worst itself dies, and those beside it do not notice") {
    Guest guest;
    const i64 child = guest.call(SYS_fork);
    guest.call(SYS_sched_yield);
    REQUIRE(guest.task().pid == child);
    hog(guest, 20000);  // more than there is: it is chosen, and its own copy fails
    CHECK(process(guest, child).group_exiting);
    guest.call(SYS_getpid);
    CHECK(guest.task().pid == kernel::kFirstPid);
    CHECK(guest.system().reclaim.oom_kill == 1);
    CHECK(guest.call(SYS_wait4, -1, guest.scratch, 0, 0) == child);
    CHECK(guest.read<int>(guest.scratch) == SIGKILL);
    CHECK(!guest.kernel().check());
}

TEST_CASE("OOM: a fork bomb is held by ending its processes, and nothing is lost") {
    kernel::KernelConfig config;
    Guest guest(config);
    process(guest, kernel::kFirstPid).oom_score_adj = -1000;
    unsigned made = 0;
    for (int i = 0; i < 3000 && guest.system().reclaim.oom_kill < 20; ++i) {
        const i64 pid = guest.call(SYS_fork);
        if (pid <= 0) break;
        process(guest, pid).oom_score_adj = 0;
        ++made;
    }
    CHECK(made > 100);
    CHECK(guest.system().reclaim.oom_kill > 0);
    CHECK(!guest.kernel().exit_status());
    CHECK(!guest.kernel().check());
}
