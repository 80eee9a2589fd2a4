// Protection keys in a whole guest. The program runs natively too where the host has them.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/guest/compare.h"

using test::test_guest_path;

namespace {

const char* const kExpected =
    "XSAVE component of 8 bytes\n"
    "begins with 0x55555554\n"
    "key 1, 0\n"
    "ProtectionKey:         1\n"
    "read 2, faults 0\n"
    "wrote 3, faults 1, code 4, key 1, in handler 0x55555554, in frame 0x55555558, after 0\n"
    "read 3, faults 2, code 4, key 1\n"
    "read() into it: -1 EFAULT\n"
    "read() into it: 10\n"
    "saved 0x5555aaa0, restored 0x5555aaa0\n"
    "initialised 0\n"
    "thread begins with 0x55555550\n"
    "still 0x55555550\n"
    "child begins with 0x55555550\n"
    "child freed the key: 0\n"
    "execute-only: 0 after 1 fault of code 4, key 2\n";

}  // namespace

TEST_CASE("Protection keys: a program sees them on a CPU that has them, and on no other") {
    for (const std::string library : {"glibc", "musl"}) {
        const std::string program = test_guest_path("pkeys." + library);
        if (!std::filesystem::exists(program)) continue;
        INFO(program);
        for (const std::string engine : {"interpreter", "auto"}) {
            const auto with =
                test::emulate({"run", "--cpu", "zen4", "--engine", engine, "--verify"}, {program});
            CHECK(with.out == kExpected);
            CHECK(with.status == 0);
        }
        const auto without = test::emulate({"run", "--cpu", "zen2"}, {program});
        CHECK(without.out == "no protection keys\n");
        const auto native = test::run({program});
        if (native.out == without.out)
            WARN("skipped: no PKU on this host");
        else
            CHECK(native.out == kExpected);
    }
}
