#include "tests/lockstep/tracee.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

#include "mmu/base/check.h"
#include "tests/support/xsave_area.h"

namespace tests {
namespace {

/// Of user_regs_struct, by encoding number.
constexpr auto kOrder = std::to_array<unsigned long long user_regs_struct::*>(
    {&user_regs_struct::rax, &user_regs_struct::rcx, &user_regs_struct::rdx, &user_regs_struct::rbx,
     &user_regs_struct::rsp, &user_regs_struct::rbp, &user_regs_struct::rsi, &user_regs_struct::rdi,
     &user_regs_struct::r8, &user_regs_struct::r9, &user_regs_struct::r10, &user_regs_struct::r11,
     &user_regs_struct::r12, &user_regs_struct::r13, &user_regs_struct::r14, &user_regs_struct::r15});

/// Larger than any XSAVE area of today's CPUs.
struct alignas(64) XstateBuffer {
    std::array<u8, 16384> bytes{};
    usize size = bytes.size();

    bool get(pid_t pid) {
        iovec vector{bytes.data(), bytes.size()};
        if (ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &vector) != 0) return false;
        size = vector.iov_len;
        return true;
    }
    bool set(pid_t pid) {
        iovec vector{bytes.data(), size};
        return ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &vector) == 0;
    }
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> result;
    for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
    result.push_back(nullptr);
    return result;
}

[[noreturn]] void become(const char* path, char* const* arguments, char* const* environment) {
    personality(ADDR_NO_RANDOMIZE);
    const rlimit stack{8u << 20, RLIM_INFINITY};
    setrlimit(RLIMIT_STACK, &stack);
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    execve(path, arguments, environment);
    _exit(127);
}

}  // namespace

Tracee::Tracee(const std::string& path, const std::vector<std::string>& arguments,
               const std::vector<std::string>& environment) {
    const auto argv = pointers(arguments), envp = pointers(environment);
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) become(path.c_str(), argv.data(), envp.data());
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) {
        error_ = path + ": cannot be started under ptrace";
        ended_ = true;
        return;
    }
    ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_EXITKILL);
    memory_ = open(("/proc/" + std::to_string(pid_) + "/mem").c_str(), O_RDWR | O_CLOEXEC);
    CHECK(memory_ >= 0);
}

Tracee::~Tracee() {
    if (!ended_) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    if (memory_ >= 0) close(memory_);
}

int Tracee::wait() {
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) {
        ended_ = true;
        return kEnded;
    }
    return WSTOPSIG(status);
}

int Tracee::step() {
    if (ended_ || ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) != 0) return kEnded;
    const int signal = wait();
    if (signal != SIGTRAP) return signal;
    siginfo_t info{};  // an INT3 of the program's own says SI_KERNEL
    ptrace(PTRACE_GETSIGINFO, pid_, nullptr, &info);
    return info.si_code == SI_KERNEL ? SIGTRAP : 0;
}

int Tracee::run_to(u64 address) {
    constexpr u8 kInt3 = 0xcc;
    u8 original = 0;
    if (ended_ || read(address, &original, 1) != 1 || write(address, &kInt3, 1) != 1) return kEnded;
    if (ptrace(PTRACE_CONT, pid_, nullptr, nullptr) != 0) return kEnded;
    const int signal = wait();
    if (signal == kEnded) return kEnded;
    write(address, &original, 1);
    user_regs_struct raw;
    CHECK(ptrace(PTRACE_GETREGS, pid_, nullptr, &raw) == 0);
    if (signal != SIGTRAP || raw.rip != address + 1) return signal;
    raw.rip = address;
    CHECK(ptrace(PTRACE_SETREGS, pid_, nullptr, &raw) == 0);
    return 0;
}

void Tracee::read_general(mmu::Registers& registers) const {
    user_regs_struct raw;
    CHECK(ptrace(PTRACE_GETREGS, pid_, nullptr, &raw) == 0);
    for (unsigned n = 0; n < 16; ++n) registers.gpr[n] = raw.*kOrder[n];
    registers.rip = raw.rip;
    registers.rflags = raw.eflags;
    registers.fs_base = raw.fs_base;
    registers.gs_base = raw.gs_base;
}

void Tracee::write_general(const mmu::Registers& registers) {
    user_regs_struct raw;
    CHECK(ptrace(PTRACE_GETREGS, pid_, nullptr, &raw) == 0);
    for (unsigned n = 0; n < 16; ++n) raw.*kOrder[n] = registers.gpr[n];
    raw.rip = registers.rip;
    raw.eflags = registers.rflags;
    raw.fs_base = registers.fs_base;
    raw.gs_base = registers.gs_base;
    raw.orig_rax = ~0ull;  // no system call that could be restarted
    CHECK(ptrace(PTRACE_SETREGS, pid_, nullptr, &raw) == 0);
}

void Tracee::read_vectors(mmu::Registers& registers) const {
    XstateBuffer buffer;
    CHECK(buffer.get(pid_));
    XsaveArea area;
    std::memcpy(&area, buffer.bytes.data(), sizeof area);
    load_fpu(area, area.components, registers);
}

void Tracee::write_vectors(const mmu::Registers& registers) {
    XstateBuffer buffer;
    CHECK(buffer.get(pid_));
    XsaveArea area;
    std::memcpy(&area, buffer.bytes.data(), sizeof area);
    const u64 others = area.components & ~XsaveComponent::kAll;
    store_fpu(registers, area);
    area.components = others | (buffer.size >= sizeof area ? XsaveComponent::kAll
                                                           : XsaveComponent::kX87 | XsaveComponent::kSse);
    std::memcpy(buffer.bytes.data(), &area, std::min(sizeof area, buffer.size));
    CHECK(buffer.set(pid_));
}

usize Tracee::read(u64 address, void* to, usize size) const {
    const ssize_t got = pread(memory_, to, size, static_cast<off_t>(address));
    return got < 0 ? 0 : static_cast<usize>(got);
}

usize Tracee::write(u64 address, const void* from, usize size) {
    const ssize_t put = pwrite(memory_, from, size, static_cast<off_t>(address));
    return put < 0 ? 0 : static_cast<usize>(put);
}

mmu::i64 Tracee::system_call(long number, const std::vector<u64>& arguments) {
    static constexpr mmu::Gpr kArguments[6] = {mmu::kRdi, mmu::kRsi, mmu::kRdx,
                                               mmu::kR10, mmu::kR8,  mmu::kR9};
    mmu::Registers saved, call;
    read_general(saved);
    call = saved;
    call.gpr[mmu::kRax] = static_cast<u64>(number);
    for (usize n = 0; n < arguments.size(); ++n) call.gpr[kArguments[n]] = arguments[n];
    write_general(call);
    CHECK(step() == 0, number);
    read_general(call);
    write_general(saved);
    return static_cast<mmu::i64>(call.gpr[mmu::kRax]);
}

void Tracee::unmap_special_areas() {
    std::ifstream maps("/proc/" + std::to_string(pid_) + "/maps");
    std::vector<std::pair<u64, u64>> areas;
    for (std::string line; std::getline(maps, line);) {
        unsigned long start = 0, end = 0;
        const bool special =
            line.find("[vdso]") != std::string::npos || line.find("[vvar") != std::string::npos;
        if (special && std::sscanf(line.c_str(), "%lx-%lx", &start, &end) == 2) areas.push_back({start, end});
    }
    for (const auto& [start, end] : areas) system_call(SYS_munmap, {start, end - start});
}

}  // namespace tests
