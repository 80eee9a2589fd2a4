// khugepaged's thread in virtual time, and its files: it runs when its time has come, lets none pass, and
// keeps nobody alive.
#include <unistd.h>

#include <ctime>

#include "kernel/khugepaged_thread.h"
#include "tests/kernel_sys/guest.h"

using sys_test::Guest;
using sys_test::i64;
using sys_test::u64;

namespace {

constexpr u64 kHuge = 2u << 20, kMs = 1'000'000;
const std::string kFolder = "/sys/kernel/mm/transparent_hugepage/";

std::string read_file(Guest& guest, const std::string& path) {
    const i64 fd = guest.open(path);
    REQUIRE(fd >= 0);
    const i64 got = guest.call(SYS_read, fd, guest.scratch + 16384, 4096);
    REQUIRE(got >= 0);
    REQUIRE(guest.call(SYS_close, fd) == 0);
    return guest.read_text(guest.scratch + 16384, static_cast<u64>(got));
}
i64 write_file(Guest& guest, const std::string& path, const std::string& text) {
    const i64 fd = guest.open(path, O_WRONLY);
    if (fd < 0) return fd;
    const i64 done = guest.call(SYS_write, fd, guest.text(text, 1), text.size());
    guest.call(SYS_close, fd);
    return done;
}

/// Small pages in two whole ranges, then MADV_HUGEPAGE.
u64 prepare(Guest& guest) {
    const u64 place = static_cast<u64>(guest.call(SYS_mmap, 0, 3 * kHuge, 3, 0x22, -1, 0));
    const u64 first = (place + kHuge - 1) & ~(kHuge - 1);
    for (u64 at = first; at < first + 2 * kHuge; at += 64 * 4096) guest.write(at, at);
    REQUIRE(guest.call(SYS_madvise, place, 3 * kHuge, 14) == 0);
    return first;
}
void run_until(Guest& guest, u64 instructions) {
    guest.instructions = instructions;
    guest.kernel().handle_timer(guest.registers, instructions);
}

}  // namespace

TEST_CASE("khugepaged: it is woken by MADV_HUGEPAGE, collapses a slice later, and sleeps again") {
    Guest guest;
    CHECK(!guest.kernel().next_timer());  // nothing to do: it costs nothing
    const u64 first = prepare(guest);
    const auto wake = guest.kernel().next_timer();
    REQUIRE(wake);
    CHECK(*wake == guest.instructions + kMs);
    CHECK(guest.system().thp.anon_thps == 0);
    run_until(guest, *wake);
    CHECK(guest.system().thp.anon_thps == 2);
    CHECK(guest.read<u64>(first + 64 * 4096) == first + 64 * 4096);
    CHECK(!guest.kernel().check());
    CHECK(*guest.kernel().next_timer() == *wake + 10'000 * kMs);
    CHECK(read_file(guest, kFolder + "khugepaged/pages_collapsed") == "2\n");
    CHECK(read_file(guest, "/proc/vmstat").find("thp_collapse_alloc 2\n") != std::string::npos);
    CHECK(read_file(guest, "/proc/self/smaps_rollup").find("AnonHugePages:      4096 kB\n") !=
          std::string::npos);
}

TEST_CASE(
    "khugepaged: time jumps to the sleeper's deadline, not to its own, and what it missed is made up for") {
    Guest guest;
    prepare(guest);
    guest.system().thp.khugepaged.pages_to_scan = 512;  // a range at a time
    const u64 before = guest.state().clock.now_ns();
    const timespec five{5, 0};
    guest.write(five, guest.scratch + 8192);
    REQUIRE(guest.call(SYS_nanosleep, guest.scratch + 8192, 0) == 0);
    CHECK(guest.state().clock.now_ns() - before >= 5'000 * kMs);
    CHECK(guest.state().clock.now_ns() - before < 5'001 * kMs);
    run_until(guest, guest.instructions);
    CHECK(guest.system().thp.stats.pages_collapsed <= 1);
    const timespec hour{3600, 0};
    guest.write(hour, guest.scratch + 8192);
    REQUIRE(guest.call(SYS_nanosleep, guest.scratch + 8192, 0) == 0);
    run_until(guest, guest.instructions);
    CHECK(guest.system().thp.stats.pages_collapsed == 2);
    CHECK(*guest.kernel().next_timer() > guest.instructions);
    CHECK(!guest.kernel().check());
}

TEST_CASE("khugepaged: never stops it, scan_sleep_millisecs wakes it, what is out of range is EINVAL") {
    Guest guest;
    CHECK(read_file(guest, kFolder + "enabled") == "always [madvise] never\n");
    CHECK(read_file(guest, kFolder + "defrag") == "always defer defer+madvise [madvise] never\n");
    CHECK(read_file(guest, kFolder + "shmem_enabled") == "always within_size advise [never] deny force\n");
    CHECK(read_file(guest, kFolder + "hpage_pmd_size") == "2097152\n");
    CHECK(read_file(guest, kFolder + "khugepaged/scan_sleep_millisecs") == "10000\n");
    CHECK(read_file(guest, kFolder + "khugepaged/alloc_sleep_millisecs") == "60000\n");
    CHECK(read_file(guest, kFolder + "khugepaged/pages_to_scan") == "4096\n");
    CHECK(read_file(guest, kFolder + "khugepaged/max_ptes_none") == "511\n");
    CHECK(read_file(guest, kFolder + "khugepaged/max_ptes_swap") == "64\n");
    CHECK(read_file(guest, kFolder + "khugepaged/max_ptes_shared") == "256\n");
    if (::geteuid() != 0) {
        CHECK(write_file(guest, kFolder + "enabled", "never") < 0);
        return;
    }
    CHECK(write_file(guest, kFolder + "enabled", "sometimes") == -EINVAL);
    CHECK(write_file(guest, kFolder + "enabled", "never\n") == 6);
    CHECK(read_file(guest, kFolder + "enabled") == "always madvise [never]\n");
    prepare(guest);
    run_until(guest, guest.instructions + 2 * kMs);
    CHECK(guest.system().thp.anon_thps == 0);
    CHECK(write_file(guest, kFolder + "khugepaged/max_ptes_none", "512") == -EINVAL);
    CHECK(write_file(guest, kFolder + "khugepaged/pages_to_scan", "0") == -EINVAL);
    CHECK(write_file(guest, kFolder + "khugepaged/max_ptes_none", "0") == 1);
    CHECK(write_file(guest, kFolder + "defrag", "defer") == 5);
    CHECK(write_file(guest, kFolder + "shmem_enabled", "always") == -EINVAL);
    CHECK(write_file(guest, kFolder + "shmem_enabled", "deny") == 4);
    CHECK(read_file(guest, kFolder + "shmem_enabled") == "always within_size advise never [deny] force\n");
    CHECK(write_file(guest, kFolder + "enabled", "always") == 6);
    guest.call(SYS_getpid);
    CHECK(!guest.kernel().check());
}
