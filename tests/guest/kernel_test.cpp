// Signals and system calls of whole guests against the host's kernel: the same program, the same lines.
#include <catch2/catch.hpp>

#include "tests/guest/compare.h"

using test::check_as_native;
using test::TemporaryFolder;
using test::test_guest_path;

TEST_CASE("Kernel: faults, frames, masks, queues and timers as on the host") {
    TemporaryFolder folder;
    check_as_native({test_guest_path("signals.glibc"), folder.write("short", "short\n")}, {},
                    {"run", "--log", "error"});
}

TEST_CASE("Kernel: thousands of drawn system calls end as they do on the host") {
    for (const char* seed : {"1", "3", "5", "7"}) {
        TemporaryFolder folder;
        test::ProcessOptions options;
        options.directory = folder.path();
        check_as_native({test_guest_path("hostile_calls.glibc"), seed, "1500"}, options,
                        {"run", "--rw", folder.path()});
    }
}

TEST_CASE("Kernel: pipes, event descriptors, epoll and unix sockets answer as the host's") {
    check_as_native({test_guest_path("ipc.glibc")});
}

TEST_CASE("Kernel: dynamically linked programs of the host run through their interpreter") {
    TemporaryFolder folder;
    const std::string file = folder.write("numbers", "10\n9\n1\n");
    for (const test::Words& guest :
         {test::Words{"/usr/bin/sort", "-n", file},
          {"/bin/cat", file},
          {"/usr/bin/wc", "-l", file},
          {"/bin/sh", "-c", "i=0; while [ $i -lt 50 ]; do i=$((i+1)); done; echo $i"}})
        check_as_native(guest);
}
