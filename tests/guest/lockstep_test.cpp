// Static programs in lockstep with native single steps (tests/lockstep).
#include "tests/support/process.h"

#include <catch2/catch.hpp>

namespace {

test::ProcessResult lockstep(const std::string& program, const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> command = {MMUSCOPE_LOCKSTEP, "--max", "30000", program};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return test::run(command);
}

void check_alike(const std::string& program, const std::vector<std::string>& arguments = {}) {
    const test::ProcessResult result = lockstep(program, arguments);
    INFO(program << "\n" << result.err);
    CHECK(result.status == 0);
    CHECK(result.err.find("instructions alike") != std::string::npos);
}

const std::string kGuests = MMUSCOPE_GUESTS "/";

}  // namespace

TEST_CASE("Lockstep: small programs leave the same state as the host CPU after each instruction") {
    for (const char* name : {"hello.musl", "hello.glibc", "tls.glibc", "args_env.musl"})
        check_alike(kGuests + name);
}

TEST_CASE("Lockstep: floating-point programs leave the same state as the host CPU after each instruction") {
    for (const char* name : {"float_print.glibc", "x87_printf.musl"}) check_alike(kGuests + name);
}

TEST_CASE("Lockstep: mapping calls, faults and signal handlers are followed") {
    for (const char* name : {"segv_handler.musl", "fpe_handler.musl", "brk_grow_shrink.musl",
                             "mprotect_jit.musl", "self_modifying.musl"})
        check_alike(kGuests + name);
}

TEST_CASE("Lockstep: busybox leaves the same state as the host CPU after each instruction") {
    check_alike("/bin/busybox", {"echo", "hello"});
}
