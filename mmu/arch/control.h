// Control registers and the other state that decides how a linear address is translated.
// SDM Vol. 3A 2.5 (CR0, CR3, CR4), 2.2.1 (EFER), 4.1.3 (paging-mode modifiers), 4.6.2 (PKRU).
#pragma once

#include "mmu/arch/addr.h"

namespace mmu {

struct ControlRegisters {
    static constexpr u64 kCr0Pe = bit(0), kCr0Wp = bit(16), kCr0Pg = bit(31);
    static constexpr u64 kCr4Pae = bit(5), kCr4Pge = bit(7), kCr4La57 = bit(12), kCr4Pcide = bit(17),
                         kCr4Smep = bit(20), kCr4Smap = bit(21), kCr4Pke = bit(22), kCr4Pks = bit(24);
    static constexpr u64 kEferLme = bit(8), kEferLma = bit(10), kEferNxe = bit(11);
    static constexpr u64 kCr3PcidMask = mask(11, 0);
    static constexpr u64 kCr3NoFlush = bit(63);  ///< of the source operand of MOV CR3; never stored

    u64 cr0 = kCr0Pe | kCr0Wp | kCr0Pg;
    u64 cr3 = 0;
    u64 cr4 = kCr4Pae | kCr4Pge;
    u64 efer = kEferLme | kEferLma | kEferNxe;
    u32 pkru = 0;  ///< two bits a key: bit 2k access-disable, bit 2k+1 write-disable
    u32 pkrs = 0;  ///< the same for supervisor pages

    constexpr bool wp() const { return cr0 & kCr0Wp; }
    constexpr bool paging() const { return cr0 & kCr0Pg; }
    constexpr bool pae() const { return cr4 & kCr4Pae; }
    constexpr bool pge() const { return cr4 & kCr4Pge; }
    constexpr bool la57() const { return cr4 & kCr4La57; }
    constexpr bool pcide() const { return cr4 & kCr4Pcide; }
    constexpr bool smep() const { return cr4 & kCr4Smep; }
    constexpr bool smap() const { return cr4 & kCr4Smap; }
    constexpr bool pke() const { return cr4 & kCr4Pke; }
    constexpr bool pks() const { return cr4 & kCr4Pks; }
    constexpr bool nxe() const { return efer & kEferNxe; }

    constexpr unsigned levels() const { return la57() ? 5 : 4; }
    constexpr unsigned virtual_bits() const { return la57() ? 57 : 48; }
    constexpr u16 pcid() const { return pcide() ? static_cast<u16>(cr3 & kCr3PcidMask) : 0; }
    constexpr PhysAddr root() const { return PhysAddr{cr3 & mask(51, 12)}; }

    friend constexpr bool operator==(const ControlRegisters&, const ControlRegisters&) = default;
};

/// What the implementation supports, from CPUID of the modelled CPU (leaves 8000_0008, 7, 8000_0001).
struct PagingFeatures {
    unsigned physical_bits = 46;  ///< MAXPHYADDR
    bool page_1g = true;
    bool la57 = true;

    friend constexpr bool operator==(const PagingFeatures&, const PagingFeatures&) = default;
};

}  // namespace mmu
