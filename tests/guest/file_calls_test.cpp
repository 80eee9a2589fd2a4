// Drawn sequences of calls on files, pipes and sockets: each call's outcome is the host's.
// tests/tools/file_calls goes on with other seeds.
#include <catch2/catch.hpp>

#include "tests/guest/compare.h"

using test::test_guest_path;

TEST_CASE("Files: drawn sequences of calls have the outcomes that they have natively") {
    for (const char* seed : {"1", "2", "3", "4", "5", "6"}) {
        const test::TemporaryFolder native_folder, folder;
        const std::string program = test_guest_path("file_calls.glibc");
        const test::ProcessResult native = test::run({program, native_folder.path(), seed, "2000"});
        const test::ProcessResult here =
            test::emulate({"run", "--rw", folder.path()}, {program, folder.path(), seed, "2000"});
        INFO("seed " << seed << "\nstderr: " << here.err);
        REQUIRE(native.status == 0);
        CHECK(here.status == native.status);
        std::size_t at = 0;
        while (at < native.out.size() && at < here.out.size() && native.out[at] == here.out[at]) ++at;
        const std::size_t line = native.out.rfind('\n', at) + 1;
        INFO("native: " << native.out.substr(line, 200) << "\nhere:   " << here.out.substr(line, 200));
        CHECK(here.out == native.out);
    }
}

TEST_CASE("Files: RLIMIT_FSIZE, holes, O_PATH, O_TMPFILE and clone3's rarer arguments are as natively") {
    const test::TemporaryFolder native_folder, folder;
    const std::string program = test_guest_path("file_limits.glibc");
    const test::ProcessResult native = test::run({program, native_folder.path()});
    const test::ProcessResult here = test::emulate({"run", "--rw", folder.path()}, {program, folder.path()});
    CHECK(native.status == 0);
    CHECK(here.status == native.status);
    CHECK(here.out == native.out);
}

TEST_CASE("Files: openat2 keeps a walk where its RESOLVE flags want it, as natively") {
    const test::TemporaryFolder folder;
    test::check_as_native({test_guest_path("resolve.glibc"), folder.path()}, {},
                          {"run", "--rw", folder.path()});
}
