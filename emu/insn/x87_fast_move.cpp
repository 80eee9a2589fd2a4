// Fast forms of x87 loads, stores, exchanges and sign changes. Copies of extended numbers raise nothing and
// need no host x87; conversions are the host's own instruction, put into the assembly as its bytes.
#include <cstring>
#include <utility>

#include "emu/insn/x87_fast.h"

namespace emu::insn::x87_fast {
namespace {

using mmu::Float80;

u8 number(const Insn* i) {
    return i->src & 7;
}

Exit done(Cpu& c, const Insn* i) {
    clear_c1(c);
    x87_note(c, i);
    return next(c, i);
}

Exit load_constant(Cpu& c, const Insn* i, const Float80& value) {
    if (!all_masked(c) || !has_room(c)) [[unlikely]]
        return x87_register(c, i);
    push(c, value);
    return done(c, i);
}

}  // namespace

Exit load_register(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, number(i)) || !has_room(c)) [[unlikely]]
        return x87_register(c, i);
    push(c, Float80(st(c, number(i))));
    return done(c, i);
}

template <bool pops>
Exit store_register(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0)) [[unlikely]]
        return x87_register(c, i);
    st(c, number(i)) = st(c, 0);
    c.regs.x87.valid |= static_cast<u8>(1u << physical(c, number(i)));
    if constexpr (pops) pop(c);
    return done(c, i);
}

Exit exchange(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0) || !is_valid(c, number(i))) [[unlikely]]
        return x87_register(c, i);
    std::swap(st(c, 0), st(c, number(i)));
    return done(c, i);
}

Exit change_sign(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0)) [[unlikely]]
        return x87_register(c, i);
    st(c, 0).sign_exponent ^= 0x8000;
    return done(c, i);
}

Exit absolute(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0)) [[unlikely]]
        return x87_register(c, i);
    st(c, 0).sign_exponent &= 0x7fff;
    return done(c, i);
}

Exit load_one(Cpu& c, const Insn* i) {
    return load_constant(c, i, {u64{1} << 63, 0x3fff, {}});
}
Exit load_zero(Cpu& c, const Insn* i) {
    return load_constant(c, i, {});
}

template <u8 opcode, u8 extension, u32 bytes>
Exit load_memory(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !has_room(c)) [[unlikely]]
        return x87_load<bytes>(c, i);
    const u64 address = AnyAddress::address(c, i);
    const u8* p = c.read(address, bytes);
    if (!p) [[unlikely]]
        return fault_exit(c, i, 1, 0);
    {
        Float80 result;
        const auto body = [&] {
            u16 status;
            asm volatile(".byte %c[opcode], %c[modrm]\n\tfnstsw %[status]\n\tfstpt %[result]"
                         : [status] "=&a"(status), [result] "+m"(result)
                         : "D"(p), "m"(*reinterpret_cast<const u8(*)[bytes]>(p)), [opcode] "i"(opcode),
                           [modrm] "i"(0x07 | extension << 3));
            return status;
        };
        commit_status(c, compute(c, body));
        push(c, result);
    }
    c.regs.x87.operand = address;
    x87_note(c, i);
    return next(c, i);
}

Exit load_extended(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !has_room(c)) [[unlikely]]
        return x87_load<10>(c, i);
    const u64 address = AnyAddress::address(c, i);
    const u8* p = c.read(address, 10);
    if (!p) [[unlikely]]
        return fault_exit(c, i, 1, 0);
    push(c, {get<u64>(p), get<u16>(p + 8), {}});
    c.regs.x87.operand = address;
    return done(c, i);
}

template <u8 opcode, u8 extension, u32 bytes, bool pops>
Exit store_memory(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0)) [[unlikely]]
        return x87_store<bytes>(c, i);
    const u64 address = AnyAddress::address(c, i);
    const Float80& value = st(c, 0);
    {
        u8 operand[bytes];
        const u16 found = compute(c, [&] {
            u16 status;
            asm volatile("fldt %[value]\n\t.byte %c[opcode], %c[modrm]\n\tfnstsw %[status]"
                         : [status] "=&a"(status), "=m"(operand)
                         : [value] "m"(value),
                           "D"(operand), [opcode] "i"(opcode), [modrm] "i"(0x07 | extension << 3));
            return status;
        });
        u8* p = c.open_store(address, bytes);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 0, 1);
        std::memcpy(p, operand, bytes);
        c.close(p);
        commit_status(c, found);
    }
    if constexpr (pops) pop(c);
    c.regs.x87.operand = address;
    x87_note(c, i);
    return next(c, i);
}

Exit store_extended(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0)) [[unlikely]]
        return x87_store<10>(c, i);
    const u64 address = AnyAddress::address(c, i);
    u8* p = c.open_store(address, 10);
    if (!p) [[unlikely]]
        return fault_exit(c, i, 0, 1);
    put(p, st(c, 0).significand);
    put(p + 8, st(c, 0).sign_exponent);
    c.close(p);
    pop(c);
    c.regs.x87.operand = address;
    return done(c, i);
}

template Exit store_register<false>(Cpu&, const Insn*);
template Exit store_register<true>(Cpu&, const Insn*);

template Exit load_memory<0xd9, 0, 4>(Cpu&, const Insn*);
template Exit load_memory<0xdd, 0, 8>(Cpu&, const Insn*);
template Exit load_memory<0xdf, 0, 2>(Cpu&, const Insn*);
template Exit load_memory<0xdb, 0, 4>(Cpu&, const Insn*);
template Exit load_memory<0xdf, 5, 8>(Cpu&, const Insn*);

// The host's instruction always pops; the guest's does if the last argument says so.
template Exit store_memory<0xd9, 3, 4, false>(Cpu&, const Insn*);
template Exit store_memory<0xd9, 3, 4, true>(Cpu&, const Insn*);
template Exit store_memory<0xdd, 3, 8, false>(Cpu&, const Insn*);
template Exit store_memory<0xdd, 3, 8, true>(Cpu&, const Insn*);
template Exit store_memory<0xdf, 3, 2, false>(Cpu&, const Insn*);
template Exit store_memory<0xdf, 3, 2, true>(Cpu&, const Insn*);
template Exit store_memory<0xdb, 3, 4, false>(Cpu&, const Insn*);
template Exit store_memory<0xdb, 3, 4, true>(Cpu&, const Insn*);
template Exit store_memory<0xdf, 7, 8, true>(Cpu&, const Insn*);
template Exit store_memory<0xdf, 1, 2, true>(Cpu&, const Insn*);
template Exit store_memory<0xdb, 1, 4, true>(Cpu&, const Insn*);
template Exit store_memory<0xdd, 1, 8, true>(Cpu&, const Insn*);

}  // namespace emu::insn::x87_fast
