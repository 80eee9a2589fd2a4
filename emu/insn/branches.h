// The ways out of a block that instruction handlers take, and the conditions that they check on the way.
#pragma once

#include "emu/insn/host_flags.h"

namespace emu::insn {

/// Bits of Insn::aux of a direct branch (the block builder sets them): the way leads to another page than the
/// block's.
struct Far {
    static constexpr u8 kTaken = 1, kFall = 2;
};

inline Links* links_after(const Insn* i) {
    return const_cast<Links*>(reinterpret_cast<const Links*>(i + 1));
}

/// Takes the direct branch `i`, the last Insn of its block; its immediate is the target, from the block's
/// first byte.
[[gnu::always_inline]] inline Exit go_taken(Cpu& c, const Insn* i) {
    Links* links = links_after(i);
    const u64 target = c.regs.rip + i->imm;
    if (i->aux & Far::kTaken) [[unlikely]]
        return go_far(c, links->taken, target, &links->taken);
    return go_near(c, links->taken, target);
}

/// Goes on behind the last Insn of a block.
[[gnu::always_inline]] inline Exit go_fall(Cpu& c, const Insn* i) {
    Links* links = links_after(i);
    const u64 target = c.regs.rip + i->offset + i->length;
    if (i->aux & Far::kFall) [[unlikely]]
        return go_far(c, links->fall, target, &links->fall);
    return go_near(c, links->fall, target);
}

/// Jcc; fused.cpp knows it by its address.
template <Condition condition>
Exit jcc(Cpu& c, const Insn* i) {
    return holds<condition>(c.flags) ? go_taken(c, i) : go_fall(c, i);
}

/// Whether RIP may be loaded with `target`: otherwise the branch itself raises #GP (SDM Vol. 1 3.3.7.1).
/// Canonical to 57 bits is not enough without LA57.
[[gnu::always_inline]] inline bool is_canonical(const Cpu& c, u64 target) {
    return c.is_canonical(target);
}

}  // namespace emu::insn
