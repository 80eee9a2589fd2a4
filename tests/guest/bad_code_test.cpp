// Instructions that cannot be executed: the exception, its address, and one log line that says why.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/guest/compare.h"

using test::ProcessResult;

TEST_CASE(
    "Bad code: undefined, too long and cut instructions raise the host's exceptions at the host's "
    "addresses") {
    test::check_as_native({test::test_guest_path("bad_code.glibc")});
}

TEST_CASE("Bad code: SIGILL comes with a log line that names bytes and mnemonic") {
    const ProcessResult result = test::emulate({"run"}, {test::guest_path("ill_handler.glibc")});
    INFO(result.err);
    CHECK(result.err.find("0f 0b") != std::string::npos);
    CHECK(result.err.find("ud2") != std::string::npos);
}

TEST_CASE("Bad code: each undefined encoding has one log line, a fault of memory has none") {
    const ProcessResult result = test::emulate({"run"}, {test::test_guest_path("bad_code.glibc")});
    INFO(result.err);
    constexpr int kUndefined = 5;  // different ones in bad_code.c
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == kUndefined);
    CHECK(result.err.find("06 f4") != std::string::npos);
}
