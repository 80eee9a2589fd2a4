// How it leaves: no stack is needed. Behind the instruction stands a jump through memory to the code that
// stores the registers at absolute addresses; a fault's handler takes them from the signal frame and makes
// the kernel return to the same way out. So nothing is unwound, and sanitizers have nothing to complain of.
#include "tests/support/host_cpu.h"

#include <asm/prctl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "mmu/base/check.h"
#include "tests/support/xsave_area.h"

namespace tests {
namespace {

using mmu::Registers;

/// Lives at a fixed address, because code that may use no register can reach nothing else. The assembly below
/// knows these offsets.
struct State {
    u64 gpr[16];     // 0
    u64 rflags;      // 128
    u64 entry;       // 136
    u64 exit;        // 144
    u64 host_rsp;    // 152
    u32 host_mxcsr;  // 160
    u32 host_fcw;    // 164
    u64 has_avx;     // 168
    u64 running;     // 176
    u64 host_fs;     // 184
    u64 fs_base;     // 192
    u64 gs_base;     // 200
    u64 loads_fs;    // 208
    u64 stack[38];   // 216..520
    alignas(64) XsaveArea fpu;
    HostCpu::Outcome outcome;
};
constexpr u64 kState = 0x3000'0000;
static_assert(offsetof(State, fpu) == 576);

State& state() {
    return *reinterpret_cast<State*>(kState);
}

extern "C" void mmuscope_host_enter();
extern "C" void mmuscope_host_exit();
extern "C" void mmuscope_host_resume();

asm(R"(
    .set STATE, 0x30000000
    .set FPU, STATE + 576
    .pushsection .text
    .globl mmuscope_host_enter, mmuscope_host_exit, mmuscope_host_resume
mmuscope_host_enter:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, STATE + 152
    stmxcsr STATE + 160
    fnstcw STATE + 164
    movl $7, %eax
    xorl %edx, %edx
    cmpq $0, STATE + 168
    je 1f
    xrstor64 FPU
    jmp 2f
1:  fxrstor64 FPU
2:  cmpq $0, STATE + 208
    je 3f
    rdfsbase %rax
    movq %rax, STATE + 184
    movq STATE + 192, %rax
    wrfsbase %rax
    movq STATE + 200, %rax
    wrgsbase %rax
3:  movl $STATE + 520, %esp
    pushq STATE + 128
    popfq
    movq STATE + 0, %rax
    movq STATE + 8, %rcx
    movq STATE + 16, %rdx
    movq STATE + 24, %rbx
    movq STATE + 40, %rbp
    movq STATE + 48, %rsi
    movq STATE + 56, %rdi
    movq STATE + 64, %r8
    movq STATE + 72, %r9
    movq STATE + 80, %r10
    movq STATE + 88, %r11
    movq STATE + 96, %r12
    movq STATE + 104, %r13
    movq STATE + 112, %r14
    movq STATE + 120, %r15
    movq STATE + 32, %rsp
    jmp *STATE + 136

mmuscope_host_exit:
    movq %rsp, STATE + 32
    movl $STATE + 520, %esp
    pushfq
    popq STATE + 128
    pushq $2
    popfq
    movq %rax, STATE + 0
    movq %rcx, STATE + 8
    movq %rdx, STATE + 16
    movq %rbx, STATE + 24
    movq %rbp, STATE + 40
    movq %rsi, STATE + 48
    movq %rdi, STATE + 56
    movq %r8, STATE + 64
    movq %r9, STATE + 72
    movq %r10, STATE + 80
    movq %r11, STATE + 88
    movq %r12, STATE + 96
    movq %r13, STATE + 104
    movq %r14, STATE + 112
    movq %r15, STATE + 120
    cmpq $0, STATE + 208
    je 3f
    rdfsbase %rax
    movq %rax, STATE + 192
    rdgsbase %rax
    movq %rax, STATE + 200
    movq STATE + 184, %rax
    wrfsbase %rax
3:  movl $7, %eax
    xorl %edx, %edx
    cmpq $0, STATE + 168
    je 1f
    xsave64 FPU
    vzeroupper
    jmp mmuscope_host_resume
1:  fxsave64 FPU
mmuscope_host_resume:
    fninit
    fldcw STATE + 164
    ldmxcsr STATE + 160
    movq STATE + 152, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    retq
    .popsection
)");

/// Where ucontext keeps the registers, by encoding number.
constexpr int kContextIndex[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

/// The floating-point state of a signal frame, which is XSAVE's where the kernel says so (Linux:
/// arch/x86/include/uapi/asm/sigcontext.h, struct _fpx_sw_bytes).
void load_frame_fpu(const void* frame, Registers& to) {
    struct SoftwareBytes {
        u32 magic, extended_size;
        u64 components;
    } software;
    constexpr u32 kMagic = 0x46505853;
    std::memcpy(&software, static_cast<const u8*>(frame) + 464, sizeof software);
    XsaveArea area{};
    if (software.magic != kMagic) {
        std::memcpy(&area, frame, 512);
        return load_fpu(area, XsaveComponent::kX87 | XsaveComponent::kSse, to);
    }
    std::memcpy(&area, frame,
                software.components & XsaveComponent::kAvx ? sizeof area : offsetof(XsaveArea, ymm_high));
    load_fpu(area, area.components & software.components, to);
}

/// RFLAGS.AC makes misaligned references fault, the handler's too.
[[gnu::always_inline]] inline void clear_alignment_check() {
    asm volatile(
        "leaq -128(%%rsp), %%rsp\n\tpushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq\n\tleaq 128(%%rsp), %%rsp" ::
            : "cc", "memory");
}

/// The instruction's FS base is no thread pointer: nothing that needs one may come before this.
[[gnu::always_inline]] inline void restore_thread_pointer() {
    if (state().running && state().loads_fs) asm volatile("wrfsbase %0" : : "r"(state().host_fs) : "memory");
}

__attribute__((no_sanitize("address", "undefined"), no_stack_protector)) void on_signal(int signal,
                                                                                        siginfo_t* info,
                                                                                        void* raw) {
    restore_thread_pointer();
    clear_alignment_check();
    if (!state().running) {  // not ours: the host program's own, which ends it
        struct sigaction fallback {};
        fallback.sa_handler = SIG_DFL;
        sigaction(signal, &fallback, nullptr);
        return;
    }
    auto* context = static_cast<ucontext_t*>(raw);
    auto& saved = context->uc_mcontext.gregs;
    HostCpu::Outcome& out = state().outcome;
    for (unsigned i = 0; i < 16; ++i) out.registers.gpr[i] = static_cast<u64>(saved[kContextIndex[i]]);
    out.registers.rip = static_cast<u64>(saved[REG_RIP]);
    out.registers.rflags =
        static_cast<u64>(saved[REG_EFL]) & ~mmu::Rflags::kRf;  // faults set RF in the frame
    load_frame_fpu(context->uc_mcontext.fpregs, out.registers);
    out.signal = signal;
    out.code = info->si_code;
    out.trapno = static_cast<u64>(saved[REG_TRAPNO]);
    out.error = static_cast<u64>(saved[REG_ERR]);
    out.address = static_cast<u64>(saved[REG_CR2]);
    saved[REG_RIP] = reinterpret_cast<greg_t>(&mmuscope_host_resume);
    saved[REG_EFL] = 2;
}

void* map_at(u64 address, u64 size, int protection) {
    void* p = mmap(reinterpret_cast<void*>(address), size, protection,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(p == reinterpret_cast<void*>(address), address, reinterpret_cast<u64>(p));
    return p;
}

/// Out of the way of what a test's RSP is likely to be: with RSP in it the kernel would go on there.
constexpr u64 kSignalStack = 0x2a5c'93d7'0000, kSignalStackSize = 0x2'0000;
constexpr u8 kInt3 = 0xcc;

}  // namespace

HostCpu::HostCpu() {
    static_assert(sizeof(State) <= 4096);
    map_at(kCode, kCodeSize, PROT_READ | PROT_WRITE | PROT_EXEC);
    map_at(kData, kDataSize, PROT_READ | PROT_WRITE);
    map_at(kGuard, kGuardSize, PROT_NONE);
    map_at(kState, 4096, PROT_READ | PROT_WRITE);
    map_at(kSignalStack, kSignalStackSize, PROT_READ | PROT_WRITE);
    std::memset(reinterpret_cast<void*>(kCode), kInt3, kCodeSize);
    state().exit = reinterpret_cast<u64>(&mmuscope_host_exit);
    state().has_avx = __builtin_cpu_supports("avx") ? 1 : 0;
    state().loads_fs = loads_fs() ? 1 : 0;

    stack_t stack{};
    stack.ss_sp = reinterpret_cast<void*>(kSignalStack);
    stack.ss_size = kSignalStackSize;
    CHECK(sigaltstack(&stack, &old_stack_) == 0);
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (unsigned i = 0; i < std::size(kSignals); ++i)
        CHECK(sigaction(kSignals[i], &action, &old_actions_[i]) == 0);
}

bool HostCpu::loads_fs() {
    constexpr unsigned long kFsgsbase = 1 << 1;  // Linux: arch/x86/include/uapi/asm/hwcap2.h
    return getauxval(AT_HWCAP2) & kFsgsbase;
}

HostCpu::~HostCpu() {
    syscall(SYS_arch_prctl, ARCH_SET_GS, 0);
    for (unsigned i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &old_actions_[i], nullptr);
    sigaltstack(&old_stack_, nullptr);
    munmap(reinterpret_cast<void*>(kCode), kCodeSize);
    munmap(reinterpret_cast<void*>(kData), kDataSize + kGuardSize);
    munmap(reinterpret_cast<void*>(kState), 4096);
    munmap(reinterpret_cast<void*>(kSignalStack), kSignalStackSize);
}

HostCpu::Outcome HostCpu::run(std::span<const u8> bytes, const Registers& before) {
    constexpr u8 kJumpToExit[] = {0xff, 0x24, 0x25, 0x90, 0x00, 0x00, 0x30};  // jmp *kState + 144
    CHECK(before.rip >= kCode && before.rip - kCode <= kCodeSize - 32 && bytes.size() <= 16, before.rip);
    CHECK((before.rflags & mmu::Rflags::kTf) == 0);
    u8* const code = reinterpret_cast<u8*>(before.rip);
    const u64 end = before.rip + bytes.size();
    std::memcpy(code, bytes.data(), bytes.size());
    std::memcpy(code + bytes.size(), kJumpToExit, sizeof kJumpToExit);

    if (!state().loads_fs && before.gs_base != gs_base_) {
        CHECK(syscall(SYS_arch_prctl, ARCH_SET_GS, before.gs_base) == 0, before.gs_base);
        gs_base_ = before.gs_base;
    }

    State& s = state();
    std::memcpy(s.gpr, before.gpr.data(), sizeof s.gpr);
    s.rflags = before.rflags;
    s.entry = before.rip;
    s.fs_base = before.fs_base;
    s.gs_base = before.gs_base;
    s.fpu = XsaveArea{};
    store_fpu(before, s.fpu);
    s.outcome = Outcome{};
    s.running = 1;
    mmuscope_host_enter();
    s.running = 0;

    Outcome& out = s.outcome;
    if (out.signal == 0) {
        std::memcpy(out.registers.gpr.data(), s.gpr, sizeof s.gpr);
        out.registers.rip = end;
        out.registers.rflags = s.rflags;
        const u64 all = XsaveComponent::kAll;
        load_fpu(s.fpu, s.has_avx ? s.fpu.components : all, out.registers);
    } else if (out.signal == SIGTRAP && out.registers.rip != end) {  // a branch to the filling
        out.registers.rip -= 1;
        out.signal = out.code = 0;
        out.trapno = 0;
        s.fs_base = before.fs_base;
        s.gs_base = before.gs_base;
    }
    std::memset(code, kInt3, bytes.size() + sizeof kJumpToExit);
    const bool changed = s.loads_fs && out.signal == 0;
    out.registers.fs_base = changed ? s.fs_base : before.fs_base;
    out.registers.gs_base = changed ? s.gs_base : before.gs_base;
    return out;
}

}  // namespace tests
