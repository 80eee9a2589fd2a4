// The table of system calls against the host's <asm/unistd_64.h>.
#include <sys/syscall.h>

#include <fstream>
#include <map>
#include <sstream>

#include "kernel/syscall_table.h"
#include "tests/kernel_sys/guest.h"

using namespace sys_test;

TEST_CASE("Syscall table: rows ascend and each number is there once") {
    const auto [first, last] = kernel::syscall_rows();
    REQUIRE(last - first > 350);
    for (const auto* row = first; row + 1 < last; ++row) CHECK(row[0].number < row[1].number);
    for (const auto* row = first; row < last; ++row) {
        CHECK(kernel::find_syscall(row->number) == row);
        CHECK((row->function == nullptr) == (row->support == kernel::Support::kNone));
    }
    CHECK(kernel::find_syscall(335) == nullptr);
    CHECK(kernel::find_syscall(~u64{0}) == nullptr);
}

TEST_CASE("Syscall table: names and numbers are those of the host's header") {
    std::map<std::string, unsigned> host;
    for (const char* path :
         {"/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"}) {
        std::ifstream header(path);
        for (std::string line; std::getline(header, line);) {
            std::istringstream words(line);
            std::string define, name;
            unsigned number = 0;
            if (words >> define >> name >> number && define == "#define" && name.rfind("__NR_", 0) == 0)
                host[name.substr(5)] = number;
        }
    }
    if (host.empty()) return;  // no Linux headers here
    for (const auto& [name, number] : host) {
        const auto* row = kernel::find_syscall(number);
        INFO(name << " " << number);
        REQUIRE(row);
        CHECK(row->name == name);
    }
}

TEST_CASE("Syscall: a number that Linux does not have is ENOSYS, one that is not supported too") {
    Guest guest;
    CHECK(guest.call(100000) == -ENOSYS);
    CHECK(guest.call(-1) == -ENOSYS);
    CHECK(guest.call(SYS_ptrace, 0, 0, 0, 0) == -ENOSYS);
    CHECK(guest.registers.gpr[mmu::kRcx] == guest.registers.rip);
    CHECK(guest.registers.gpr[mmu::kR11] == guest.registers.rflags);
}

TEST_CASE("Syscall: every call with hostile arguments answers a value or a Linux errno and harms nobody") {
    mmu::Rng rng(7);
    auto guest = std::make_unique<Guest>();
    const auto [first, last] = kernel::syscall_rows();
    const u64 interesting[] = {0,
                               1,
                               2,
                               3,
                               7,
                               0xfff,
                               4096,
                               0x7fffffff,
                               0x80000000,
                               0xffffffff,
                               ~u64{0},
                               ~u64{0} - 4095,
                               u64{1} << 63,
                               0x7fffffffefff,
                               0x7ffffffff000,
                               0xffff800000000000,
                               guest->scratch,
                               guest->scratch + 16 * 4096 - 3,
                               0x402100,
                               0x400000};
    for (int round = 0; round < 60; ++round) {
        for (const auto* row = first; row < last; ++row) {
            const std::string name = row->name;
            // They end the guest, wait for ever by right, or wait for the test's own input.
            if (name == "exit" || name == "exit_group" || name == "pause" || name == "rt_sigsuspend")
                continue;
            if (name == "kill" || name == "tkill" || name == "tgkill" || name == "rt_sigqueueinfo") continue;
            if (name == "rt_sigtimedwait" || name == "rt_sigreturn" || name == "futex" || name == "execve")
                continue;
            if (name.find("poll") != std::string::npos || name.find("select") != std::string::npos) continue;
            if (name == "read" || name == "readv" || name == "preadv2" || name == "flock" || name == "fcntl")
                continue;
            if (name == "write" || name == "writev" || name == "pwritev2" || name == "sendfile" ||
                name == "ioctl")
                continue;
            if (name == "setitimer" || name == "alarm" || name == "rt_sigprocmask") continue;
            if (guest->kernel().exit_status()) guest = std::make_unique<Guest>();
            u64 arguments[6];
            for (u64& a : arguments) a = interesting[rng.below(std::size(interesting))];
            const i64 result = guest->call(row->number, arguments[0], arguments[1], arguments[2],
                                           arguments[3], arguments[4], arguments[5]);
            INFO(name);
            if (!guest->kernel().exit_status() && result < 0 && result > -4096) CHECK(-result <= 133);
        }
    }
}
