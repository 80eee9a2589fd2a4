#include "emu/interp/interpreter.h"

#include <xmmintrin.h>

#include <algorithm>

#include "emu/cpu/cpu_model.h"
#include "emu/cpu/debug_hooks.h"
#include "emu/interp/block_ops.h"
#include "mmu/base/check.h"
#include "mmu/mmu.h"

namespace emu {
namespace {

/// A slice is short enough that a stop is answered within milliseconds, and that Cpu::references cannot
/// overflow.
/// Where the compiler does not make jumps of all tail calls (without optimisation, when it guards the stack,
/// or clang, which promises none) it also bounds the depth of the host's stack.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
constexpr i64 kSlice = i64{1} << 21;
#else
constexpr i64 kSlice = i64{1} << 12;
#endif

constexpr u32 kMxcsrMasks = 0x1f80;
constexpr u32 kMxcsrFlags = 0x3f;
constexpr u32 kMxcsrDefined = 0xffff;  // the host raises #GP for reserved bits

/// Puts the guest's rounding and denormal modes into the host's MXCSR, all exceptions masked, and takes the
/// sticky flags back.
class HostMxcsr {
  public:
    explicit HostMxcsr(mmu::Registers& regs) : regs_(regs), saved_(_mm_getcsr()) {
        _mm_setcsr((regs.mxcsr & kMxcsrDefined) | kMxcsrMasks);
    }
    ~HostMxcsr() {
        regs_.mxcsr |= _mm_getcsr() & kMxcsrFlags;
        _mm_setcsr(saved_);
    }
    HostMxcsr(const HostMxcsr&) = delete;
    HostMxcsr& operator=(const HostMxcsr&) = delete;

  private:
    mmu::Registers& regs_;
    u32 saved_;
};

/// Keeps what the emulator's own arithmetic does (hash tables compute load factors) out of the guest's sticky
/// flags.
class KeepMxcsr {
  public:
    KeepMxcsr() : kept_(_mm_getcsr()) {}
    ~KeepMxcsr() { _mm_setcsr(kept_); }
    KeepMxcsr(const KeepMxcsr&) = delete;
    KeepMxcsr& operator=(const KeepMxcsr&) = delete;

  private:
    u32 kept_;
};

}  // namespace

Interpreter::Interpreter(Cpu& cpu)
    : cpu_(cpu),
      decoder_(cpu.model.features()),
      builder_(decoder_, pages_, builder_handlers()),
      cache_(cpu.mmu.memory(), pages_, stale_block) {}

Interpreter::~Interpreter() = default;

void Interpreter::set_tier(BlockTier* tier) {
    cpu_.tier = tier;
    cache_.set_tier(tier);
}

Exit Interpreter::run(u64 max_instructions) {
    const HostMxcsr mxcsr(cpu_.regs);
    cpu_.set_rflags(cpu_.regs.rflags);
    granular_ = cpu_.mmu.granular();
    Exit exit = Exit::kBudget;
    while (max_instructions > 0 && !cpu_.stop.load(std::memory_order_relaxed)) {
        const u64 before = cpu_.counters.instructions;
        const i64 slice = static_cast<i64>(std::min<u64>(max_instructions, kSlice));
        exit = run_slice(slice, BlockBuilder::kMaxInstructions);
        if (cpu_.debug && (cpu_.debug->at_breakpoint || cpu_.debug->leave || !cpu_.debug->hits.empty()))
            break;
        // The block at hand may be longer than what is left of the budget.
        if (exit == Exit::kBudget && cpu_.counters.instructions == before) {
            // Single steps pass no probe.
            if (cpu_.debug && cpu_.debug->breaks_at(cpu_.regs.rip)) {
                cpu_.debug->at_breakpoint = true;
                break;
            }
            exit = run_slice(1, 1);
        }
        max_instructions -= cpu_.counters.instructions - before;
        if (exit != Exit::kBudget) break;
    }
    cpu_.regs.rflags = cpu_.rflags();
    return exit;
}

Exit Interpreter::step() {
    const HostMxcsr mxcsr(cpu_.regs);
    cpu_.set_rflags(cpu_.regs.rflags);
    granular_ = cpu_.mmu.granular();
    const Exit exit = run_slice(1, 1);
    cpu_.regs.rflags = cpu_.rflags();
    return exit;
}

Exit Interpreter::run_slice(i64 instructions, u32 instructions_per_block) {
    cpu_.run_budget = cpu_.budget = instructions;
    cpu_.references = 0;
    cpu_.pending_link = nullptr;
    Exit exit;
    do {
        Block* const block = instructions_per_block == 1 ? single_step_block() : block_at_rip();
        exit = block ? enter(cpu_, block, cpu_.regs.rip) : Exit::kFault;
    } while (exit == Exit::kLookup && cpu_.budget > 0);
    if (exit == Exit::kLookup) exit = Exit::kBudget;
    if (cpu_.debug && cpu_.debug->held) [[unlikely]] {
        cpu_.budget += DebugHooks::kHold;
        cpu_.debug->held = false;
        // What has not retired has touched nothing.
        if (exit == Exit::kFault) cpu_.debug->hits.clear();
    }
    const u64 retired = static_cast<u64>(instructions - cpu_.budget);
    cpu_.counters.instructions += retired;
    cpu_.counters.fetches += retired;
    cpu_.counters.loads += cpu_.references & 0xffffffff;
    cpu_.counters.stores += cpu_.references >> 32;
    cpu_.run_budget = cpu_.budget = 0;
    cpu_.references = 0;
    cpu_.pending_link = nullptr;
    return exit;
}

/// One reference to the instruction TLB for RIP; the host byte, or null after a fault.
const u8* Interpreter::fetch_at_rip() {
    const u64 rip = cpu_.regs.rip;
    if (const u8* host = cpu_.l0.hit(cpu_.l0.fetch, rip, 1)) return host;
    const u8* const host = cpu_.fetch(rip);
    if (!host) ++cpu_.counters.fetches;
    return host;
}

Block* Interpreter::block_at_rip() {
    const u8* const host = fetch_at_rip();
    if (!host) return nullptr;
    const u64 physical = physical_of(host);
    Block* block = cpu_.rebuild_block ? nullptr : cache_.find(physical);
    if (!block) {
        const KeepMxcsr mxcsr;
        const DecodeClock::Sample sample(decode_clock_);
        mmu::Pfn second_frame;
        if (!decode(host, BlockBuilder::kMaxInstructions, second_frame)) return nullptr;
        block = cache_.insert(header_for(host), builder_.code(), second_frame);
    }
    if (cpu_.pending_link) {
        *cpu_.pending_link = block;
        cpu_.pending_link = nullptr;
    } else {
        cpu_.jump_cache_entry(cpu_.regs.rip) = {cpu_.regs.rip, block};
    }
    return block;
}

/// A block with the one instruction at RIP, outside of the cache: for budgets that end within a block.
Block* Interpreter::single_step_block() {
    const u8* const host = fetch_at_rip();
    const KeepMxcsr mxcsr;
    mmu::Pfn second_frame;
    if (!host || !decode(host, 1, second_frame)) return nullptr;
    step_.header = header_for(host);
    std::copy_n(builder_.code(), step_.header.insns, step_.code);
    new (step_.code + step_.header.insns) Links;
    return &step_.header;
}

Block Interpreter::header_for(const u8* host) const {
    Block header = builder_.header();
    header.host_page = reinterpret_cast<u64>(host) & ~mmu::kPageOffsetMask;
    header.physical = physical_of(host);
    return header;
}

u64 Interpreter::physical_of(const u8* host) const {
    return static_cast<u64>(host - cpu_.mmu.memory().host(mmu::PhysAddr{0}));
}

/// Leaves the block at `host` in the builder; false after a fault of the second page's fetch.
bool Interpreter::decode(const u8* host, u32 max_instructions, mmu::Pfn& second_frame) {
    cpu_.rebuild_block = false;
    if (cache_.full()) forget_blocks();
    const u64 offset = physical_of(host) & mmu::kPageOffsetMask;
    BlockBuilder::Source source;
    source.bytes = {host, mmu::kPageSize - offset};
    source.offset = offset;
    source.links = !granular_ && max_instructions > 1;
    source.max_instructions = granular_ ? 1 : max_instructions;
    source.plain = cpu_.debug && !cpu_.debug->watches.empty();
    source.debug = max_instructions > 1 ? cpu_.debug : nullptr;
    second_frame = mmu::PhysAddr{physical_of(host)}.pfn();

    if (builder_.build(source) == BlockBuilder::Status::kNeedSecondPage) {
        const u8* const second = second_page();
        if (!second) return false;
        source.second_bytes = {second, Fields::kMaxLength + 1};
        source.second_host_page = reinterpret_cast<u64>(second);
        second_frame = mmu::PhysAddr{physical_of(second)}.pfn();
        CHECK(builder_.build(source) == BlockBuilder::Status::kBuilt, cpu_.regs.rip);
    }
    ++blocks_built_;
    const mmu::Pfn frame = mmu::PhysAddr{physical_of(host)}.pfn();
    cpu_.mmu.frame_holds_code(frame);
    if (second_frame != frame) cpu_.mmu.frame_holds_code(second_frame);
    return true;
}

/// The first byte of the page behind RIP's, without a reference if it can be had so: the block itself makes
/// one each time it runs. Null after the fault that this reference would raise.
const u8* Interpreter::second_page() {
    const u64 second = (cpu_.regs.rip & ~mmu::kPageOffsetMask) + mmu::kPageSize;
    const auto page = cpu_.mmu.peek(mmu::VirtAddr{second}, mmu::Access::kFetch, mmu::Privilege::kUser);
    if (page && page->host) return page->host;
    const u8* const host = cpu_.fetch(second);  // a stale TLB entry may still lead somewhere
    cpu_.counters.fetches += host ? 1 : 2;
    return host;
}

void Interpreter::forget_blocks() {
    cache_.clear();
    cpu_.pending_link = nullptr;
    cpu_.clear_jump_cache();
}

std::string Interpreter::describe_current() const {
    u8 bytes[Fields::kMaxLength + 1];
    usize size = 0;
    for (; size < sizeof bytes; ++size) {
        const auto byte =
            cpu_.mmu.peek(mmu::VirtAddr{cpu_.regs.rip + size}, mmu::Access::kFetch, mmu::Privilege::kUser);
        if (!byte || !byte->host) break;
        bytes[size] = *byte->host;
    }
    return decoder_.describe({bytes, size}, cpu_.regs.rip);
}

}  // namespace emu
