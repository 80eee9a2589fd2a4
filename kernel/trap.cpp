#include "kernel/trap.h"

#include <csignal>

#include "kernel/signal.h"

namespace kernel {

using mmu::Vector;

namespace {

/// do_error_trap() without an address: force_sig(), so si_code is SI_KERNEL and si_addr reads 0.
SigInfo kernel_info(int signal) {
    SigInfo info;
    info.signo = signal;
    info.code = kSiKernel;
    return info;
}

SigInfo fault_info(int signal, int code, u64 address) {
    SigInfo info;
    info.signo = signal;
    info.code = code;
    info.layout = SigInfo::Layout::kFault;
    info.address = address;
    return info;
}

/// fpu__exception_code(): the first unmasked exception in Linux's order; 0: none.
int fpu_exception_code(unsigned raised) {
    if (raised & 0x01) return FPE_FLTINV;
    if (raised & 0x04) return FPE_FLTDIV;
    if (raised & 0x08) return FPE_FLTOVF;
    if (raised & 0x12) return FPE_FLTUND;  // denormal operand or underflow
    if (raised & 0x20) return FPE_FLTRES;
    return 0;
}

}  // namespace

std::optional<TrapSignal> trap_signal(const mmu::Fault& fault, const mmu::Registers& registers) {
    TrapSignal trap;
    trap.trap_nr = static_cast<u64>(fault.vector);
    trap.error_code = fault.error_code;
    const u64 ip = registers.rip;
    switch (fault.vector) {
        case Vector::kDivideError:
            trap.info = fault_info(SIGFPE, FPE_INTDIV, ip);
            break;
        case Vector::kDebug:
            trap.info =
                fault_info(SIGTRAP, registers.rflags & mmu::Rflags::kTf ? TRAP_TRACE : TRAP_BRKPT, ip);
            break;
        case Vector::kBreakpoint:
            trap.info = kernel_info(SIGTRAP);
            trap.skip = 1;
            break;
        case Vector::kOverflow:
        case Vector::kBoundRange:
            trap.info = kernel_info(SIGSEGV);
            break;
        case Vector::kInvalidOpcode:
            trap.info = fault_info(SIGILL, ILL_ILLOPN, ip);
            break;
        case Vector::kDeviceNotAvailable:
            trap.info = kernel_info(SIGSEGV);
            break;
        case Vector::kStackFault:
            trap.info = kernel_info(SIGBUS);
            break;
        case Vector::kAlignmentCheck:
            trap.info = fault_info(SIGBUS, BUS_ADRALN, 0);
            break;
        case Vector::kX87FloatingPoint:
        case Vector::kSimdFloatingPoint: {
            const unsigned raised = fault.vector == Vector::kX87FloatingPoint
                                        ? registers.x87.status & ~registers.x87.control & 0x3fu
                                        : ~(registers.mxcsr >> 7) & registers.mxcsr & 0x3fu;
            const int code = fpu_exception_code(raised);
            if (!code) return std::nullopt;
            trap.info = fault_info(SIGFPE, code, ip);
            break;
        }
        case Vector::kGeneralProtection:
        case Vector::kPageFault:
            trap.info = kernel_info(SIGSEGV);
            break;
    }
    return trap;
}

}  // namespace kernel
