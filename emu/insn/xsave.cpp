// XSAVE XRSTOR XGETBV: the standard format, components x87, SSE, AVX and PKRU. SDM Vol. 1 13.4 to 13.8, Vol.
// 2D.
//
// Offered is what CPUID.0DH says: no XSAVEOPT, XSAVEC or XSAVES, so a compacted area is #GP.
#include <algorithm>

#include "emu/cpu/cpu_model.h"
#include "emu/insn/chapters.h"
#include "emu/insn/fx_area.h"
#include "emu/insn/vector_forms.h"
#include "mmu/mmu.h"

namespace emu::insn {
namespace {

struct XsaveArea {
    static constexpr u32 kHeader = 512, kHeaderSize = 64, kAvx = XsaveLayout::kAvx;
    static constexpr u32 kAlignment = 64, kEnd = kAvx + XsaveLayout::kAvxSize;
    static constexpr u32 kPkru = XsaveLayout::kPkru, kPkruEnd = kPkru + XsaveLayout::kPkruSize;
    static constexpr u32 kPiece = 64;  ///< what Cpu::read() takes at most
};
constexpr u64 kX87 = Xcr0::kX87, kSse = Xcr0::kSse, kAvx = Xcr0::kAvx, kPkru = Xcr0::kPkru;

/// XCR0 and what EDX:EAX asks for.
u64 requested(const Cpu& c) {
    const u64 asked = static_cast<u32>(c.regs.gpr[mmu::kRax]) | c.regs.gpr[mmu::kRdx] << 32;
    return asked & c.model.xcr0() & (kX87 | kSse | kAvx | kPkru);
}

/// XINUSE: the components that are not in their initial state.
u64 in_use(Cpu& c) {
    u64 used = c.regs.x87 == mmu::X87State{} ? 0 : kX87;
    for (const mmu::Vector256& each : c.regs.vector) {
        u64 words[4];
        __builtin_memcpy(words, each.bytes.data(), 32);
        if (words[0] | words[1]) used |= kSse;
        if (words[2] | words[3]) used |= kAvx;
    }
    return used | (c.mmu.control().pkru ? kPkru : 0);
}

/// The references of one instruction, in pieces; they count even when a later one faults.
class Pieces {
  public:
    Pieces(Cpu& c, u64 address) : c_(c), address_(address) {}

    /// False after a fault.
    bool read(u32 offset, u8* to, u32 size) {
        for (u32 at = 0; at < size; at += XsaveArea::kPiece) {
            const u32 part = std::min(size - at, XsaveArea::kPiece);
            ++loads;
            const u8* p = c_.read(address_ + offset + at, part);
            if (!p) return false;
            __builtin_memcpy(to + at, p, part);
        }
        return true;
    }
    bool write(u32 offset, const u8* from, u32 size) {
        for (u32 at = 0; at < size; at += XsaveArea::kPiece) {
            const u32 part = std::min(size - at, XsaveArea::kPiece);
            u8* p = open(offset + at, part);
            if (!p) return false;
            __builtin_memcpy(p, from + at, part);
            c_.close(p);
        }
        return true;
    }
    /// Tries a store without making it.
    bool try_write(u32 offset) { return open(offset, 8) != nullptr; }

    u32 loads = 0, stores = 0;

  private:
    u8* open(u32 offset, u32 size) {
        ++stores;
        return c_.open_store(address_ + offset, size);
    }
    Cpu& c_;
    u64 address_;
};

template <bool wide>
bool save(Cpu& c, Pieces& area) {
    const u64 components = requested(c);
    u64 present = 0;
    const u32 end = components & kPkru  ? XsaveArea::kPkruEnd
                    : components & kAvx ? XsaveArea::kEnd
                                        : XsaveArea::kAvx;
    if (!area.try_write(0) || !area.try_write(end - 8)) return false;
    if (!area.read(XsaveArea::kHeader, reinterpret_cast<u8*>(&present), 8)) return false;
    const FxArea legacy = fx_area(c, wide);
    const auto part = [&](u32 offset, u32 size) {
        return area.write(offset, legacy.bytes.data() + offset, size);
    };
    if (components & kX87 && !part(0, FxArea::kMxcsr)) return false;
    if (components & (kSse | kAvx) && !part(FxArea::kMxcsr, 8)) return false;
    if (components & kX87 && !part(FxArea::kStacked, FxArea::kXmm - FxArea::kStacked)) return false;
    if (components & kSse && !part(FxArea::kXmm, FxArea::kSize - FxArea::kXmm)) return false;
    if (components & kAvx) {
        u8 upper[XsaveLayout::kAvxSize];
        for (u8 n = 0; n < 16; ++n) __builtin_memcpy(upper + 16 * n, c.vector(n) + 16, 16);
        if (!area.write(XsaveArea::kAvx, upper, sizeof upper)) return false;
    }
    const u64 pkru = c.mmu.control().pkru;
    if (components & kPkru && !area.write(XsaveArea::kPkru, reinterpret_cast<const u8*>(&pkru), sizeof pkru))
        return false;
    present = (present & ~components) | (in_use(c) & components);
    return area.write(XsaveArea::kHeader, reinterpret_cast<const u8*>(&present), 8);
}

enum class Restored : u8 { kDone, kFault, kProtection };

template <bool wide>
Restored restore(Cpu& c, Pieces& area) {
    const u64 components = requested(c);
    u64 header[XsaveArea::kHeaderSize / 8];
    if (!area.read(XsaveArea::kHeader, reinterpret_cast<u8*>(header), sizeof header)) return Restored::kFault;
    const u64 present = header[0];
    if (present & ~c.model.xcr0() || header[1] || header[2]) return Restored::kProtection;
    FxArea legacy;
    if (!area.read(0, legacy.bytes.data(), FxArea::kSize)) return Restored::kFault;
    u8 upper[XsaveLayout::kAvxSize];
    if (components & kAvx && !area.read(XsaveArea::kAvx, upper, sizeof upper)) return Restored::kFault;
    if (!(present & kAvx)) std::fill_n(upper, sizeof upper, u8{0});
    u32 pkru = 0;
    if (components & present & kPkru &&
        !area.read(XsaveArea::kPkru, reinterpret_cast<u8*>(&pkru), sizeof pkru))
        return Restored::kFault;
    const bool with_mxcsr = components & (kSse | kAvx);
    const u32 mxcsr = legacy.at<u32>(FxArea::kMxcsr);
    if (with_mxcsr && mxcsr & ~Mxcsr::kWritable) return Restored::kProtection;

    if (components & kX87) {
        if (present & kX87)
            restore_x87(c, legacy, wide);
        else
            c.regs.x87 = {};
    }
    if (with_mxcsr) load_mxcsr(c, mxcsr);
    if (components & kSse) {
        if (!(present & kSse)) std::fill_n(legacy.bytes.begin() + FxArea::kXmm, 256, u8{0});
        restore_xmm(c, legacy);
    }
    if (components & kAvx)
        for (u8 n = 0; n < 16; ++n) __builtin_memcpy(c.vector(n) + 16, upper + 16 * n, 16);
    if (components & kPkru) c.mmu.write_pkru(pkru);
    return Restored::kDone;
}

template <bool wide>
struct Xsave {
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = AnyAddress::address(c, i);
        if (address % XsaveArea::kAlignment) return raise(c, i, mmu::Vector::kGeneralProtection);
        const u64 made = saved(c, address);
        const u32 loads = static_cast<u32>(made) & ~kFaulted, stores = static_cast<u32>(made >> 32);
        if (made & kFaulted) return fault_exit(c, i, loads, stores);
        c.references += made;
        return next(c, i);
    }
    static constexpr u32 kFaulted = 1u << 31;
    [[gnu::noinline]] static u64 saved(Cpu& c, u64 address) {
        Pieces area(c, address);
        const bool good = save<wide>(c, area);
        return u64{area.stores} << 32 | area.loads | (good ? 0 : kFaulted);
    }
};

template <bool wide>
struct Xrstor {
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = AnyAddress::address(c, i);
        if (address % XsaveArea::kAlignment) return raise(c, i, mmu::Vector::kGeneralProtection);
        const Outcome outcome = restored(c, address);
        if (outcome.kind == Restored::kFault) return fault_exit(c, i, outcome.loads, 0);
        if (outcome.kind == Restored::kProtection)
            return fault_after(c, i, mmu::Vector::kGeneralProtection, outcome.loads, 0);
        c.references += outcome.loads;
        return next(c, i);
    }
    struct Outcome {
        Restored kind;
        u32 loads;
    };
    [[gnu::noinline]] static Outcome restored(Cpu& c, u64 address) {
        Pieces area(c, address);
        const Restored kind = restore<wide>(c, area);
        return {kind, area.loads};
    }
};

template <template <bool> class Form>
bool build(const Fields& f, Insn& out) {
    out.run = f.rex_w() ? &Form<true>::run : &Form<false>::run;
    return true;
}

/// Only XCR0 can be asked for: XINUSE (ECX = 1) comes with XSAVEC.
struct Xgetbv {
    static Exit run(Cpu& c, const Insn* i) {
        if (c.reg<u32>(Slot::of(mmu::kRcx)) != 0) return raise(c, i, mmu::Vector::kGeneralProtection);
        const u64 value = c.model.xcr0();
        c.regs.gpr[mmu::kRax] = static_cast<u32>(value);
        c.regs.gpr[mmu::kRdx] = value >> 32;
        return next(c, i);
    }
};
bool xgetbv(const Fields&, Insn& out) {
    out.run = &Xgetbv::run;
    return true;
}

}  // namespace

Rows xsave() {
    static constexpr OpcodeRow kXgetbv{.name = "xgetbv",
                                       .map = Map::k0F,
                                       .opcode = 0x01,
                                       .build = xgetbv,
                                       .extension = 2,
                                       .prefix = Prefix::kNone,
                                       .rm = 0};
    static constexpr OpcodeRow kRows[] = {
        needs(Feature::kXsave, row("xsave", Prefix::kNone, 0xae, build<Xsave>, Operand::kMemory, 4)),
        needs(Feature::kXsave, row("xrstor", Prefix::kNone, 0xae, build<Xrstor>, Operand::kMemory, 5)),
        needs(Feature::kXsave, kXgetbv),
    };
    return kRows;
}

}  // namespace emu::insn
