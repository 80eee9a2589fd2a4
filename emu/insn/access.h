// Memory operands on the fast path: a handler that finds its page in L0 is a leaf (no stack frame, no call),
// and one that does not goes on in a cold twin. What to do with the bytes is written once, as a captureless
// lambda `(Cpu&, const Insn*, p, address)`; where to go on is another, `next` unless said otherwise.
#pragma once

#include "emu/cpu/cpu.h"

namespace emu::insn {

using FaultExit = Exit (*)(Cpu&, const Insn*, u32 loads, u32 stores);

struct GoNext {
    [[gnu::always_inline]] Exit operator()(Cpu& c, const Insn* i) const { return next(c, i); }
};

/// The word on top of the stack, and the one that a push will put there.
struct StackTop {
    [[gnu::always_inline]] static u64 address(const Cpu& c, const Insn*) { return c.regs.gpr[mmu::kRsp]; }
};
template <class T>
struct StackPush {
    [[gnu::always_inline]] static u64 address(const Cpu& c, const Insn*) {
        return c.regs.gpr[mmu::kRsp] - sizeof(T);
    }
};

template <class T, class Address, FaultExit fault, class Finish>
[[gnu::cold, gnu::noinline]] Exit load_missed(Cpu& c, const Insn* i) {
    const u64 address = Address::address(c, i);
    const u8* p = c.read_slow(address, sizeof(T));
    return p ? Finish{}(c, i, p, address) : fault(c, i, 1, 0);
}

/// Loads a T; `finish` says where to go on, too.
template <class T, class Address, FaultExit fault = fault_exit, class Finish>
[[gnu::always_inline]] inline Exit with_load(Cpu& c, const Insn* i, Finish finish) {
    const u64 address = Address::address(c, i);
    const mmu::L0::Slot& slot = mmu::L0::at(c.l0.load, address);
    if (!mmu::L0::covers(slot, address, sizeof(T))) [[unlikely]]
        return load_missed<T, Address, fault, Finish>(c, i);
    return finish(c, i, static_cast<const u8*>(c.l0.use(slot, address)), address);
}

template <class T, class Address, FaultExit fault, class Body, class Then>
[[gnu::cold, gnu::noinline]] Exit store_missed(Cpu& c, const Insn* i) {
    const u64 address = Address::address(c, i);
    u8* p = c.open_store_slow(address, sizeof(T));
    if (!p) return fault(c, i, 0, 1);
    Body{}(c, i, p, address);
    c.close(p);
    return Then{}(c, i);
}

/// Opens a T to be overwritten by `body`.
template <class T, class Address, FaultExit fault = fault_exit, class Body, class Then = GoNext>
[[gnu::always_inline]] inline Exit with_store(Cpu& c, const Insn* i, Body body, Then then = {}) {
    const u64 address = Address::address(c, i);
    const mmu::L0::Slot& slot = mmu::L0::at(c.l0.store, address);
    if (!mmu::L0::covers(slot, address, sizeof(T))) [[unlikely]]
        return store_missed<T, Address, fault, Body, Then>(c, i);
    body(c, i, c.l0.use(slot, address), address);
    return then(c, i);
}

template <class T, class Address, class Body, class Then>
[[gnu::cold, gnu::noinline]] Exit modify_missed(Cpu& c, const Insn* i) {
    const u64 address = Address::address(c, i);
    u8* p = c.open_modify_slow(address, sizeof(T));
    if (!p) return fault_exit(c, i, 1, 0);
    Body{}(c, i, p, address);
    c.close(p);
    return Then{}(c, i);
}

/// Opens a T to be read and written by `body`: a load, then a store.
template <class T, class Address, class Body, class Then = GoNext>
[[gnu::always_inline]] inline Exit with_modify(Cpu& c, const Insn* i, Body body, Then then = {}) {
    const u64 address = Address::address(c, i);
    const mmu::L0::Slot &load = mmu::L0::at(c.l0.load, address), &store = mmu::L0::at(c.l0.store, address);
    if (!mmu::L0::covers(load, address, sizeof(T)) || !mmu::L0::covers(store, address, sizeof(T)))
        [[unlikely]]
        return modify_missed<T, Address, Body, Then>(c, i);
    c.l0.use(load, address);
    body(c, i, c.l0.use(store, address), address);
    return then(c, i);
}

}  // namespace emu::insn
