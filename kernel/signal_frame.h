// The frame that a signal handler finds on its stack, byte for byte as on x86-64 Linux, and the way back from
// it. Linux: arch/x86/kernel/signal_64.c x64_setup_rt_frame(), rt_sigreturn();
// arch/x86/include/uapi/asm/sigcontext.h.
//
//   higher   interrupted stack, then 128 bytes of red zone (or the top of the alternate stack)
//            FXSAVE image, 512 bytes, 64-aligned       <- uc_mcontext.fpstate
//              (with XSAVE its whole area, which software bytes at 464 and a magic word behind it tell of)
//            siginfo_t, 128 bytes                      <- rsi
//            ucontext: flags, link, stack, mcontext, sigmask <- rdx
//   lower    pretcode = sa_restorer                    <- rsp: 16-aligned minus 8, as after a call
#pragma once

#include <cstddef>

#include "kernel/task.h"
#include "mmu/arch/registers.h"

namespace kernel {

struct KernelState;

struct Sigcontext {
    u64 r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
    u16 cs, gs, fs, ss;
    u64 err, trapno, oldmask, cr2, fpstate, reserved1[8];
};
static_assert(sizeof(Sigcontext) == 256);

struct Ucontext {
    u64 uc_flags, uc_link;
    u64 ss_sp;
    u32 ss_flags, padding;
    u64 ss_size;
    Sigcontext uc_mcontext;
    u64 uc_sigmask;
};
static_assert(sizeof(Ucontext) == 304);

/// siginfo_t: signo, errno, code, and a union at byte 16.
struct SiginfoBytes {
    u8 bytes[128];
};

struct RtSigframe {
    u64 pretcode;
    Ucontext uc;
    SiginfoBytes info;
};
static_assert(sizeof(RtSigframe) == 440);

/// The 512 bytes of FXSAVE64 (SDM Vol. 1 table 10-2).
struct FxsaveImage {
    u8 bytes[512];
};

SiginfoBytes siginfo_bytes(const SigInfo& info);
/// What a debugger has written in its place.
SigInfo written_siginfo(const SiginfoBytes& bytes);
FxsaveImage fxsave_image(const mmu::Registers& registers);
/// FXRSTOR64 of an image that the guest may have changed; reserved bits of MXCSR are dropped.
void load_fxsave_image(const FxsaveImage& image, mmu::Registers& registers);

/// Lays the frame and points the registers at the handler. False: it does not fit or the stack cannot be
/// written; then nothing but stack bytes has changed.
bool setup_rt_frame(KernelState& kernel, Task& task, const SigInfo& info, const SigAction& action, u64 mask,
                    mmu::Registers& registers);
/// rt_sigreturn(2): false when the frame cannot be read (SIGSEGV is then forced).
bool restore_rt_frame(KernelState& kernel, Task& task, mmu::Registers& registers);

inline constexpr u64 kMinSigStackSize = 2048;  ///< MINSIGSTKSZ

/// The kernel's answer to sigaltstack(2). 0 or -errno.
int set_alt_stack(Task& task, const AltStack& stack, u64 stack_pointer, u64 minimum);
/// What it reports: SS_ONSTACK while `stack_pointer` lies on it.
u32 alt_stack_flags(const AltStack& stack, u64 stack_pointer);

}  // namespace kernel
