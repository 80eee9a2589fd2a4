// The signal frame against the host's own headers, and the rules of delivery.
#include <signal.h>
#include <sys/ucontext.h>
#include <ucontext.h>

#include <cstddef>

#include "kernel/signal.h"
#include "kernel/signal_frame.h"
#include "kernel/trap.h"
#include "tests/kernel_sys/guest.h"

using namespace sys_test;
using kernel::RtSigframe;
using kernel::SigAction;
using kernel::Sigcontext;
using kernel::Ucontext;

// The C library's ucontext_t begins like the kernel's; its sigset is longer.
static_assert(offsetof(Ucontext, uc_link) == offsetof(ucontext_t, uc_link));
static_assert(offsetof(Ucontext, ss_sp) == offsetof(ucontext_t, uc_stack));
static_assert(offsetof(Ucontext, ss_size) == offsetof(ucontext_t, uc_stack) + offsetof(stack_t, ss_size));
static_assert(offsetof(Ucontext, uc_mcontext) == offsetof(ucontext_t, uc_mcontext));
static_assert(offsetof(Ucontext, uc_sigmask) == offsetof(ucontext_t, uc_sigmask));
static_assert(sizeof(Sigcontext) == sizeof(mcontext_t));
static_assert(offsetof(Sigcontext, r8) == REG_R8 * 8);
static_assert(offsetof(Sigcontext, r15) == REG_R15 * 8);
static_assert(offsetof(Sigcontext, di) == REG_RDI * 8);
static_assert(offsetof(Sigcontext, si) == REG_RSI * 8);
static_assert(offsetof(Sigcontext, bp) == REG_RBP * 8);
static_assert(offsetof(Sigcontext, bx) == REG_RBX * 8);
static_assert(offsetof(Sigcontext, dx) == REG_RDX * 8);
static_assert(offsetof(Sigcontext, ax) == REG_RAX * 8);
static_assert(offsetof(Sigcontext, cx) == REG_RCX * 8);
static_assert(offsetof(Sigcontext, sp) == REG_RSP * 8);
static_assert(offsetof(Sigcontext, ip) == REG_RIP * 8);
static_assert(offsetof(Sigcontext, flags) == REG_EFL * 8);
static_assert(offsetof(Sigcontext, cs) == REG_CSGSFS * 8);
static_assert(offsetof(Sigcontext, err) == REG_ERR * 8);
static_assert(offsetof(Sigcontext, trapno) == REG_TRAPNO * 8);
static_assert(offsetof(Sigcontext, oldmask) == REG_OLDMASK * 8);
static_assert(offsetof(Sigcontext, cr2) == REG_CR2 * 8);
static_assert(offsetof(Sigcontext, fpstate) == offsetof(mcontext_t, fpregs));
static_assert(sizeof(kernel::SiginfoBytes) == sizeof(siginfo_t));
static_assert(offsetof(siginfo_t, si_addr) == 16 && offsetof(siginfo_t, si_pid) == 16);
static_assert(offsetof(siginfo_t, si_uid) == 20 && offsetof(siginfo_t, si_value) == 24);
static_assert(sizeof(kernel::FxsaveImage) == sizeof(struct _libc_fpstate));

namespace {

constexpr u64 kHandler = 0x401040, kRestorer = 0x401050;

i64 set_action(Guest& guest, int signal, u64 handler, u64 flags, u64 mask = 0) {
    guest.write(SigAction{handler, flags | kernel::kSaRestorer, kRestorer, mask}, guest.scratch + 30000);
    return guest.call(SYS_rt_sigaction, signal, guest.scratch + 30000, 0, 8);
}

mmu::Fault fault_of(mmu::Vector vector, u64 code = 0, u64 address = 0) {
    return {vector, static_cast<u32>(code), mmu::VirtAddr{address}};
}

}  // namespace

TEST_CASE("Signal frame: registers, masks and addresses as Linux lays them") {
    Guest guest;
    REQUIRE(set_action(guest, SIGSEGV, kHandler, kernel::kSaSigInfo) == 0);
    mmu::Registers before = guest.registers;
    before.rip = 0x401010;
    for (unsigned i = 0; i < 16; ++i) {
        if (i != mmu::kRsp) before.gpr[i] = 0x1111 * i;
        before.vector[i].bytes[3] = static_cast<u8>(i);
    }
    before.rflags |= mmu::Rflags::kDf | mmu::Rflags::kCf;
    before.mxcsr = 0x1fa0;
    before.x87.top = 5;
    before.x87.valid = 0xe0;
    before.x87.physical[5].significand = 42;
    guest.registers = before;
    guest.kernel().handle_fault(fault_of(mmu::Vector::kPageFault, 6, 0x12345678), guest.registers, 1);

    const u64 sp = guest.registers.gpr[mmu::kRsp];
    CHECK(sp % 16 == 8);
    CHECK(sp < before.gpr[mmu::kRsp] - 128);
    CHECK(guest.registers.rip == kHandler);
    CHECK(guest.registers.gpr[mmu::kRdi] == SIGSEGV);
    CHECK(guest.registers.gpr[mmu::kRax] == 0);
    CHECK(guest.registers.gpr[mmu::kRsi] == sp + offsetof(RtSigframe, info));
    CHECK(guest.registers.gpr[mmu::kRdx] == sp + offsetof(RtSigframe, uc));
    CHECK(!(guest.registers.rflags & mmu::Rflags::kDf));
    CHECK(guest.registers.mxcsr == 0x1f80);
    const auto frame = guest.read<RtSigframe>(sp);
    CHECK(frame.pretcode == kRestorer);
    CHECK(frame.uc.uc_flags == 6);
    CHECK(frame.uc.uc_mcontext.r12 == before.gpr[mmu::kR12]);
    CHECK(frame.uc.uc_mcontext.ip == before.rip);
    CHECK(frame.uc.uc_mcontext.flags == before.rflags);
    CHECK(frame.uc.uc_mcontext.cs == 0x33);
    CHECK(frame.uc.uc_mcontext.ss == 0x2b);
    CHECK(frame.uc.uc_mcontext.err == 6);
    CHECK(frame.uc.uc_mcontext.trapno == 14);
    CHECK(frame.uc.uc_mcontext.cr2 == 0x12345678);
    CHECK(frame.uc.uc_mcontext.fpstate % 64 == 0);
    CHECK(guest.task().signals.blocked == kernel::sigmask_of(SIGSEGV));

    siginfo_t info;
    std::memcpy(&info, frame.info.bytes, sizeof info);
    CHECK(info.si_signo == SIGSEGV);
    CHECK(info.si_code == SEGV_MAPERR);
    CHECK(reinterpret_cast<u64>(info.si_addr) == 0x12345678);

    // And back: the handler's RET has taken pretcode.
    guest.registers.gpr[mmu::kRsp] = sp + 8;
    guest.call(SYS_rt_sigreturn);
    CHECK(guest.registers == before);
    CHECK(guest.task().signals.blocked == 0);
}

TEST_CASE("Signal frame: FXSAVE's image agrees with the host's instruction") {
    alignas(16) u8 host[512] = {};
    const unsigned mxcsr = 0x1fa0;
    const unsigned short control = 0x27f;
    alignas(16) u8 saved[512];
    asm volatile("fxsave64 %0" : "=m"(saved));
    asm volatile(
        "fninit\n fldcw %1\n fld1\n fldpi\n ldmxcsr %2\n pcmpeqd %%xmm3, %%xmm3\n fxsave64 %0\n fxrstor64 %3"
        : "=m"(host)
        : "m"(control), "m"(mxcsr), "m"(saved));
    kernel::FxsaveImage image;
    std::memcpy(image.bytes, host, sizeof host);
    mmu::Registers registers;
    kernel::load_fxsave_image(image, registers);
    CHECK(registers.mxcsr == mxcsr);
    CHECK(registers.x87.control == control);
    CHECK(registers.x87.top == 6);
    CHECK(registers.x87.valid == 0xc0);
    CHECK(registers.x87.physical[7].significand == u64{1} << 63);
    CHECK(registers.vector[3].bytes[15] == 0xff);
    const auto again = kernel::fxsave_image(registers);
    CHECK(std::memcmp(again.bytes + 2, host + 2, 22) == 0);
    CHECK(std::memcmp(again.bytes + 32, host + 32, 416 - 32) == 0);
}

TEST_CASE("Signals: exceptions have Linux's numbers, codes and addresses") {
    struct Row {
        mmu::Vector vector;
        u32 error;
        int signal, code;
        bool at_rip;
        u64 trapno;
    };
    using enum mmu::Vector;
    const Row rows[] = {{kDivideError, 0, SIGFPE, FPE_INTDIV, true, 0},
                        {kBreakpoint, 0, SIGTRAP, SI_KERNEL, false, 3},
                        {kInvalidOpcode, 0, SIGILL, ILL_ILLOPN, true, 6},
                        {kGeneralProtection, 0, SIGSEGV, SI_KERNEL, false, 13},
                        {kGeneralProtection, 0x40a, SIGSEGV, SI_KERNEL, false, 13},
                        {kStackFault, 0, SIGBUS, SI_KERNEL, false, 12},
                        {kAlignmentCheck, 0, SIGBUS, BUS_ADRALN, false, 17},
                        {kBoundRange, 0, SIGSEGV, SI_KERNEL, false, 5}};
    mmu::Registers registers;
    registers.rip = 0x401234;
    for (const Row& row : rows) {
        const auto trap = kernel::trap_signal(fault_of(row.vector, row.error), registers);
        REQUIRE(trap);
        CHECK(trap->info.signo == row.signal);
        CHECK(trap->info.code == row.code);
        CHECK(trap->info.address == (row.at_rip ? registers.rip : 0));
        CHECK(trap->trap_nr == row.trapno);
        CHECK(trap->error_code == row.error);
    }
    registers.mxcsr = 0x1f80 & ~0x200u;  // divide by zero unmasked
    CHECK(!kernel::trap_signal(fault_of(kSimdFloatingPoint), registers));
    registers.mxcsr |= 4;
    CHECK(kernel::trap_signal(fault_of(kSimdFloatingPoint), registers)->info.code == FPE_FLTDIV);
    registers.x87.control = 0x37f & ~1;
    registers.x87.status = 1;
    CHECK(kernel::trap_signal(fault_of(kX87FloatingPoint), registers)->info.code == FPE_FLTINV);
}

TEST_CASE("Signals: a fault whose signal is blocked or ignored ends the guest") {
    for (const bool blocked : {true, false}) {
        Guest guest;
        REQUIRE(set_action(guest, SIGSEGV, blocked ? kHandler : kernel::kSigIgn, 0) == 0);
        if (blocked) {
            guest.write(kernel::sigmask_of(SIGSEGV), guest.scratch);
            REQUIRE(guest.call(SYS_rt_sigprocmask, SIG_BLOCK, guest.scratch, 0, 8) == 0);
        }
        guest.kernel().handle_fault(fault_of(mmu::Vector::kPageFault, 4, 8), guest.registers, 1);
        REQUIRE(guest.kernel().exit_status());
        CHECK(guest.kernel().exit_status()->killed_by == SIGSEGV);
        CHECK(guest.kernel().exit_status()->shell_status() == 139);
    }
}

TEST_CASE("Signals: no room for the frame ends the guest with SIGSEGV") {
    Guest guest;
    REQUIRE(set_action(guest, SIGUSR1, kHandler, 0) == 0);
    guest.registers.gpr[mmu::kRsp] = 0x1000;
    guest.call(SYS_kill, 1000, SIGUSR1);
    REQUIRE(guest.kernel().exit_status());
    CHECK(guest.kernel().exit_status()->killed_by == SIGSEGV);
}

TEST_CASE("Signals: the alternate stack is used once, and only if it is large enough") {
    Guest guest;
    struct {
        u64 sp;
        u32 flags, padding;
        u64 size;
    } stack{guest.scratch + 8192, 0, 0, 8192};
    guest.write(stack, guest.scratch);
    REQUIRE(guest.call(SYS_sigaltstack, guest.scratch, 0) == 0);
    REQUIRE(set_action(guest, SIGUSR1, kHandler, kernel::kSaOnStack | kernel::kSaNoDefer) == 0);
    guest.call(SYS_kill, 1000, SIGUSR1);
    const u64 first = guest.registers.gpr[mmu::kRsp];
    CHECK(first > stack.sp);
    CHECK(first < stack.sp + stack.size);
    guest.call(SYS_kill, 1000, SIGUSR1);
    CHECK(guest.registers.gpr[mmu::kRsp] < first);
    CHECK(guest.call(SYS_sigaltstack, guest.scratch, 0) == -EPERM);
    for (int i = 0; i < 20 && !guest.kernel().exit_status(); ++i) guest.call(SYS_kill, 1000, SIGUSR1);
    REQUIRE(guest.kernel().exit_status());  // it has run over the lower end
    CHECK(guest.kernel().exit_status()->killed_by == SIGSEGV);
}

TEST_CASE("Signals: default actions, from outside and from within") {
    Guest ignored;
    ignored.kernel().post_signal(SIGWINCH, ignored.registers);
    ignored.kernel().post_signal(SIGCHLD, ignored.registers);
    ignored.kernel().post_signal(SIGTSTP, ignored.registers);
    CHECK(!ignored.kernel().exit_status());
    ignored.kernel().post_signal(SIGINT, ignored.registers);
    CHECK(ignored.kernel().exit_status()->shell_status() == 130);

    Guest handled;
    REQUIRE(set_action(handled, SIGINT, kHandler, kernel::kSaResetHand) == 0);
    handled.kernel().post_signal(SIGINT, handled.registers);
    CHECK(handled.registers.rip == kHandler);
    CHECK(handled.state().sighand_of(handled.task()).action[SIGINT].handler == kernel::kSigDfl);
}

TEST_CASE("Signals: an interrupted call restarts or fails with EINTR as SA_RESTART says") {
    for (const bool restart : {true, false}) {
        Guest guest;
        volatile int flag = 1;  // a signal from outside is on its way
        guest.kernel().watch_interrupts(&flag);
        REQUIRE(set_action(guest, SIGINT, kHandler, restart ? kernel::kSaRestart : 0) == 0);
        REQUIRE(guest.call(SYS_pipe, guest.scratch) == 0);
        const int reader = guest.read<int>(guest.scratch);
        guest.registers.rip = 0x401102;  // behind SYSCALL
        guest.call(SYS_read, reader, guest.scratch + 100, 10);
        CHECK(guest.kernel().idle());  // it sleeps in the call
        flag = 0;
        guest.kernel().post_signal(SIGINT, guest.registers);
        CHECK(guest.registers.rip == kHandler);
        const auto frame = guest.read<RtSigframe>(guest.registers.gpr[mmu::kRsp]);
        CHECK(frame.uc.uc_mcontext.ip == (restart ? 0x401100 : 0x401102));
        CHECK(static_cast<i64>(frame.uc.uc_mcontext.ax) == (restart ? SYS_read : -EINTR));
    }
}

TEST_CASE("Signals: virtual timers expire without waiting") {
    Guest guest;
    REQUIRE(set_action(guest, SIGALRM, kHandler, 0) == 0);
    CHECK(guest.call(SYS_alarm, 3600) == 0);
    CHECK(guest.kernel().next_timer());
    guest.registers.rip = 0x401102;
    guest.call(SYS_pause);
    CHECK(guest.registers.rip == kHandler);
    CHECK(!guest.kernel().next_timer());
    struct timespec request {
        1000000, 0
    };
    guest.write(request, guest.scratch);
    CHECK(guest.call(SYS_nanosleep, guest.scratch, 0) == 0);
    CHECK(guest.call(SYS_clock_gettime, CLOCK_MONOTONIC, guest.scratch) == 0);
    CHECK(guest.read<i64>(guest.scratch) >= 1000000 + 3600);
}
