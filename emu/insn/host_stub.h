// Handlers made of host instructions: a vector instruction of the guest is carried out by the very same
// instruction of the host, on host registers that are loaded from and stored to mmu::Registers around it. A
// stub is that instruction with its loads, its stores and the jump to the next handler, put into executable
// memory when a block is decoded. So NaNs, rounding, flags and every immediate are the hardware's, and a row
// of the opcode table is all that an instruction takes. What an instruction's operands are it is told
// (vex_forms.h); SDM Vol. 2A chapter 2 has the encodings.
#pragma once

#include <span>

#include "emu/cpu/cpu.h"

namespace emu::insn {

/// A stub past its operand's address: `p` leads to what ModRM.r/m is, in memory or in Registers. It ends as
/// every handler does, by the next one.
using StubBody = Exit (*)(Cpu&, const Insn*, u8* p);

/// Which registers the guest's instruction is executed with on the host.
struct HostRegister {
    static constexpr u8 kReg = 0, kVvvv = 1, kRm = 2, kIs4 = 3;  ///< vector registers
    static constexpr u8 kNone = 0xff;
};

/// Writes one stub. Operands are found at run time by the numbers in Insn: `field` is the offset of such a
/// byte in Insn.
class StubWriter {
  public:
    /// `p` from the number of a vector register, or from the offset of a general one.
    void address_of_vector(u8 field);
    void address_of_general(u8 field);

    void load_vector(u8 host, u8 field, bool wide);
    void load_vector_number(u8 host, u8 number, bool wide);
    void load_operand(u8 host, bool wide);  ///< from `p`
    void store_vector(u8 host, u8 field);   ///< all 32 bytes
    void store_vector_number(u8 host, u8 number);
    void store_general(u8 field);  ///< RAX
    void store_flags();
    void load_string_lengths();  ///< EAX and EDX of PCMPESTR*
    void store_string_index();   ///< ECX

    struct Vex {
        u8 map, pp, opcode;
        bool w, l;
        u8 reg;  ///< host register, or an opcode extension
        u8 vvvv = HostRegister::kNone;
        u8 rm = HostRegister::kNone;  ///< kNone: memory at `p`
    };
    void vex(const Vex& instruction);
    void immediate(u8 value) { byte(value); }

    /// Goes to `slow(cpu, insn, p, body)` while an exception of MXCSR is unmasked, `body` being what follows.
    using Slow = Exit (*)(Cpu&, const Insn*, u8* p, StubBody body);
    void unless_masked(Slow slow);

    /// Leaves for the next handler; `wide`: after a 256-bit instruction.
    void finish(bool wide);

    unsigned size() const { return size_; }
    std::span<const u8> bytes() const { return {bytes_, size_}; }

  private:
    void byte(unsigned value);
    void bytes(std::initializer_list<unsigned> values) {
        for (const unsigned value : values) byte(value);
    }
    void word32(u32 value);
    void word64(u64 value);

    static constexpr unsigned kCapacity = 192;
    u8 bytes_[kCapacity];
    unsigned size_ = 0;
};

/// The bytes in executable memory; equal ones share their place. They live as long as the process.
u8* executable(std::span<const u8> code);

/// In a copy of the process (fork): its stubs are its own from now on.
void own_stubs();

}  // namespace emu::insn
