// Insn: one decoded instruction, the currency of every execution tier. A block is an array of them; each
// handler ends by calling the next one's, which the compiler turns into a jump.
#pragma once

#include "mmu/base/ints.h"

namespace emu {

using mmu::i16, mmu::i32, mmu::i64, mmu::i8, mmu::u16, mmu::u32, mmu::u64, mmu::u8, mmu::usize;

struct Cpu;
struct Insn;

/// Why the interpreter came back to its caller.
enum class Exit : u8 {
    kLookup,   ///< go on at regs.rip: no decoded block was at hand
    kSyscall,  ///< SYSCALL executed; regs.rip is the instruction after it
    kFault,    ///< cpu.fault is set; regs.rip is the instruction that raised it, nothing of it is committed
    kBudget,   ///< the instruction budget is used up, or a stop was asked for
};

using Handler = Exit (*)(Cpu&, const Insn*);

/// What an instruction adds to the counters of its block, and whether the block ends with it.
struct Cost {
    static constexpr u8 kLoad = 1, kLoadMask = 7, kStore = 8, kStoreMask = 7 << 3, kInstruction = 64,
                        kEnd = 128;
};

/// Thirty-two bytes, so that two share a cache line. Register operands are byte offsets into Registers (AH is
/// the offset of RAX plus one), vector and x87 registers plain numbers; base, index and segment are byte
/// offsets of 8-byte words too, `Registers::zero` standing for "none".
struct Insn {
    Handler run = nullptr;
    u64 imm = 0;   ///< immediate, sign-extended to 64 bits
    i32 disp = 0;  ///< of the memory operand; RIP-relative ones are relative to the block's first byte
    u8 dst = 0, src = 0;
    u8 base = 0, index = 0;
    u8 scale = 0;    ///< shift count 0..3
    u8 segment = 0;  ///< slot of the segment base
    u8 aux = 0;      ///< what the handler likes: a condition, an imm8, a third register
    u8 cost = Cost::kInstruction;
    u16 offset = 0;    ///< from the block's first byte
    u8 length = 0;     ///< bytes; 0 for a pseudo-operation
    u8 address32 = 0;  ///< the effective address is cut to 32 bits (prefix 67h)
};
static_assert(sizeof(Insn) == 32);

struct Block;

/// Follows the last Insn of a block in memory: where the two ways out were found to lead.
struct alignas(32) Links {
    Block* taken = nullptr;
    Block* fall = nullptr;
    Block* next_in_frame = nullptr;  ///< of the block cache: its blocks of one frame form a list
};
static_assert(sizeof(Links) == sizeof(Insn));

/// A straight run of instructions within one page; its Insns follow it in memory.
struct alignas(64) Block {
    static constexpr u64 kNoRip = u64{1} << 62;  ///< in no canonical address

    u64 host_page = 0;   ///< host address of the page it was decoded from; 0 once that page was written
    u64 physical = 0;    ///< guest-physical address of its first byte
    u64 references = 0;  ///< loads, and stores << 32, of one full run
    u32 instructions = 0;
    u32 insns = 0;  ///< with pseudo-operations, without Links

    // Of the translated tier: generated code serves the block at one virtual address.
    u64 body_rip = kNoRip;       ///< where that is; kNoRip while there is none
    const void* body = nullptr;  ///< generated code that charges the block and runs it
    Handler first = nullptr;     ///< the first Insn's own handler while another stands in for it
    u32 heat = 0;                ///< entries left until it is translated
    u32 translation = 0;         ///< the tier's number for it

    Insn* code() { return reinterpret_cast<Insn*>(this + 1); }
    const Insn* code() const { return reinterpret_cast<const Insn*>(this + 1); }
};
static_assert(sizeof(Block) == 64);

}  // namespace emu
