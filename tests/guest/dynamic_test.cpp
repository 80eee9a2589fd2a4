// Dynamic programs of the host's own: the interpreter that their ELF header names is loaded as Linux does,
// and does the rest.
#include <catch2/catch.hpp>

#include "tests/guest/compare.h"

using test::check_as_native;
using test::Words;

TEST_CASE("Dynamic programs: coreutils and their kin give what they give natively") {
    test::ProcessOptions options;
    for (int i = 0; i < 500; ++i) options.input += std::to_string(i * 7919 % 1009) + " line\n";
    for (const Words& guest : {Words{"/usr/bin/sort", "-n"},
                               {"/usr/bin/sha256sum"},
                               {"/usr/bin/wc"},
                               {"/usr/bin/tr", "0-9", "a-j"},
                               {"/usr/bin/cut", "-d", " ", "-f", "1"},
                               {"/usr/bin/grep", "-c", "1.*7"},
                               {"/usr/bin/sed", "-n", "s/9/<&>/gp"},
                               {"/usr/bin/printf", "%d %s %.3f\\n", "42", "text", "2.5"},
                               {"/usr/bin/factor", "123456789012345"}})
        check_as_native(guest, options);
}

TEST_CASE("Dynamic programs: bash interprets a script of its own builtins") {
    check_as_native(
        {"/bin/bash", "-c",
         "f() { local n=$1; (( n < 2 )) && r=$n && return; f $((n-1)); local a=$r; f $((n-2)); r=$((a+r)); };"
         "f 12; echo fib $r; declare -A m; for w in a b a c a; do m[$w]=$(( ${m[$w]:-0} + 1 )); done;"
         "for k in a b c; do printf '%s=%d ' $k ${m[$k]}; done; echo ${BASH_VERSINFO[0]} \"${PATH//:/ }\";"
         "[[ hello =~ ^h(.*)o$ ]] && echo ${BASH_REMATCH[1]}; exit 7"});
}

TEST_CASE("Dynamic programs: in a root without the interpreter they are refused by name") {
    test::TemporaryFolder folder;
    const std::string copy = folder.write("true", test::read_file("/bin/true"));
    REQUIRE(test::run({"/bin/chmod", "755", copy}).status == 0);
    const test::ProcessResult result = test::emulate({"run", "--root", folder.path()}, {"/true"});
    CHECK(result.status == 126);
    CHECK(result.err.find("ld-linux-x86-64.so.2") != std::string::npos);
}
