#include "kernel/signal_frame.h"

#include <algorithm>
#include <cstring>

#include "kernel/errno.h"
#include "kernel/pkeys.h"
#include "kernel/signal.h"
#include "kernel/signal_fpu.h"
#include "kernel/state.h"
#include "kernel/uaccess.h"

namespace kernel {

using mmu::Registers;
using mmu::Rflags;

namespace {

constexpr u64 kRedZone = 128;
constexpr u64 kUcFpXstate = 1, kUcSigcontextSs = 2, kUcStrictRestoreSs = 4;
constexpr u16 kUserCs = 0x33, kUserDs = 0x2b;
/// FIX_EFLAGS: what a guest may change through a frame.
constexpr u64 kFixEflags = Rflags::kAc | Rflags::kOf | Rflags::kDf | Rflags::kTf | Rflags::kSf | Rflags::kZf |
                           Rflags::kAf | Rflags::kPf | Rflags::kCf | Rflags::kRf;
constexpr u32 kMxcsrMask = 0xffff;

/// __on_sig_stack()
bool on_stack(const AltStack& stack, u64 sp) {
    return sp > stack.sp && sp - stack.sp <= stack.size;
}
/// on_sig_stack(): with SS_AUTODISARM one is never on it.
bool on_sig_stack(const AltStack& stack, u64 sp) {
    return !(stack.flags & AltStack::kAutoDisarm) && on_stack(stack, sp);
}

struct FramePlace {
    u64 frame = 0, fpstate = 0;
};

/// get_sigframe(). Nothing: it would run over the alternate stack's lower end.
std::optional<FramePlace> get_sigframe(const Task& task, const SigAction& action, u64 sp, u64 fpu_size) {
    const AltStack& alt = task.signals.alt_stack;
    const bool nested = on_sig_stack(alt, sp);
    bool entering = false;
    sp -= kRedZone;
    if ((action.flags & kSaOnStack) && alt_stack_flags(alt, sp) == 0) {
        sp = alt.sp + alt.size;
        entering = true;
    }
    FramePlace place;
    place.fpstate = (sp - fpu_size) & ~u64{63};
    place.frame = ((place.fpstate - sizeof(RtSigframe)) & ~u64{15}) - 8;
    if ((nested || entering) && !on_stack(alt, place.frame)) return std::nullopt;
    return place;
}

Sigcontext sigcontext_of(const Task& task, const Registers& registers, u64 mask, u64 fpstate) {
    const auto& gpr = registers.gpr;
    Sigcontext context{};
    u64* const first[] = {&context.r8,  &context.r9,  &context.r10, &context.r11,
                          &context.r12, &context.r13, &context.r14, &context.r15};
    for (unsigned i = 0; i < 8; ++i) *first[i] = gpr[mmu::kR8 + i];
    context.di = gpr[mmu::kRdi];
    context.si = gpr[mmu::kRsi];
    context.bp = gpr[mmu::kRbp];
    context.bx = gpr[mmu::kRbx];
    context.dx = gpr[mmu::kRdx];
    context.ax = gpr[mmu::kRax];
    context.cx = gpr[mmu::kRcx];
    context.sp = gpr[mmu::kRsp];
    context.ip = registers.rip;
    context.flags = registers.rflags;
    context.cs = kUserCs;
    context.ss = kUserDs;
    context.err = task.error_code;
    context.trapno = task.trap_nr;
    context.oldmask = mask;
    context.cr2 = task.cr2;
    context.fpstate = fpstate;
    return context;
}

/// fpu__clear_user_states(): a handler starts with a fresh FPU.
void clear_fpu(Registers& registers) {
    registers.vector = {};
    registers.x87 = {};
    registers.mxcsr = 0x1f80;
}

template <class T>
void put(u8* bytes, size_t at, T value) {
    std::memcpy(bytes + at, &value, sizeof value);
}
template <class T>
T take(const u8* bytes, size_t at) {
    T value;
    std::memcpy(&value, bytes + at, sizeof value);
    return value;
}

}  // namespace

SiginfoBytes siginfo_bytes(const SigInfo& info) {
    SiginfoBytes result{};
    u8* bytes = result.bytes;
    if (info.written) {
        std::copy(info.written->begin(), info.written->end(), bytes);
        return result;
    }
    put(bytes, 0, i64{info.signo} & 0xffffffff);  // signo, errno = 0
    put(bytes, 8, info.code);
    switch (info.layout) {
        case SigInfo::Layout::kKill:
            put(bytes, 16, info.pid);
            put(bytes, 20, info.uid);
            break;
        case SigInfo::Layout::kRt:
            put(bytes, 16, info.pid);
            put(bytes, 20, info.uid);
            put(bytes, 24, info.value);
            break;
        case SigInfo::Layout::kChild:
            put(bytes, 16, info.pid);
            put(bytes, 20, info.uid);
            put(bytes, 24, info.status);
            put(bytes, 32, info.utime);
            put(bytes, 40, info.stime);
            break;
        case SigInfo::Layout::kTimer:
            put(bytes, 16, info.timer);
            put(bytes, 20, info.overrun);
            put(bytes, 24, info.value);
            break;
        case SigInfo::Layout::kPoll:
            put(bytes, 16, info.value);
            put(bytes, 24, info.status);
            break;
        case SigInfo::Layout::kFault:
            put(bytes, 16, info.address);
            put(bytes, 32, info.pkey);
            break;
    }
    return result;
}

SigInfo written_siginfo(const SiginfoBytes& bytes) {
    SigInfo info{.signo = take<int>(bytes.bytes, 0),
                 .code = take<int>(bytes.bytes, 8),
                 .layout = SigInfo::Layout::kRt,
                 .pid = take<Pid>(bytes.bytes, 16),
                 .uid = take<u32>(bytes.bytes, 20),
                 .value = take<u64>(bytes.bytes, 24),
                 .address = take<u64>(bytes.bytes, 16)};
    std::copy_n(bytes.bytes, SigInfo::kBytes, info.written.emplace().begin());
    return info;
}

FxsaveImage fxsave_image(const Registers& registers) {
    FxsaveImage image{};
    u8* bytes = image.bytes;
    const mmu::X87State& x87 = registers.x87;
    put(bytes, 0, x87.control);
    put(bytes, 2, static_cast<u16>((x87.status & ~u16{0x3800}) | (x87.top & 7) << 11));
    put(bytes, 4, x87.valid);
    put(bytes, 6, x87.opcode);
    put(bytes, 8, x87.instruction);
    put(bytes, 16, x87.operand);
    put(bytes, 24, registers.mxcsr);
    put(bytes, 28, kMxcsrMask);
    for (unsigned i = 0; i < 8; ++i) {  // ST0 first
        const mmu::Float80& value = x87.physical[(x87.top + i) & 7];
        put(bytes, 32 + 16 * i, value.significand);
        put(bytes, 40 + 16 * i, value.sign_exponent);
    }
    for (unsigned i = 0; i < 16; ++i) std::memcpy(bytes + 160 + 16 * i, registers.vector[i].bytes.data(), 16);
    return image;
}

void load_fxsave_image(const FxsaveImage& image, Registers& registers) {
    const u8* bytes = image.bytes;
    mmu::X87State& x87 = registers.x87;
    const u16 status = take<u16>(bytes, 2);
    x87.control = take<u16>(bytes, 0);
    x87.status = status & static_cast<u16>(~0x3800);
    x87.top = (status >> 11) & 7;
    x87.valid = take<u8>(bytes, 4);
    x87.opcode = take<u16>(bytes, 6) & 0x7ff;
    x87.instruction = take<u64>(bytes, 8);
    x87.operand = take<u64>(bytes, 16);
    registers.mxcsr = take<u32>(bytes, 24) & kMxcsrMask;
    for (unsigned i = 0; i < 8; ++i) {
        mmu::Float80& value = x87.physical[(x87.top + i) & 7];
        value = {};
        value.significand = take<u64>(bytes, 32 + 16 * i);
        value.sign_exponent = take<u16>(bytes, 40 + 16 * i);
    }
    for (unsigned i = 0; i < 16; ++i) std::memcpy(registers.vector[i].bytes.data(), bytes + 160 + 16 * i, 16);
}

bool setup_rt_frame(KernelState& kernel, Task& task, const SigInfo& info, const SigAction& action, u64 mask,
                    Registers& registers) {
    MmStruct& mm = kernel.mm_of(task);
    AltStack& alt = task.signals.alt_stack;
    const u64 sp = registers.gpr[mmu::kRsp];
    const auto place = get_sigframe(task, action, sp, fpstate_size(kernel.config.xcr0));
    if (!place || !(action.flags & kSaRestorer)) return false;  // x86-64 has no other way back

    RtSigframe frame{};
    frame.pretcode = action.restorer;
    frame.uc.uc_flags = kUcSigcontextSs | kUcStrictRestoreSs | (kernel.config.xcr0 ? kUcFpXstate : 0);
    frame.uc.ss_sp = alt.sp;
    frame.uc.ss_flags = alt.flags;
    frame.uc.ss_size = alt.size;
    frame.uc.uc_mcontext = sigcontext_of(task, registers, mask, place->fpstate);
    frame.uc.uc_sigmask = mask;
    // sig_prepare_pkru(): the frame may lie on a stack whose key the interrupted code has no right to.
    const u32 pkru = read_pkru(kernel.system);
    write_pkru(kernel.system, 0);
    const std::vector<u8> fpu = fpstate_image(registers, kernel.config.xcr0, pkru);
    const size_t head = offsetof(RtSigframe, info);
    const SiginfoBytes bytes = siginfo_bytes(info);
    if (copy_to_user(kernel.system, mm, place->fpstate, fpu.data(), fpu.size()) ||
        copy_to_user(kernel.system, mm, place->frame, &frame, head) ||
        ((action.flags & kSaSigInfo) &&
         copy_to_user(kernel.system, mm, place->frame + head, &bytes, sizeof bytes))) {
        write_pkru(kernel.system, pkru);
        return false;
    }
    if (alt.flags & AltStack::kAutoDisarm) alt = AltStack{};  // sas_ss_reset()

    registers.gpr[mmu::kRdi] = static_cast<u64>(info.signo);
    registers.gpr[mmu::kRax] = 0;
    registers.gpr[mmu::kRsi] = place->frame + head;
    registers.gpr[mmu::kRdx] = place->frame + offsetof(RtSigframe, uc);
    registers.gpr[mmu::kRsp] = place->frame;
    registers.rip = action.handler;
    registers.rflags &= ~(Rflags::kDf | Rflags::kRf | Rflags::kTf);
    clear_fpu(registers);
    write_pkru(kernel.system, kInitPkru);
    return true;
}

bool restore_rt_frame(KernelState& kernel, Task& task, Registers& registers) {
    MmStruct& mm = kernel.mm_of(task);
    const u64 frame = registers.gpr[mmu::kRsp] - 8;  // the handler's RET took pretcode
    Ucontext uc;
    if (get_user(kernel.system, mm, uc, frame + offsetof(RtSigframe, uc))) return false;
    set_blocked(task, uc.uc_sigmask);

    const Sigcontext& context = uc.uc_mcontext;
    FpuState fpu;
    clear_fpu(fpu.registers);
    fpu.pkru = kInitPkru;
    if (context.fpstate && !restore_fpstate(kernel, mm, context.fpstate, fpu)) return false;
    const u64 extended[] = {context.r8,  context.r9,  context.r10, context.r11,
                            context.r12, context.r13, context.r14, context.r15};
    auto& gpr = registers.gpr;
    for (unsigned i = 0; i < 8; ++i) gpr[mmu::kR8 + i] = extended[i];
    gpr[mmu::kRdi] = context.di;
    gpr[mmu::kRsi] = context.si;
    gpr[mmu::kRbp] = context.bp;
    gpr[mmu::kRbx] = context.bx;
    gpr[mmu::kRdx] = context.dx;
    gpr[mmu::kRax] = context.ax;
    gpr[mmu::kRcx] = context.cx;
    gpr[mmu::kRsp] = context.sp;
    registers.rip = context.ip;
    registers.rflags = (registers.rflags & ~kFixEflags) | (context.flags & kFixEflags);
    registers.vector = fpu.registers.vector;
    registers.x87 = fpu.registers.x87;
    registers.mxcsr = fpu.registers.mxcsr;
    write_pkru(kernel.system, fpu.pkru);
    // restore_altstack(): its errors do not matter.
    (void)set_alt_stack(task, AltStack{uc.ss_sp, uc.ss_size, uc.ss_flags}, gpr[mmu::kRsp], kMinSigStackSize);
    return true;
}

u32 alt_stack_flags(const AltStack& stack, u64 stack_pointer) {
    if (!stack.size) return AltStack::kDisable;
    return on_sig_stack(stack, stack_pointer) ? AltStack::kOnStack : 0;
}

int set_alt_stack(Task& task, const AltStack& stack, u64 stack_pointer, u64 minimum) {
    AltStack& current = task.signals.alt_stack;
    if (on_sig_stack(current, stack_pointer)) return -EPERM;
    const u32 mode = stack.flags & ~AltStack::kAutoDisarm;
    if (mode != AltStack::kDisable && mode != AltStack::kOnStack && mode != 0) return -EINVAL;
    if (mode == AltStack::kDisable) {
        current = AltStack{0, 0, stack.flags};
        return 0;
    }
    if (current.sp == stack.sp && current.size == stack.size && current.flags == stack.flags) return 0;
    if (stack.size < minimum) return -ENOMEM;
    current = stack;
    return 0;
}

}  // namespace kernel
