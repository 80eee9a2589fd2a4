// The host's kernel judges the faults of whole programs (emu/diff).
#include <catch2/catch.hpp>

#include "tests/guest/compare.h"

namespace {

/// False: this host lets nobody read its page faults.
bool refused(const test::ProcessResult& result) {
    if (result.err.find("perf events cannot be read") == std::string::npos) return false;
    WARN("skipped: no perf events on this host");
    return true;
}

}  // namespace

TEST_CASE("diff-host: musl's guests fault as on the host, address for address") {
    for (const char* name :
         {"hello.musl", "brk_grow_shrink.musl", "zero_page_upgrade.musl", "stack_growth.musl",
          "private_file.musl", "segv_handler.musl", "mprotect_jit.musl", "mremap_move.musl"}) {
        const auto result = test::emulate({"diff-host"}, {test::guest_path(name)});
        if (refused(result)) return;
        INFO(name << "\n" << result.err);
        CHECK(result.status == 0);
        CHECK(result.out.empty());
        CHECK(result.err.find("divergences                              0\n") != std::string::npos);
    }
}

TEST_CASE("diff-host: a fault that only one side takes is found") {
    // This guest is ended here before it has run to its end.
    const auto result = test::emulate({"diff-host", "--max-instructions", "1000"},
                                      {test::guest_path("brk_grow_shrink.musl")});
    if (refused(result)) return;
    INFO(result.err);
    CHECK(result.status == 1);
    CHECK(result.err.find("the first divergence\n  host #") != std::string::npos);
    CHECK(result.err.find("exit status: 0 on the host") != std::string::npos);
}

TEST_CASE("diff-host: a program that is not there is the shell's 127, one that is none 126") {
    const auto missing = test::emulate({"diff-host"}, {"/nonexistent"});
    if (refused(missing)) return;
    CHECK(missing.status == 127);
    CHECK(missing.err == "mmuscope: /nonexistent: No such file or directory\n");
    CHECK(test::emulate({"diff-host"}, {"/etc/passwd"}).status == 126);
    CHECK(test::emulate({"diff-host", "--no-files"}, {"/bin/true"}).status == 125);
}
