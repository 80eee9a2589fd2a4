// Programs of the host's own at each level of the x86-64 instruction set: their C library chooses other
// functions, their output stays what it is natively.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/guest/compare.h"

using test::check_as_native;
using test::Words;

namespace {

/// Levels that this build has whole; the list is the program's own.
Words levels() {
    const test::ProcessResult list = test::run({MMUSCOPE_PROGRAM, "cpu", "list"});
    Words found;
    for (const char* level : {"x86-64-v1", "x86-64-v2", "x86-64-v3"}) {
        const auto at = list.out.find(level);
        const std::string line = list.out.substr(at, list.out.find('\n', at) - at);
        if (at != std::string::npos && line.find("not implemented") == std::string::npos)
            found.push_back(level);
    }
    return found;
}

void check_at_each_level(const Words& guest, const test::ProcessOptions& options = {}) {
    if (!std::filesystem::exists(guest[0])) {
        WARN("skipped: no " << guest[0] << " on this host");
        return;
    }
    for (const std::string& level : levels()) {
        INFO(level);
        check_as_native(guest, options, {"run", "--cpu", level});
    }
}

std::string lines(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += std::to_string(i * 7919 % 1009) + " some text, some more\n";
    return text;
}

}  // namespace

TEST_CASE("CPU levels: x86-64-v1 and v2 are there, and a level that is not whole is refused") {
    CHECK(levels().size() >= 2);
    const test::ProcessResult none = test::emulate({"run", "--cpu", "x86-64-v9"}, {"/bin/true"});
    CHECK(none.status == 125);
    CHECK(none.err.find("--cpu: 'x86-64-v9' is none of x86-64-v1") != std::string::npos);
}

TEST_CASE("CPU levels: busybox gives its native output at each") {
    test::ProcessOptions options;
    options.input = lines(300);
    check_at_each_level({test::kBusybox, "sort", "-n"}, options);
    check_at_each_level({test::kBusybox, "sha256sum"}, options);
    check_at_each_level({test::kBusybox, "awk", "{ s += $1 * 1.5 } END { printf \"%.3f %d\\n\", s / 7, NR }"},
                        options);
    check_at_each_level({test::kBusybox, "grep", "-c", "7.*som"}, options);
}

TEST_CASE("CPU levels: bash gives its native output at each") {
    check_at_each_level({"/bin/bash", "-c",
                         "s=; for i in {1..60}; do s+=\"x$((i * i % 17))\"; done; echo ${#s} ${s//x1/y};"
                         "[[ $s =~ (x4)+ ]] && echo ${BASH_REMATCH[0]}; printf '%.2f %x\\n' 2.625 255"});
}

TEST_CASE("CPU levels: xz gives its native output at each") {
    test::ProcessOptions options;
    options.input = lines(400);
    check_at_each_level({"/usr/bin/xz", "-1", "-c"}, options);
}

TEST_CASE("CPU levels: openssl gives its native output at each") {
    test::ProcessOptions options;
    options.input = lines(100);
    check_at_each_level({"/usr/bin/openssl", "dgst", "-sha1"}, options);
    check_at_each_level({"/usr/bin/openssl", "enc", "-aes-128-cbc", "-nosalt", "-K",
                         "000102030405060708090a0b0c0d0e0f", "-iv", "000102030405060708090a0b0c0d0e0f", "-a"},
                        options);
}

TEST_CASE("CPU levels: python gives its native output at each") {
    check_at_each_level({"/usr/bin/python3", "-I", "-S", "-c",
                         "import math; print(sum(math.floor(x * 1.7) for x in range(2000)), 'abc'.find('c'),"
                         " 3 ** 200, '%.17g' % math.sin(1.0), sorted('a quick brown fox'.split()))"});
}

TEST_CASE("CPU levels: the C compiler proper gives its native output at each") {
    test::ProcessOptions options;
    options.input = "int f(int a, double b) { return a * 3 + (int)(b / 2.5); }\n";
    check_at_each_level({"/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "-quiet", "-O1", "-o", "-", "-"}, options);
}
