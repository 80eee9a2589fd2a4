#include "emu/jit/x86_64/shape.h"

namespace emu::jit {
namespace {

using Kind = Shape::Kind;
using FlagWrite = Shape::FlagWrite;

bool high_byte(const Fields& f, u8 number, u8 size) {
    return size == 1 && f.rex == 0 && number >= 4 && number < 8;
}
void set_reg(const Fields& f, Shape& s, bool read, bool write) {
    s.has_reg = true;
    s.reg = f.reg;
    s.reg_high = high_byte(f, f.reg, s.opcode.size);
    if (s.reg_high) s.reg -= 4;
    s.reg_read = read;
    s.reg_write = write;
}
void set_rm(const Fields& f, Shape& s, u8 size, bool read, bool write) {
    s.rm_size = size;
    s.rm_memory = f.memory();
    s.rm = f.rm;
    if (!s.rm_memory) {
        s.rm_high = high_byte(f, f.rm, size);
        if (s.rm_high) s.rm -= 4;
    }
    s.rm_read = read;
    s.rm_write = write;
}
void set_immediate(const Fields& f, Shape& s) {
    s.immediate_size = f.immediate_size;
    s.immediate = static_cast<u64>(f.signed_immediate());
}
u8 opcode_register(const Fields& f) {
    return static_cast<u8>((f.opcode & 7) | (f.rex_b() ? 8 : 0));
}
u8 width_by_opcode(const Fields& f) {
    return static_cast<u8>(f.opcode & 1 ? f.width() : 1);
}

/// ADD OR ADC SBB AND SUB XOR CMP by number.
void set_alu(Shape& s, unsigned number) {
    s.flags = FlagWrite::kAll;
    s.flags_read = number == 2 || number == 3;
}

Shape generic(const Fields& f, u8 size) {
    Shape s;
    s.kind = Kind::kGeneric;
    s.opcode = {f.opcode, static_cast<u8>(f.map), size, 0, size == 1, size == 1};
    s.extension = f.modrm_reg();
    return s;
}

/// op AL, imm8 and op rAX, imm as their longer twins.
Shape accumulator(const Fields& f, u8 byte_opcode, u8 extension, u8 size) {
    Shape s = generic(f, size);
    s.opcode.byte = static_cast<u8>(byte_opcode + (size != 1));
    s.extension = extension;
    s.rm_size = size;
    s.rm = 0;
    s.rm_read = true;
    set_immediate(f, s);
    s.flags = FlagWrite::kAll;
    return s;
}

Shape alu(const Fields& f) {
    const unsigned number = f.opcode >> 3;
    const u8 size = width_by_opcode(f);
    const bool writes = number != 7;
    Shape s;
    if ((f.opcode & 7) >= 4) {
        s = accumulator(f, 0x80, static_cast<u8>(number), size);
        s.rm_write = writes;
    } else {
        s = generic(f, size);
        const bool to_reg = f.opcode & 2;
        set_reg(f, s, true, to_reg && writes);
        set_rm(f, s, size, true, !to_reg && writes);
    }
    set_alu(s, number);
    return s;
}

Shape group1(const Fields& f) {
    Shape s = generic(f, width_by_opcode(f));
    set_rm(f, s, s.opcode.size, true, f.modrm_reg() != 7);
    set_immediate(f, s);
    set_alu(s, f.modrm_reg());
    return s;
}

Shape shift(const Fields& f) {
    Shape s = generic(f, width_by_opcode(f));
    set_rm(f, s, s.opcode.size, true, true);
    const bool by_cl = f.opcode >= 0xd2;
    if (f.immediate_size) {
        set_immediate(f, s);
        if ((f.immediate() & (s.opcode.size == 8 ? 63 : 31)) == 0) return {};
    }
    const u8 op = f.modrm_reg();
    const bool rotates = op < 4;
    s.flags = rotates || by_cl ? FlagWrite::kSome : FlagWrite::kAll;
    s.flags_read = op == 2 || op == 3;  // RCL, RCR
    return s;
}

/// F6 and F7.
Shape group3(const Fields& f) {
    Shape s = generic(f, width_by_opcode(f));
    const u8 op = f.modrm_reg();
    set_rm(f, s, s.opcode.size, true, op == 2 || op == 3);
    switch (op) {
        case 0:
        case 1:
            s.extension = 0;
            set_immediate(f, s);
            s.flags = FlagWrite::kAll;
            return s;
        case 2:
            return s;
        case 3:
            s.flags = FlagWrite::kAll;
            return s;
        default:
            if (s.opcode.size < 4) return {};
            s.kind = op < 6 ? Kind::kMultiply : op == 6 ? Kind::kDivide : Kind::kDivideSigned;
            if (op < 6) s.flags = FlagWrite::kCarryOverflow;
            return s;
    }
}

/// FE and FF.
Shape group5(const Fields& f) {
    const u8 op = f.modrm_reg();
    Shape s = generic(f, width_by_opcode(f));
    if (op < 2) {
        set_rm(f, s, s.opcode.size, true, true);
        s.flags = FlagWrite::kSome;
        return s;
    }
    if (f.opcode == 0xfe || (op != 2 && op != 4)) return {};
    s.opcode.size = 8;
    set_rm(f, s, 8, true, false);
    s.kind = op == 2 ? Kind::kCallIndirect : Kind::kJmpIndirect;
    return s;
}

Shape register_imm(const Fields& f) {
    const u8 size = f.opcode >= 0xb8 ? static_cast<u8>(f.width()) : 1;
    Shape s = generic(f, size);
    s.opcode.byte = size == 1 ? 0xc6 : 0xc7;
    s.extension = 0;
    s.rm = opcode_register(f);
    s.rm_size = size;
    s.rm_high = high_byte(f, s.rm, size);
    if (s.rm_high) s.rm -= 4;
    s.rm_write = true;
    set_immediate(f, s);
    if (size >= 4) {
        s.kind = Kind::kMovImm;
        s.immediate = f.immediate();
    }
    return s;
}

Shape one_byte_moves(const Fields& f) {
    switch (f.opcode) {
        case 0x63: {  // MOVSXD; its 16-bit form is a MOV
            if (f.width() == 2) return {};
            Shape s = generic(f, static_cast<u8>(f.width()));
            set_reg(f, s, false, true);
            set_rm(f, s, 4, true, false);
            return s;
        }
        case 0x88:
        case 0x89:
        case 0x8a:
        case 0x8b: {
            Shape s = generic(f, width_by_opcode(f));
            const bool to_reg = f.opcode & 2;
            set_reg(f, s, !to_reg, to_reg);
            set_rm(f, s, s.opcode.size, to_reg, !to_reg);
            return s;
        }
        case 0x8d: {
            Shape s = generic(f, static_cast<u8>(f.width()));
            s.kind = s.opcode.size == 2 ? Kind::kUnsupported : Kind::kLea;
            set_reg(f, s, false, true);
            return s;
        }
        case 0xc6:
        case 0xc7: {
            if (f.modrm_reg() != 0) return {};
            Shape s = generic(f, width_by_opcode(f));
            set_rm(f, s, s.opcode.size, false, true);
            set_immediate(f, s);
            if (!s.rm_memory && s.opcode.size >= 4) {
                s.kind = Kind::kMovImm;
                if (s.opcode.size == 4) s.immediate = static_cast<u32>(s.immediate);
            }
            return s;
        }
        case 0x84:
        case 0x85:
        case 0x86:
        case 0x87: {
            Shape s = generic(f, width_by_opcode(f));
            const bool exchange = f.opcode >= 0x86;
            set_reg(f, s, true, exchange);
            set_rm(f, s, s.opcode.size, true, exchange);
            s.wants_register = exchange;  // with memory it would lock the bus
            if (!exchange) s.flags = FlagWrite::kAll;
            return s;
        }
        default:
            return {};
    }
}

Shape stack_operation(const Fields& f) {
    Shape s;
    if (f.operand16) return s;
    s.opcode.size = 8;
    if (f.opcode == 0xc9) {
        s.kind = Kind::kLeave;
    } else if (f.opcode == 0x68 || f.opcode == 0x6a) {
        s.kind = Kind::kPush;
        set_immediate(f, s);
    } else {
        s.kind = f.opcode < 0x58 ? Kind::kPush : Kind::kPop;
        s.has_reg = true;
        s.reg = opcode_register(f);
    }
    return s;
}

Shape branch(Kind kind, const Fields& f) {
    Shape s;
    s.kind = kind;
    s.condition = f.opcode & 15;
    s.flags_read = kind == Kind::kJcc;
    return s;
}

Shape one_byte(const Fields& f) {
    const u8 op = f.opcode;
    if (op < 0x40) return (op & 7) < 6 ? alu(f) : Shape{};
    if ((op >= 0x50 && op <= 0x5f) || op == 0x68 || op == 0x6a || op == 0xc9) return stack_operation(f);
    if (op >= 0x70 && op <= 0x7f) return branch(Kind::kJcc, f);
    if (op >= 0xb0 && op <= 0xbf) return register_imm(f);
    if (op >= 0x80 && op <= 0x83) return group1(f);
    if (op == 0xc0 || op == 0xc1 || (op >= 0xd0 && op <= 0xd3)) return shift(f);
    if (op >= 0x91 && op <= 0x97) return {};
    switch (op) {
        case 0x69:
        case 0x6b: {
            Shape s = generic(f, static_cast<u8>(f.width()));
            set_reg(f, s, false, true);
            set_rm(f, s, s.opcode.size, true, false);
            set_immediate(f, s);
            s.flags = FlagWrite::kCarryOverflow;
            return s;
        }
        case 0x90: {
            Shape s;
            if (!f.rex_b()) s.kind = Kind::kNop;
            return s;
        }
        case 0x98:
        case 0x99: {
            Shape s;
            s.opcode.size = static_cast<u8>(f.width());
            if (s.opcode.size >= 4) s.kind = op == 0x98 ? Kind::kWiden : Kind::kSign;
            return s;
        }
        case 0xa8:
        case 0xa9:
            return accumulator(f, 0xf6, 0, width_by_opcode(f));
        case 0xc3:
            return branch(Kind::kRet, f);
        case 0xe8:
            return branch(Kind::kCall, f);
        case 0xe9:
        case 0xeb:
            return branch(Kind::kJmp, f);
        case 0xf6:
        case 0xf7:
            return group3(f);
        case 0xfe:
        case 0xff:
            return group5(f);
        default:
            return one_byte_moves(f);
    }
}

/// BT BTS BTR BTC by a register: in memory the bit may be elsewhere than the operand.
Shape bit_operation(const Fields& f, bool writes) {
    Shape s = generic(f, static_cast<u8>(f.width()));
    if (f.opcode == 0xba)
        set_immediate(f, s);
    else if (f.memory())
        return {};
    else
        set_reg(f, s, true, false);
    s.wants_register = true;  // a position beyond the operand is beyond it in memory
    set_rm(f, s, s.opcode.size, true, writes);
    s.flags = FlagWrite::kSome;
    return s;
}

Shape two_byte(const Fields& f) {
    const u8 op = f.opcode;
    if (op >= 0x80 && op <= 0x8f) return branch(Kind::kJcc, f);
    if (op >= 0x90 && op <= 0x9f) {
        Shape s = generic(f, 1);
        s.extension = 0;
        set_rm(f, s, 1, false, true);
        s.flags_read = true;
        return s;
    }
    if (op >= 0x40 && op <= 0x4f) {
        Shape s = generic(f, static_cast<u8>(f.width()));
        set_reg(f, s, true, true);
        set_rm(f, s, s.opcode.size, true, false);
        s.flags_read = true;
        return s;
    }
    if (op >= 0xc8 && op <= 0xcf) {
        Shape s = generic(f, static_cast<u8>(f.width()));
        if (s.opcode.size == 2) return {};
        s.kind = Kind::kBswap;
        s.reg = opcode_register(f);
        s.has_reg = s.reg_read = s.reg_write = true;
        return s;
    }
    switch (op) {
        case 0x1e:
        case 0x1f: {
            Shape s;
            s.kind = Kind::kNop;
            return s;
        }
        case 0xaf: {
            Shape s = generic(f, static_cast<u8>(f.width()));
            set_reg(f, s, true, true);
            set_rm(f, s, s.opcode.size, true, false);
            s.flags = FlagWrite::kCarryOverflow;
            return s;
        }
        case 0xb6:
        case 0xb7:
        case 0xbe:
        case 0xbf: {
            Shape s = generic(f, static_cast<u8>(f.width()));
            set_reg(f, s, false, true);
            set_rm(f, s, op & 1 ? 2 : 1, true, false);
            s.opcode.byte_rm = !(op & 1);
            return s;
        }
        case 0xbc:
        case 0xbd: {
            Shape s = generic(f, static_cast<u8>(f.width()));
            if (s.opcode.size == 2) return {};
            s.kind = Kind::kScan;
            set_reg(f, s, false, true);
            set_rm(f, s, s.opcode.size, true, false);
            s.flags = FlagWrite::kAll;
            return s;
        }
        case 0xb0:
        case 0xb1: {
            Shape s = generic(f, width_by_opcode(f));
            s.kind = Kind::kCompareExchange;
            if (!f.memory() || s.opcode.size == 2) return {};
            set_reg(f, s, true, false);
            set_rm(f, s, s.opcode.size, true, true);
            s.flags = FlagWrite::kAll;
            return s;
        }
        case 0xa3:
            return bit_operation(f, false);
        case 0xab:
        case 0xb3:
        case 0xbb:
            return bit_operation(f, true);
        case 0xba:
            return f.modrm_reg() < 4 ? Shape{} : bit_operation(f, f.modrm_reg() != 4);
        case 0xa4:
        case 0xa5:
        case 0xac:
        case 0xad: {
            Shape s = generic(f, static_cast<u8>(f.width()));
            if (s.opcode.size == 2) return {};
            set_reg(f, s, true, false);
            set_rm(f, s, s.opcode.size, true, true);
            if (f.immediate_size) set_immediate(f, s);
            s.flags = FlagWrite::kSome;
            return s;
        }
        default:
            return {};
    }
}

}  // namespace

Shape shape_of(const Fields& f, const Insn& insn) {
    if (insn.length == 0) {
        Shape s;
        if (insn.cost == Cost::kEnd) s.kind = Kind::kFall;
        return s;
    }
    if (f.vex) return {};
    Shape vector;
    if (f.map != Map::kOne && shape_vector(f, vector)) return vector;
    if (f.lock && !f.memory()) return {};
    Shape s;
    if (f.map == Map::kOne)
        s = one_byte(f);
    else if (f.map == Map::k0F &&
             (f.repeat == 0 || (f.opcode & 0xf0) == 0x80 || f.opcode == 0x1e || f.opcode == 0x1f))
        s = two_byte(f);
    return s;
}

}  // namespace emu::jit
