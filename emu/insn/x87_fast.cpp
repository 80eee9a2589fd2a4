// Fast forms of x87 arithmetic and comparisons. The instruction itself is put into the assembly as its bytes:
// the same opcode and ModRM.reg as the guest's, on ST(0) and ST(1) of the host.
#include "emu/insn/x87_fast.h"

namespace emu::insn::x87_fast {
namespace {

using mmu::Float80;

u8 number(const Insn* i) {
    return i->src & 7;
}

}  // namespace

template <u8 operation>
Exit arithmetic_top(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0) || !is_valid(c, number(i))) [[unlikely]]
        return x87_register(c, i);
    Float80& a = st(c, 0);
    const Float80& b = st(c, number(i));
    {
        Float80 result;
        commit_status(c, compute(c, [&] {
                          u16 status;
                          asm volatile(
                              "fldt %[b]\n\tfldt %[a]\n\t.byte 0xd8, %c[modrm]\n\tfnstsw %[status]\n\t"
                              "fstpt %[result]\n\tfstp %%st(0)"
                              : [status] "=&a"(status), [result] "=m"(result)
                              : [a] "m"(a), [b] "m"(b), [modrm] "i"(0xc1 | operation << 3));
                          return status;
                      }));
        a.significand = result.significand;
        a.sign_exponent = result.sign_exponent;
    }
    x87_note(c, i);
    return next(c, i);
}

template <u8 operation, bool pops>
Exit arithmetic_other(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0) || !is_valid(c, number(i))) [[unlikely]]
        return x87_register(c, i);
    const Float80& a = st(c, 0);
    Float80& b = st(c, number(i));
    {
        Float80 result;
        commit_status(
            c, compute(c, [&] {
                u16 status;
                asm volatile(
                    "fldt %[b]\n\tfldt %[a]\n\t.byte 0xde, %c[modrm]\n\tfnstsw %[status]\n\tfstpt %[result]"
                    : [status] "=&a"(status), [result] "=m"(result)
                    : [a] "m"(a), [b] "m"(b), [modrm] "i"(0xc1 | operation << 3));
                return status;
            }));
        b.significand = result.significand;
        b.sign_exponent = result.sign_exponent;
    }
    if constexpr (pops) pop(c);
    x87_note(c, i);
    return next(c, i);
}

template <u8 opcode, u8 operation, u32 bytes>
Exit arithmetic_memory(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0)) [[unlikely]]
        return x87_load<bytes>(c, i);
    const u64 address = AnyAddress::address(c, i);
    const u8* p = c.read(address, bytes);
    if (!p) [[unlikely]]
        return fault_exit(c, i, 1, 0);
    Float80& a = st(c, 0);
    {
        Float80 result;
        commit_status(
            c, compute(c, [&] {
                u16 status;
                asm volatile("fldt %[a]\n\t.byte %c[opcode], %c[modrm]\n\tfnstsw %[status]\n\tfstpt %[result]"
                             : [status] "=&a"(status), [result] "=m"(result)
                             : [a] "m"(a), "D"(p), "m"(*reinterpret_cast<const u8(*)[bytes]>(p)),
                               [opcode] "i"(opcode), [modrm] "i"(0x07 | operation << 3));
                return status;
            }));
        a.significand = result.significand;
        a.sign_exponent = result.sign_exponent;
    }
    c.regs.x87.operand = address;
    x87_note(c, i);
    return next(c, i);
}

template <Compare kind, unsigned pops>
Exit compare(Cpu& c, const Insn* i) {
    const unsigned other = pops == 2 ? 1 : number(i);
    if (!all_masked(c) || !is_valid(c, 0) || !is_valid(c, other)) [[unlikely]]
        return x87_register(c, i);
    const Float80 &a = st(c, 0), &b = st(c, other);
    const u16 found = compute(c, [&] {
        u16 status;
        if constexpr (kind == Compare::kOrdered)
            asm volatile("fldt %[b]\n\tfldt %[a]\n\tfcompp\n\tfnstsw %[status]"
                         : [status] "=&a"(status)
                         : [a] "m"(a), [b] "m"(b));
        else
            asm volatile("fldt %[b]\n\tfldt %[a]\n\tfucompp\n\tfnstsw %[status]"
                         : [status] "=&a"(status)
                         : [a] "m"(a), [b] "m"(b));
        return status;
    });
    commit_status(c, found, X87Bits::kConditions);
    for (unsigned n = 0; n < pops; ++n) pop(c);
    x87_note(c, i);
    return next(c, i);
}

template <Compare kind, bool pops>
Exit compare_to_flags(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0) || !is_valid(c, number(i))) [[unlikely]]
        return x87_register_to_flags(c, i);
    const Float80 &a = st(c, 0), &b = st(c, number(i));
    Flags flags = 0;
    const u16 found = compute(c, [&] {
        u64 rax;
        u16 status;
        if constexpr (kind == Compare::kOrdered)
            asm volatile(
                "fldt %[b]\n\tfldt %[a]\n\tfcomip %%st(1), %%st\n\tlahf\n\tseto %%al\n\tfnstsw "
                "%[status]\n\tfstp %%st(0)"
                : "=&a"(rax), [status] "=m"(status)
                : [a] "m"(a), [b] "m"(b)
                : "cc");
        else
            asm volatile(
                "fldt %[b]\n\tfldt %[a]\n\tfucomip %%st(1), %%st\n\tlahf\n\tseto %%al\n\tfnstsw "
                "%[status]\n\tfstp %%st(0)"
                : "=&a"(rax), [status] "=m"(status)
                : [a] "m"(a), [b] "m"(b)
                : "cc");
        flags = static_cast<Flags>(rax);
        return status;
    });
    commit_status(c, found);
    c.flags = flags;
    if constexpr (pops) pop(c);
    x87_note(c, i);
    return next(c, i);
}

template <u8 opcode, u32 bytes, bool pops>
Exit compare_memory(Cpu& c, const Insn* i) {
    if (!all_masked(c) || !is_valid(c, 0)) [[unlikely]]
        return x87_load<bytes>(c, i);
    const u64 address = AnyAddress::address(c, i);
    const u8* p = c.read(address, bytes);
    if (!p) [[unlikely]]
        return fault_exit(c, i, 1, 0);
    const Float80& a = st(c, 0);
    const u16 found = compute(c, [&] {
        u16 status;
        asm volatile("fldt %[a]\n\t.byte %c[opcode], 0x1f\n\tfnstsw %[status]"  // FCOMP (RDI)
                     : [status] "=&a"(status)
                     : [a] "m"(a), "D"(p),
                       "m"(*reinterpret_cast<const u8(*)[bytes]>(p)), [opcode] "i"(opcode));
        return status;
    });
    commit_status(c, found, X87Bits::kConditions);
    if constexpr (pops) pop(c);
    c.regs.x87.operand = address;
    x87_note(c, i);
    return next(c, i);
}

template Exit arithmetic_top<0>(Cpu&, const Insn*);
template Exit arithmetic_top<1>(Cpu&, const Insn*);
template Exit arithmetic_top<4>(Cpu&, const Insn*);
template Exit arithmetic_top<5>(Cpu&, const Insn*);
template Exit arithmetic_top<6>(Cpu&, const Insn*);
template Exit arithmetic_top<7>(Cpu&, const Insn*);

template Exit arithmetic_other<0, false>(Cpu&, const Insn*);
template Exit arithmetic_other<1, false>(Cpu&, const Insn*);
template Exit arithmetic_other<4, false>(Cpu&, const Insn*);
template Exit arithmetic_other<5, false>(Cpu&, const Insn*);
template Exit arithmetic_other<6, false>(Cpu&, const Insn*);
template Exit arithmetic_other<7, false>(Cpu&, const Insn*);
template Exit arithmetic_other<0, true>(Cpu&, const Insn*);
template Exit arithmetic_other<1, true>(Cpu&, const Insn*);
template Exit arithmetic_other<4, true>(Cpu&, const Insn*);
template Exit arithmetic_other<5, true>(Cpu&, const Insn*);
template Exit arithmetic_other<6, true>(Cpu&, const Insn*);
template Exit arithmetic_other<7, true>(Cpu&, const Insn*);

template Exit arithmetic_memory<0xd8, 0, 4>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xd8, 1, 4>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xd8, 4, 4>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xd8, 5, 4>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xd8, 6, 4>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xd8, 7, 4>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xdc, 0, 8>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xdc, 1, 8>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xdc, 4, 8>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xdc, 5, 8>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xdc, 6, 8>(Cpu&, const Insn*);
template Exit arithmetic_memory<0xdc, 7, 8>(Cpu&, const Insn*);

template Exit compare<Compare::kOrdered, 0>(Cpu&, const Insn*);
template Exit compare<Compare::kOrdered, 1>(Cpu&, const Insn*);
template Exit compare<Compare::kOrdered, 2>(Cpu&, const Insn*);
template Exit compare<Compare::kUnordered, 0>(Cpu&, const Insn*);
template Exit compare<Compare::kUnordered, 1>(Cpu&, const Insn*);
template Exit compare<Compare::kUnordered, 2>(Cpu&, const Insn*);
template Exit compare_to_flags<Compare::kOrdered, false>(Cpu&, const Insn*);
template Exit compare_to_flags<Compare::kOrdered, true>(Cpu&, const Insn*);
template Exit compare_to_flags<Compare::kUnordered, false>(Cpu&, const Insn*);
template Exit compare_to_flags<Compare::kUnordered, true>(Cpu&, const Insn*);
template Exit compare_memory<0xd8, 4, false>(Cpu&, const Insn*);
template Exit compare_memory<0xd8, 4, true>(Cpu&, const Insn*);
template Exit compare_memory<0xdc, 8, false>(Cpu&, const Insn*);
template Exit compare_memory<0xdc, 8, true>(Cpu&, const Insn*);

}  // namespace emu::insn::x87_fast
