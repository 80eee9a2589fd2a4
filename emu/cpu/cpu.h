// One logical processor: registers, the L0 front of the MMU, counters, and the only door to guest memory that
// instruction handlers have. It knows the Mmu and no kernel.
#pragma once

#include <atomic>
#include <cstddef>

#include "emu/cpu/insn.h"
#include "mmu/arch/fault.h"
#include "mmu/arch/registers.h"
#include "mmu/l0.h"

namespace mmu {
class Mmu;
}  // namespace mmu

namespace emu {

class CpuModel;
struct DebugHooks;
class BlockTier;

/// References made and instructions retired by user code. Hits of the first-level TLBs are references minus
/// misses.
struct Counters {
    u64 instructions = 0;  ///< retired
    u64 loads = 0, stores = 0;
    u64 fetches = 0;  ///< one an instruction, two where it crosses a page, retired or not

    friend bool operator==(const Counters&, const Counters&) = default;
};

/// Where the 8-byte words of Registers are, in bytes, for Insn::base, index and segment.
struct Slot {
    static constexpr u8 of(u8 gpr) { return static_cast<u8>(gpr * 8); }
    static constexpr u8 kRip = 16 * 8, kFs = 17 * 8, kGs = 18 * 8, kZero = 19 * 8, kScratch = 20 * 8;
};
static_assert(offsetof(mmu::Registers, rip) == Slot::kRip &&
              offsetof(mmu::Registers, scratch) == Slot::kScratch);

/// The arithmetic flags as LAHF (high byte) and SETO (low byte) give them: the host computes them, nobody
/// else does.
using Flags = u16;
struct FlagBits {
    static constexpr Flags kOf = 1u << 0, kCf = 1u << 8, kAlwaysOne = 1u << 9, kPf = 1u << 10, kAf = 1u << 12,
                           kZf = 1u << 14, kSf = 1u << 15;
};

struct Cpu {
    Cpu(mmu::Mmu& mmu_to_use, const CpuModel& cpu_model);
    ~Cpu();
    Cpu(const Cpu&) = delete;
    Cpu& operator=(const Cpu&) = delete;

    mmu::Registers
        regs;  ///< while a block runs: rip is its first byte, and the status bits of rflags are in `flags`
    Flags flags = FlagBits::kAlwaysOne;
    i64 budget = 0;      ///< instructions left of this run; a block takes all of its own on entry
    u64 references = 0;  ///< loads, and stores << 32, of this run, taken on entry as well
    mmu::L0 l0;

    mmu::Mmu& mmu;
    const CpuModel& model;
    Counters counters;   ///< up to the start of this run; Interpreter::run() brings them up to date
    i64 run_budget = 0;  ///< what `budget` was when this run began
    mmu::Fault fault{};
    std::atomic<bool> stop{false};   ///< makes run() return kBudget soon; a host signal handler may set it
    u64 random_seed = 1;             ///< of RDRAND and RDSEED
    u32 warned = 0;                  ///< which log lines have been written (emu/insn/warn.h)
    u8 canonical_shift = 16;         ///< 64 minus the width of linear addresses: 16, or 7 with LA57
    DebugHooks* debug = nullptr;     ///< null: nobody debugs; set before run() and unchanged during it
    bool rebuild_block = false;      ///< the block at rip no longer is what is in memory there
    Block** pending_link = nullptr;  ///< where the block that is looked up next is to be noted
    BlockTier* tier = nullptr;       ///< who translates hot blocks, if anybody
    alignas(64) u8 bounce[64] = {};  ///< of the one store or modify that is open
    alignas(64) u8 read_bounce[2][64] = {};  ///< of the last two loads
    u8 next_read_bounce = 0;

    struct JumpCacheEntry {
        u64 rip = Block::kNoRip;
        Block* block = nullptr;
    };
    static constexpr unsigned kJumpCacheSize = 2048;
    JumpCacheEntry jump_cache[kJumpCacheSize];
    JumpCacheEntry& jump_cache_entry(u64 rip) {
        return jump_cache[(rip ^ (rip >> 11)) & (kJumpCacheSize - 1)];
    }
    /// An entry whose address equals the one that is looked up has a block, whatever address that is.
    void clear_jump_cache() {
        for (JumpCacheEntry& entry : jump_cache) entry = {};
        jump_cache_entry(Block::kNoRip).rip = Block::kNoRip + 1;  // which belongs into another entry
    }

    // --- registers
    // -------------------------------------------------------------------------------------------
    [[gnu::always_inline]] u64 slot(u8 offset) const { return reg<u64>(offset); }
    template <class T>
    [[gnu::always_inline]] T reg(u8 offset) const {
        T value;
        __builtin_memcpy(&value, reinterpret_cast<const u8*>(&regs) + offset, sizeof(T));
        return value;
    }
    /// A 32-bit result clears the upper half; 8- and 16-bit ones leave the rest alone (SDM Vol. 1 3.4.1.1).
    template <class T>
    [[gnu::always_inline]] void set_reg(u8 offset, T value) {
        if constexpr (sizeof(T) == 4) {
            const u64 wide = static_cast<u32>(value);
            __builtin_memcpy(reinterpret_cast<u8*>(&regs) + offset, &wide, 8);
        } else {
            __builtin_memcpy(reinterpret_cast<u8*>(&regs) + offset, &value, sizeof(T));
        }
    }
    u8* vector(u8 number) { return regs.vector[number].bytes.data(); }

    // --- memory
    // ---------------------------------------------------------------------------------------------- Each
    // returns null (or false) after a fault; `fault` is set then. A pointer may be `bounce`: for what crosses
    // a page, and for stores that someone must hear of; close() brings it home.

    [[gnu::always_inline]] const u8* read(u64 address, u32 size) {
        if (u8* p = l0.hit(l0.load, address, size)) [[likely]]
            return p;
        return read_slow(address, size);
    }
    /// Opens `size` bytes (64 at most) to be overwritten whole.
    [[gnu::always_inline]] u8* open_store(u64 address, u32 size) {
        if (u8* p = l0.hit(l0.store, address, size)) [[likely]]
            return p;
        return open_store_slow(address, size);
    }
    /// Opens `size` bytes to be read and written: a load, then a store.
    [[gnu::always_inline]] u8* open_modify(u64 address, u32 size) {
        if (l0.probe(l0.load, address, size) && l0.probe(l0.store, address, size)) [[likely]] {
            l0.hit(l0.load, address, size);
            return l0.hit(l0.store, address, size);
        }
        return open_modify_slow(address, size);
    }
    [[gnu::always_inline]] void close(const u8* p) {
        if (p == bounce) [[unlikely]]
            close_bounce();
    }
    template <class T>
    [[gnu::always_inline]] bool store(u64 address, T value) {
        if (u8* p = l0.hit(l0.store, address, sizeof(T))) [[likely]] {
            __builtin_memcpy(p, &value, sizeof(T));
            return true;
        }
        return store_slow(address, static_cast<u64>(value), sizeof(T));
    }

    const u8* read_slow(u64 address, u32 size);
    u8* open_store_slow(u64 address, u32 size);
    u8* open_modify_slow(u64 address, u32 size);
    bool store_slow(u64 address, u64 value, u32 size);
    void close_bounce();

    [[gnu::always_inline]] bool is_canonical(u64 address) const {
        return static_cast<i64>(address << canonical_shift) >> canonical_shift == static_cast<i64>(address);
    }

    /// One reference to instruction bytes at `address`; the host byte, or null with `fault` set.
    u8* fetch(u64 address);

    // --- flags and counters
    // ----------------------------------------------------------------------------------
    u64 rflags() const;
    /// Status bits to `flags`, the rest to regs.rflags.
    void set_rflags(u64 value);
    /// Retired so far. Exact only in an instruction that is a block of its own, and outside of run().
    u64 instructions_retired() const;

  private:
    /// Where the bytes of an access are: in one page, or in two.
    struct Span {
        u8* low = nullptr;
        u8* high = nullptr;
        u32 low_size = 0, size = 0;
    };
    u8* reference(u64 address, mmu::Access access);
    void note_watched(u64 address, u32 size, mmu::Access access);
    bool locate(u64 address, u32 size, mmu::Access access, Span& span);
    static void copy_in(const Span& span, u8* to);
    u8* writable(const Span& span, bool filled);
    mmu::Pfn frame_of(const u8* host) const;

    Span pending_store;
};

template <class T>
[[gnu::always_inline]] inline T get(const u8* p) {
    T value;
    __builtin_memcpy(&value, p, sizeof(T));
    return value;
}
template <class T>
[[gnu::always_inline]] inline void put(u8* p, T value) {
    __builtin_memcpy(p, &value, sizeof(T));
}

// --- addresses: the two kinds that handlers are made for
// ----------------------------------------------------------

/// base + disp and nothing else: nine operands in ten.
struct BaseDisp {
    [[gnu::always_inline]] static u64 address(const Cpu& cpu, const Insn* i) {
        return cpu.slot(i->base) + static_cast<u64>(static_cast<i64>(i->disp));
    }
};
/// base + (index << scale) + disp, cut to 32 bits if so prefixed, + segment base.
struct AnyAddress {
    [[gnu::always_inline]] static u64 offset(const Cpu& cpu, const Insn* i) {
        const u64 sum = cpu.slot(i->base) + (cpu.slot(i->index) << i->scale) +
                        static_cast<u64>(static_cast<i64>(i->disp));
        return i->address32 ? static_cast<u32>(sum) : sum;
    }
    [[gnu::always_inline]] static u64 address(const Cpu& cpu, const Insn* i) {
        return offset(cpu, i) + cpu.slot(i->segment);
    }
};

// --- ways out of a handler
// -------------------------------------------------------------------------------------

/// The pointer is moved first: g++ otherwise keeps both and spends two more instructions on every dispatch.
[[gnu::always_inline]] inline Exit next(Cpu& cpu, const Insn* i) {
    ++i;
    asm("" : "+r"(i));
    return i->run(cpu, i);
}

/// The instruction raised cpu.fault. `loads` and `stores` are the references it made, the faulting one
/// included; what a second page added was counted where it was made.
[[gnu::cold, gnu::noinline]] Exit fault_exit(Cpu& cpu, const Insn* i, u32 loads, u32 stores);

/// As fault_exit() for a reference through RSP or RBP as the stack: what would be #GP for a non-canonical
/// address is #SS.
[[gnu::cold, gnu::noinline]] Exit stack_fault_exit(Cpu& cpu, const Insn* i, u32 loads, u32 stores);

/// Raises an exception after `loads` and `stores` references of the instruction have succeeded.
[[gnu::cold, gnu::noinline]] Exit fault_after(Cpu& cpu, const Insn* i, mmu::Vector vector, u32 loads,
                                              u32 stores);

/// Raises an exception other than a page fault, before any reference of the instruction.
[[gnu::cold, gnu::noinline]] Exit raise(Cpu& cpu, const Insn* i, mmu::Vector vector, u32 error_code = 0);

/// Leaves before `i`, taking back what the rest of the block has been charged.
[[gnu::cold, gnu::noinline]] Exit leave_before(Cpu& cpu, const Insn* i, Exit reason);

/// What every operation of a block becomes when the block's page is written.
Exit stale_block(Cpu& cpu, const Insn* i);

/// Charges `block` and runs it; `rip` is its first byte.
[[gnu::always_inline]] inline Exit enter(Cpu& cpu, Block* block, u64 rip) {
    cpu.regs.rip = rip;
    cpu.budget -= block->instructions;
    cpu.references += block->references;
    if (cpu.budget < 0) [[unlikely]]
        return leave_before(cpu, block->code(), Exit::kBudget);
    return block->code()->run(cpu, block->code());
}

/// Goes on at `rip` through the run loop; `link`, if any, is where the found block is to be noted.
[[gnu::always_inline]] inline Exit lookup(Cpu& cpu, u64 rip, Block** link = nullptr) {
    cpu.regs.rip = rip;
    cpu.pending_link = link;
    return Exit::kLookup;
}

/// To a target in the page of the running block: the translation is the running one, so a link needs no
/// check.
[[gnu::always_inline]] inline Exit go_near(Cpu& cpu, Block*& link, u64 rip) {
    if (Block* block = link) [[likely]]
        return enter(cpu, block, rip);
    return lookup(cpu, rip, &link);
}

/// To any page: a reference to the instruction TLB comes first.
[[gnu::always_inline]] inline Exit go_far(Cpu& cpu, Block* block, u64 rip, Block** link) {
    const mmu::L0::Slot& slot = mmu::L0::at(cpu.l0.fetch, rip);
    const u64 page = rip & ~mmu::kPageOffsetMask;
    if (block && slot.tag == page && block->host_page == page + slot.addend) [[likely]] {
        *slot.stamp = ++cpu.l0.clock;
        return enter(cpu, block, rip);
    }
    return lookup(cpu, rip, link);
}

/// To a computed target.
[[gnu::always_inline]] inline Exit go_indirect(Cpu& cpu, u64 rip) {
    Cpu::JumpCacheEntry& entry = cpu.jump_cache_entry(rip);
    return go_far(cpu, entry.rip == rip ? entry.block : nullptr, rip, nullptr);
}

}  // namespace emu
