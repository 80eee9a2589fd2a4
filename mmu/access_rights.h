// Whether an access is allowed by the rights of a translation: one function for the walker and for a TLB hit.
// SDM Vol. 3A 4.6 (access rights), 4.6.2 (protection keys), 4.7 (error code). It must not know where the
// rights come from.
#pragma once

#include "mmu/arch/control.h"
#include "mmu/arch/fault.h"
#include "mmu/arch/pte.h"

namespace mmu {

/// What all levels of a translation grant together: R/W and U/S are ANDs, XD is an OR; the key is the leaf's.
struct Rights {
    bool writable = true;
    bool user = true;
    bool no_execute = false;
    u8 pkey = 0;

    /// With one more level, whose entry is `entry`, taken into account.
    constexpr Rights under(Pte entry) const {
        return {writable && entry.writable(), user && entry.user(), no_execute || entry.no_execute(), pkey};
    }

    friend constexpr bool operator==(const Rights&, const Rights&) = default;
};

constexpr bool is_fetch(Access access) {
    return access == Access::kFetch;
}
constexpr bool is_write(Access access) {
    return access == Access::kStore || access == Access::kLoadForStore;
}

/// The bits of the error code that tell of the access itself: W/R, U/S and I/D.
constexpr u32 access_code(Access access, Privilege privilege, const ControlRegisters& control) {
    u32 code = 0;
    if (is_write(access)) code |= PageFaultCode::kWrite;
    if (privilege == Privilege::kUser) code |= PageFaultCode::kUser;
    if (is_fetch(access) && (control.smep() || (control.pae() && control.nxe())))
        code |= PageFaultCode::kFetch;
    return code;
}

/// The key of the page forbids this data access. Keys never concern fetches.
constexpr bool key_denies(const Rights& rights, Access access, Privilege privilege,
                          const ControlRegisters& control) {
    if (is_fetch(access) || !(rights.user ? control.pke() : control.pks())) return false;
    const u32 key = (rights.user ? control.pkru : control.pkrs) >> (2 * rights.pkey) & 3;
    if (key & 1) return true;
    return (key & 2) && is_write(access) && (privilege == Privilege::kUser || control.wp());
}

/// The R/W, U/S and XD bits (with WP, SMEP, SMAP) forbid this access.
[[gnu::always_inline]] constexpr bool mode_denies(const Rights& rights, Access access, Privilege privilege,
                                                  const ControlRegisters& control) {
    if (is_fetch(access) && rights.no_execute && control.nxe()) return true;
    if (privilege == Privilege::kUser) return !rights.user || (is_write(access) && !rights.writable);
    if (is_fetch(access)) return rights.user && control.smep();
    if (rights.user && control.smap() && privilege != Privilege::kSupervisorAc) return true;
    return is_write(access) && !rights.writable && control.wp();
}

/// 0 when allowed, else the error code of the #PF (P is always in it, so it is never 0).
[[gnu::always_inline]] constexpr u32 denial_code(const Rights& rights, Access access, Privilege privilege,
                                                 const ControlRegisters& control) {
    const bool mode = mode_denies(rights, access, privilege, control);
    const bool key = (control.cr4 & (ControlRegisters::kCr4Pke | ControlRegisters::kCr4Pks)) &&
                     key_denies(rights, access, privilege, control);
    if (!mode && !key) [[likely]]
        return 0;
    return PageFaultCode::kPresent | access_code(access, privilege, control) |
           (key ? PageFaultCode::kProtectionKey : 0);
}

/// How a translation ended, in words for people; the guest sees the error code.
enum class Verdict : u8 {
    kAllowed,
    kNonCanonical,
    kNotPresent,
    kReservedBit,
    kSupervisorPage,  ///< U/S=0, access by the user
    kReadOnly,        ///< R/W=0
    kNoExecute,       ///< XD=1
    kSmep,            ///< supervisor fetch from a user page
    kSmap,            ///< supervisor access to a user page
    kProtectionKey,
};

/// Why mode_denies() or key_denies(): the first reason that holds.
constexpr Verdict reason_of_denial(const Rights& rights, Access access, Privilege privilege,
                                   const ControlRegisters& control) {
    const bool user = privilege == Privilege::kUser;
    if (user && !rights.user) return Verdict::kSupervisorPage;
    if (is_fetch(access) && rights.no_execute && control.nxe()) return Verdict::kNoExecute;
    if (!user && rights.user && is_fetch(access) && control.smep()) return Verdict::kSmep;
    if (!user && rights.user && !is_fetch(access) && control.smap() && privilege != Privilege::kSupervisorAc)
        return Verdict::kSmap;
    if (is_write(access) && !rights.writable && (user || control.wp())) return Verdict::kReadOnly;
    return key_denies(rights, access, privilege, control) ? Verdict::kProtectionKey : Verdict::kAllowed;
}

constexpr const char* name_of(Verdict verdict) {
    constexpr const char* kNames[] = {"allowed",
                                      "non-canonical address",
                                      "not present",
                                      "reserved bit set",
                                      "supervisor page",
                                      "read-only",
                                      "no-execute",
                                      "SMEP",
                                      "SMAP",
                                      "protection key"};
    return kNames[static_cast<unsigned>(verdict)];
}

}  // namespace mmu
