// Writes x86-64 instructions. It knows encodings (SDM Vol. 2A chapter 2) and nothing of what they are for.
#pragma once

#include <cstring>

#include "emu/jit/x86_64/code_region.h"
#include "mmu/base/ints.h"

namespace emu::jit {

using mmu::i32, mmu::i64, mmu::i8, mmu::u16, mmu::u32, mmu::u64, mmu::u8, mmu::usize;

/// A host register's number.
using Reg = u8;
enum : Reg { kRax, kRcx, kRdx, kRbx, kRsp, kRbp, kRsi, kRdi, kR8, kR9, kR10, kR11, kR12, kR13, kR14, kR15 };
constexpr Reg kNoReg = 0xff;

/// What ModRM.r/m names: a register, or memory at base + index << scale + disp.
struct Place {
    bool memory = false;
    Reg reg = kNoReg;  ///< the register, or the base
    Reg index = kNoReg;
    u8 scale = 0;
    i32 disp = 0;
    static Place of(Reg reg) { return {false, reg, kNoReg, 0, 0}; }
    static Place at(Reg base, i32 disp = 0) { return {true, base, kNoReg, 0, disp}; }
    static Place at(Reg base, Reg index, i32 disp, u8 scale = 0) { return {true, base, index, scale, disp}; }
};

/// An opcode with what goes before it.
struct Opcode {
    u8 byte = 0;
    u8 map = 0;                              ///< 0 one byte, 1 0F, 2 0F38, 3 0F3A
    u8 size = 4;                             ///< of the operands, in bytes: gives 66 and REX.W
    u8 prefix = 0;                           ///< a mandatory one: 66, F2, F3
    bool byte_reg = false, byte_rm = false;  ///< 8-bit registers: SPL .. DIL need a REX
};

/// Condition codes (SDM Vol. 2D B.1.4.7).
enum Condition : u8 {
    kBelow = 2,
    kAboveEqual = 3,
    kEqual = 4,
    kNotEqual = 5,
    kBelowEqual = 6,
    kAbove = 7,
    kSign = 8
};

class Assembler {
  public:
    explicit Assembler(CodeRegion& region)
        : region_(region), begin_(region.next_code()), at_(begin_), end_(begin_ + region.code_left()) {}

    bool full() const { return full_; }
    usize size() const { return static_cast<usize>(at_ - begin_); }
    usize left() const { return static_cast<usize>(end_ - at_); }
    u8* here() const { return at_; }
    const u8* executable(const u8* at) const { return region_.executable(at); }

    void byte(u8 value) { bytes(&value, 1); }
    void dword(u32 value) { bytes(&value, 4); }
    void qword(u64 value) { bytes(&value, 8); }
    void bytes(const void* from, usize count) {
        if (static_cast<usize>(end_ - at_) < count) {
            full_ = true;
            return;
        }
        std::memcpy(at_, from, count);
        at_ += count;
    }

    void op(const Opcode& opcode, Reg reg, const Place& rm) {
        const bool wide = opcode.size == 8;
        if (opcode.size == 2) byte(0x66);
        if (opcode.prefix) byte(opcode.prefix);
        const u8 base = rm.reg == kNoReg ? 0 : rm.reg, index = rm.index == kNoReg ? 0 : rm.index;
        u8 rex =
            static_cast<u8>((wide ? 8 : 0) | (reg & 8 ? 4 : 0) | (index & 8 ? 2 : 0) | (base & 8 ? 1 : 0));
        const bool low_byte = (opcode.byte_reg && reg >= 4) || (opcode.byte_rm && !rm.memory && rm.reg >= 4);
        if (rex || low_byte) byte(static_cast<u8>(0x40 | rex));
        if (opcode.map) byte(0x0f);
        if (opcode.map == 2) byte(0x38);
        if (opcode.map == 3) byte(0x3a);
        byte(opcode.byte);
        modrm(reg, rm);
    }

    // --- the few that generated code is made of besides the guest's own ---

    void mov(Reg to, Reg from) {
        if (to != from) op({0x8b, 0, 8}, to, Place::of(from));
    }
    void load(Reg to, const Place& from) { op({0x8b, 0, 8}, to, from); }
    void load32(Reg to, const Place& from) { op({0x8b, 0, 4}, to, from); }
    void store(const Place& to, Reg from) { op({0x89, 0, 8}, from, to); }
    void store32(const Place& to, Reg from) { op({0x89, 0, 4}, from, to); }
    void lea(Reg to, const Place& from) { op({0x8d, 0, 8}, to, from); }
    /// The shortest of three forms.
    void mov_imm(Reg to, u64 value) {
        if (value <= 0xffffffff) {
            if (to >= 8) byte(0x41);
            byte(static_cast<u8>(0xb8 | (to & 7)));
            dword(static_cast<u32>(value));
        } else if (fits32(value)) {
            op({0xc7, 0, 8}, 0, Place::of(to));
            dword(static_cast<u32>(value));
        } else {
            byte(static_cast<u8>(0x48 | (to >= 8)));
            byte(static_cast<u8>(0xb8 | (to & 7)));
            qword(value);
        }
    }
    /// op rm, imm of the group ADD 0, OR 1, AND 4, SUB 5, CMP 7.
    void group(u8 extension, const Place& rm, i32 value, u8 size = 8) {
        const bool small = value >= -128 && value <= 127;
        op({static_cast<u8>(small ? 0x83 : 0x81), 0, size}, extension, rm);
        if (small)
            byte(static_cast<u8>(value));
        else
            dword(static_cast<u32>(value));
    }
    /// Rotates right by a constant without touching flags (BMI2).
    void rorx(Reg to, Reg from, u8 count) {
        byte(0xc4);
        byte(static_cast<u8>((to & 8 ? 0 : 0x80) | 0x40 | (from & 8 ? 0 : 0x20) | 3));
        byte(0xfb);  // W, no vvvv, L0, F2
        byte(0xf0);
        byte(static_cast<u8>(0xc0 | (to & 7) << 3 | (from & 7)));
        byte(count);
    }
    void push(Reg reg) {
        if (reg >= 8) byte(0x41);
        byte(static_cast<u8>(0x50 | (reg & 7)));
    }
    void pop(Reg reg) {
        if (reg >= 8) byte(0x41);
        byte(static_cast<u8>(0x58 | (reg & 7)));
    }
    void jmp(const Place& to) { op({0xff, 0, 4}, 4, to); }

    /// Jumps forward: the address of its distance, for bind().
    u8* jcc(u8 condition) {
        byte(0x0f);
        byte(static_cast<u8>(0x80 | condition));
        dword(0);
        return at_ - 4;
    }
    u8* jmp() {
        byte(0xe9);
        dword(0);
        return at_ - 4;
    }
    void bind(u8* distance) { bind(distance, at_); }
    void bind(u8* distance, const u8* target) {
        if (full_) return;
        const i32 value = static_cast<i32>(target - (distance + 4));
        std::memcpy(distance, &value, 4);
    }
    void jmp_to(const u8* target) { bind(jmp(), target); }
    void jmp_to_executable(const u8* target) {
        u8* const distance = jmp();
        bind(distance, distance + (target - executable(distance)));
    }

    /// Memory at a fixed host address within reach, as LEA, JMP [..] and CMP see it.
    void op_relative(const Opcode& opcode, Reg reg, const void* address) {
        const u8 rex = static_cast<u8>((opcode.size == 8 ? 8 : 0) | (reg & 8 ? 4 : 0));
        if (rex) byte(static_cast<u8>(0x40 | rex));
        byte(opcode.byte);
        byte(static_cast<u8>(0x05 | (reg & 7) << 3));
        const i64 distance = static_cast<const u8*>(address) - (executable(at_) + 4);
        dword(static_cast<u32>(distance));
    }

    static bool fits32(u64 value) { return static_cast<i64>(value) == static_cast<i32>(value); }

  private:
    void modrm(Reg reg, const Place& rm) {
        const u8 r = static_cast<u8>((reg & 7) << 3);
        if (!rm.memory) {
            byte(static_cast<u8>(0xc0 | r | (rm.reg & 7)));
            return;
        }
        if (rm.reg == kNoReg) {  // disp32, with or without an index
            byte(static_cast<u8>(r | 4));
            byte(static_cast<u8>(rm.scale << 6 | (rm.index == kNoReg ? 4 : rm.index & 7) << 3 | 5));
            dword(static_cast<u32>(rm.disp));
            return;
        }
        const bool sib = rm.index != kNoReg || (rm.reg & 7) == 4;
        const u8 mod = rm.disp == 0 && (rm.reg & 7) != 5 ? 0 : rm.disp >= -128 && rm.disp <= 127 ? 1 : 2;
        byte(static_cast<u8>(mod << 6 | r | (sib ? 4 : rm.reg & 7)));
        if (sib)
            byte(
                static_cast<u8>(rm.scale << 6 | (rm.index == kNoReg ? 4 : rm.index & 7) << 3 | (rm.reg & 7)));
        if (mod == 1) byte(static_cast<u8>(rm.disp));
        if (mod == 2) dword(static_cast<u32>(rm.disp));
    }

    CodeRegion& region_;
    u8* begin_;
    u8* at_;
    u8* end_;
    bool full_ = false;
};

}  // namespace emu::jit
