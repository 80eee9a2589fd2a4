// A fault as a value: vector, error code, address. SDM Vol. 3A 6.15 (vectors), 4.7 (page-fault error code).
#pragma once

#include "mmu/arch/addr.h"

namespace mmu {

enum class Vector : u8 {
    kDivideError = 0,
    kDebug = 1,
    kBreakpoint = 3,
    kOverflow = 4,
    kBoundRange = 5,
    kInvalidOpcode = 6,
    kDeviceNotAvailable = 7,
    kStackFault = 12,
    kGeneralProtection = 13,
    kPageFault = 14,
    kX87FloatingPoint = 16,
    kAlignmentCheck = 17,
    kSimdFloatingPoint = 19,
};

/// Bits of the error code that a page fault pushes.
struct PageFaultCode {
    static constexpr u32 kPresent = 1u << 0, kWrite = 1u << 1, kUser = 1u << 2, kReserved = 1u << 3,
                         kFetch = 1u << 4, kProtectionKey = 1u << 5, kShadowStack = 1u << 6;
};

struct Fault {
    Vector vector = Vector::kGeneralProtection;
    u32 error_code = 0;
    VirtAddr address{};  ///< CR2: the first faulting byte; 0 unless vector is kPageFault

    friend constexpr bool operator==(const Fault&, const Fault&) = default;
};

/// What an access wants to do. A read-modify-write first makes its kLoad half with the right to write asked for.
enum class Access : u8 { kLoad, kStore, kFetch, kLoadForStore };

/// On whose behalf an access is made. SDM Vol. 3A 4.6: user-mode access, explicit supervisor access with EFLAGS.AC
/// clear or set, and implicit supervisor access (descriptor tables, TSS), which ignores EFLAGS.AC.
enum class Privilege : u8 { kUser, kSupervisor, kSupervisorAc, kSupervisorImplicit };

}  // namespace mmu
