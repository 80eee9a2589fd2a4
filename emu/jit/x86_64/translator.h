// One block into host code. What it writes does exactly what the block's handlers do, or leaves to the
// handler of the very instruction at hand before anything of it is committed.
//
//   body:     charge the block (enter()); budget used up -> way out
//   at[0]:    instruction 0, 1, ..., last: jumps to the next block
//   ways out: one for each instruction that may leave, and for each edge that is not linked
//   entries:  for handler pointers, from C++: save its registers, load the guest's, jump to at[n]
//
// The guest's flags are in the host's EFLAGS, in Cpu::flags, or in both (State); every block begins and ends
// with them in Cpu::flags, and so does every way out.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "emu/jit/records.h"
#include "emu/jit/x86_64/layout.h"
#include "emu/jit/x86_64/shape.h"

namespace emu::jit {

/// Of the region's first bytes: what all blocks share.
struct CommonCode {
    const u8* leave = nullptr;         ///< to the WayOut in RAX
    const u8* leave_at_rip = nullptr;  ///< the same with regs.rip as it is
};
CommonCode write_common(CodeRegion& region, const Layout& layout);

/// C++ that ways out lead to.
struct Exits {
    Handler budget_end;
    LeaveHandler taken, fall;  ///< an edge that is not linked
    Handler indirect;          ///< go_indirect() to regs.rip
};

struct Result {
    bool good = false;  ///< false: not worth it, or no room (then `full`)
    bool full = false;
    const u8* body = nullptr;
    struct Entry {
        u32 insn = 0;
        const u8* code = nullptr;
    };
    std::vector<Entry> entries;
};

class Translator {
  public:
    Translator(CodeRegion& region, const CommonCode& common, const Layout& layout, const Exits& exits)
        : region_(region), common_(common), layout_(layout), exits_(exits) {}

    /// False: leave nothing to the interpreter that can be translated, worth it or not.
    void set_selective(bool selective) { selective_ = selective; }

    /// `rip` is where the block is; its handlers are the original ones.
    Result translate(const Block& block, u64 rip);

  private:
    struct State {
        bool host = false;   ///< EFLAGS are the guest's
        bool memory = true;  ///< Cpu::flags are, or nobody will see them
        u16 xmm_valid = 0;   ///< host registers that hold the guest's
        u16 xmm_dirty = 0;
        bool masks_known = false;  ///< all floating-point exceptions are masked
    };
    enum class Access : u8 { kLoad, kStore, kModify };
    /// A forward jump to a way out.
    struct Leave {
        u8* distance;
        WayOut* record;
        u16 xmm_dirty;
    };
    struct EdgeJumps {
        Edge* edge;
        std::array<u8*, 2> jumps;  ///< forward jumps to its way out
    };

    // translator.cpp
    void analyze(const Block& block);
    void charge(const Block& block);
    void instruction(u32 n);
    void interpret();
    const void* original_handler(u32 n) const;
    void write_ways_out();
    void write_entries(Result& result);
    void leave_if(u8 condition);
    void leave_always();
    WayOut* way_out(const void* handler, const Insn* insn);

    // memory.cpp: each leaves the address of the host's bytes in kA
    void address(const Insn& insn, Reg to, bool wide);
    void linear_address(const Insn& insn);
    Reg word(u8 slot, Reg scratch);
    bool uses_b(const Insn& insn) const;
    void slot_of_address();
    Place check(const Insn& insn, u32 size, Access access, bool aligned = false);
    Place check_address(u32 size, i32 slots);
    Place check_constant(u64 address, u32 size, Access access);
    void stamp(const Place& pointer, Reg scratch);

    // operands.cpp
    void generic(const Insn& insn, const Shape& shape);
    void operate(const Shape& shape, Reg reg, const Place& rm);
    void load_sized(Reg to, const Place& from, u8 size);
    void read_guest(Reg to, u8 guest);
    void write_guest(u8 guest, Reg from);
    bool live_after() const { return live_[at_ + 1]; }
    void need_memory_flags();
    void need_host_flags();
    void merge_carry_overflow();
    void after_flags(const Shape& shape);

    // special.cpp
    void special(const Insn& insn, const Shape& shape);
    void lea(const Insn& insn, const Shape& shape);
    void mov_imm(const Shape& shape);
    void push(const Shape& shape);
    void pop(const Shape& shape);
    void leave_frame();
    Place only_operand(const Insn& insn, const Shape& shape);
    void multiply(const Insn& insn, const Shape& shape);
    void divide(const Insn& insn, const Shape& shape);
    void scan(const Insn& insn, const Shape& shape);
    void compare_exchange(const Insn& insn, const Shape& shape);

    // ends.cpp
    void end(const Insn& insn, const Shape& shape);
    void edge(const Insn& insn, bool taken);
    void push_return_address(const Insn& insn);
    void jump_indirect(const Insn& insn, const Shape& shape);
    void find_target(bool undo_tick);
    void go_indirect();
    void jump_cache_slot();

    // vector.cpp
    void vector(const Insn& insn, const Shape& shape);
    void flush_xmm();
    void read_xmm(u8 number);
    void wrote_xmm(u8 number);
    void require_masked_exceptions();

    CodeRegion& region_;
    const CommonCode& common_;
    const Layout& layout_;
    const Exits& exits_;
    bool selective_ = true;

    Assembler* a_ = nullptr;
    const Block* block_ = nullptr;
    u8* body_ = nullptr;
    u64 rip_ = 0;
    u32 at_ = 0;             ///< the instruction at hand
    WayOut* out_ = nullptr;  ///< its way out, once it has one
    State state_;
    i32 tick_ = 1;  ///< references since the last stamp
    bool full_ = false;
    std::vector<Shape> shapes_;
    std::vector<bool> native_;  ///< translated
    std::vector<bool> live_;    ///< flags before instruction n are seen by it or by a later one
    std::vector<Leave> leaves_;
    std::vector<EdgeJumps> edges_;
    std::vector<std::pair<u32, u8*>> entry_points_;
};

}  // namespace emu::jit
