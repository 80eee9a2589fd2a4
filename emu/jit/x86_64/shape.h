// What generated code needs to know of a guest instruction: which operands it reads and writes, what it does
// to the flags, and with which opcode the host does the same. Anything not described here is left to the
// interpreter.
#pragma once

#include "emu/insn/fields.h"
#include "emu/jit/x86_64/assembler.h"

namespace emu::jit {

struct Shape {
    enum class Kind : u8 {
        kUnsupported,
        kGeneric,  ///< one host instruction with the same operands
        kMovImm,   ///< a whole register gets a constant
        kLea,
        kPush,  ///< a register or the immediate
        kPop,
        kLeave,
        kNop,
        kWiden,     ///< CBW CWDE CDQE
        kSign,      ///< CWD CDQ CQO
        kMultiply,  ///< rDX:rAX = rAX * r/m
        kDivide,    ///< unsigned
        kDivideSigned,
        kBswap,
        kScan,             ///< BSF, BSR
        kCompareExchange,  ///< CMPXCHG with memory
        kVector,           ///< SSE
        kFall,             ///< the end of a block that is no branch
        kJcc,
        kJmp,
        kCall,
        kRet,
        kJmpIndirect,
        kCallIndirect,
    };
    enum class FlagWrite : u8 {
        kNone,
        kSome,  ///< others keep their values: they have to be right before it
        kAll,
        kCarryOverflow,  ///< CF and OF as the host has them; the host may spoil others
    };

    Kind kind = Kind::kUnsupported;
    Opcode opcode;         ///< its size is the operands'
    u8 rm_size = 0;        ///< where r/m's differs: of MOVZX and its kin
    bool has_reg = false;  ///< ModRM.reg is a register; otherwise `extension`
    u8 extension = 0;
    u8 reg = 0, rm = 0;                      ///< guest numbers
    bool reg_high = false, rm_high = false;  ///< AH CH DH BH
    bool reg_read = false, reg_write = false;
    bool rm_memory = false, rm_read = false, rm_write = false;
    bool wants_register = false;  ///< a register operand that memory cannot stand in for
    u8 immediate_size = 0;
    u64 immediate = 0;
    bool flags_read = false;
    FlagWrite flags = FlagWrite::kNone;
    u8 condition = 0;

    // Of kVector.
    bool reg_general = false, rm_general = false;  ///< general registers, not vector ones
    bool aligned = false;                          ///< the memory operand must be, by 16
    bool floating = false;                         ///< may raise floating-point exceptions

    bool may_leave() const {
        return rm_memory || kind == Kind::kUnsupported || kind == Kind::kPush || kind == Kind::kPop ||
               kind == Kind::kLeave || kind == Kind::kDivide || kind == Kind::kDivideSigned ||
               kind == Kind::kScan || floating || kind >= Kind::kFall;
    }
    bool ends() const { return kind >= Kind::kFall; }
};

/// `insn` is the decoded form of the same instruction, or a pseudo-operation (then `fields` is not looked
/// at).
Shape shape_of(const Fields& fields, const Insn& insn);

/// The same for opcodes of the SSE families, which shape_of() asks.
bool shape_vector(const Fields& fields, Shape& shape);

}  // namespace emu::jit
