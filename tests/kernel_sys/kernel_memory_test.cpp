// What the kernel's own structures take of guest RAM while a guest makes tasks, files and areas, and that all
// of it comes back.
#include <sys/socket.h>
#include <sys/wait.h>

#include <map>
#include <sstream>

#include "tests/kernel_sys/guest.h"

using sys_test::Guest;
using sys_test::i64;
using sys_test::u64;

namespace {

std::string proc(Guest& guest, const std::string& name) {
    const i64 fd = guest.open("/proc/" + name);
    REQUIRE(fd >= 0);
    std::string all;
    while (true) {
        const i64 got = guest.call(SYS_read, fd, guest.scratch + 8192, 4096);
        REQUIRE(got >= 0);
        if (!got) break;
        all += guest.read_text(guest.scratch + 8192, static_cast<u64>(got));
    }
    guest.call(SYS_close, fd);
    return all;
}

/// Objects in use by cache.
std::map<std::string, u64> active(Guest& guest) {
    std::map<std::string, u64> counts;
    for (const auto& cache : guest.system().slab.caches) counts[cache.name] = cache.active_objects;
    return counts;
}

}  // namespace

TEST_CASE(
    "Kernel memory: a child has each of its structures in a slab, and a stack; its end gives them back") {
    Guest guest;
    guest.call(SYS_fork);  // warms the caches
    guest.call(SYS_wait4, -1, 0, 0, 0);
    guest.call(SYS_exit_group, 0);
    auto before = active(guest);
    const u64 stacks = guest.system().vmalloc.stacks;
    REQUIRE(guest.call(SYS_fork) > 0);
    auto with_child = active(guest);
    for (const char* one :
         {"task_struct", "signal_cache", "sighand_cache", "files_cache", "fs_cache", "pid"}) {
        INFO(one);
        CHECK(with_child[one] == before[one] + 1);
    }
    CHECK(with_child["vm_area_struct"] >= before["vm_area_struct"] + guest.mm().map_count());
    CHECK(guest.system().vmalloc.stacks == stacks + 1);
    guest.call(SYS_wait4, -1, 0, 0, 0);
    guest.call(SYS_exit_group, 0);  // the child's
    CHECK(active(guest) == before);
    CHECK(guest.system().vmalloc.stacks == stacks);
    CHECK(!guest.kernel().check());
}

TEST_CASE("Kernel memory: files, pipes and sockets are objects as long as a descriptor has them") {
    Guest guest;
    guest.call(SYS_close, guest.open("/dev/null"));  // the page for arguments is there from now on
    guest.write(0, guest.scratch);
    auto before = active(guest);
    const i64 file = guest.open("/dev/null");
    CHECK(active(guest)["filp"] == before["filp"] + 1);
    const i64 copy = guest.call(SYS_dup, file);
    CHECK(active(guest)["filp"] == before["filp"] + 1);
    guest.call(SYS_close, file);
    CHECK(active(guest)["filp"] == before["filp"] + 1);
    guest.call(SYS_close, copy);
    CHECK(active(guest) == before);
    REQUIRE(guest.call(SYS_pipe, guest.scratch) == 0);
    CHECK(active(guest)["pipe_buffer"] == before["pipe_buffer"] + 1);
    REQUIRE(guest.call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, guest.scratch + 8) == 0);
    CHECK(active(guest)["UNIX"] == before["UNIX"] + 2);
    CHECK(active(guest)["filp"] == before["filp"] + 4);
    for (int i = 0; i < 4; ++i)
        guest.call(SYS_close, guest.read<int>(guest.scratch + 4 * static_cast<u64>(i)));
    CHECK(active(guest) == before);
    CHECK(!guest.kernel().check());
}

TEST_CASE("proc: slabinfo, vmallocinfo and meminfo tell of slabs, stacks and vmalloc areas") {
    kernel::KernelConfig config;
    config.swap_bytes = 16u << 20;
    Guest guest(config);
    const std::string slabs = proc(guest, "slabinfo");
    CHECK(
        slabs.starts_with("slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> "));
    std::istringstream lines(slabs);
    std::string line, last;
    bool task = false;
    while (std::getline(lines, line)) {
        last = line;
        if (!line.starts_with("task_struct ")) continue;
        task = true;
        unsigned long long used, all, size, per_slab, pages;
        REQUIRE(std::sscanf(line.c_str(), "task_struct %llu %llu %llu %llu %llu : tunables", &used, &all,
                            &size, &per_slab, &pages) == 5);
        CHECK(used == 1);
        CHECK(all >= per_slab);
        CHECK(size * per_slab <= pages * 4096);
    }
    CHECK(task);
    CHECK(last.starts_with("kmalloc-8 "));
    const std::string areas = proc(guest, "vmallocinfo");
    CHECK(areas.starts_with("0xffffc90000000000-0x"));
    CHECK(areas.find("__do_sys_swapon pages=2 vmalloc N0=2\n") != std::string::npos);
    CHECK(areas.find("   20480 dup_task_struct pages=4 vmalloc N0=4\n") != std::string::npos);
    const std::string info = proc(guest, "meminfo");
    CHECK(info.find("KernelStack:          16 kB\n") != std::string::npos);
    CHECK(info.find("VmallocUsed:          24 kB\n") != std::string::npos);
    CHECK(info.find("Slab:                  0 kB\n") == std::string::npos);
}
