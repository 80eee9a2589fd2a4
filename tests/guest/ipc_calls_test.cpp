// Calls between processes and with the file system: System V and POSIX queues, inotify, against the host's
// Linux.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "tests/guest/compare.h"

using test::test_guest_path;
using test::Words;

TEST_CASE("IPC: semaphores and message queues answer as natively") {
    for (const char* libc : {"sysv_ipc.glibc", "sysv_ipc.musl"})
        if (access(test_guest_path(libc).c_str(), X_OK) == 0) test::check_as_native({test_guest_path(libc)});
}

TEST_CASE("Waiting: what wakes epoll's items, and whom SIGIO tells of what, is as natively") {
    test::check_as_native({test_guest_path("readiness.glibc")});
}

TEST_CASE("inotify: a program hears of its own doings what it hears natively") {
    const test::TemporaryFolder folder;
    test::check_as_native({test_guest_path("inotify.glibc"), folder.path()}, {},
                          {"run", "--rw", folder.path()});
}

TEST_CASE("inotify: what another program adds to a file reaches who waits for it") {
    const test::TemporaryFolder folder;
    const std::string log = folder.write("log", "");
    std::thread writer([&] {
        for (const char* line : {"first\n", "second\n"}) {
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
            std::ofstream(log, std::ios::app) << line;
        }
    });
    const test::ProcessResult followed =
        test::emulate({"run"}, {test_guest_path("inotify.glibc"), folder.path(), "follow"});
    writer.join();
    CHECK(followed.out == "ready\nfirst\nsecond\n");
    CHECK(followed.status == 0);
}
