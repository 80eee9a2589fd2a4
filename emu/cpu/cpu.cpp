#include "emu/cpu/cpu.h"

#include <algorithm>
#include <cstring>

#include "emu/cpu/debug_hooks.h"
#include "mmu/base/check.h"
#include "mmu/mmu.h"

namespace emu {

using mmu::Access, mmu::Privilege, mmu::Rflags, mmu::Vector, mmu::VirtAddr;

Cpu::Cpu(mmu::Mmu& mmu_to_use, const CpuModel& cpu_model) : mmu(mmu_to_use), model(cpu_model) {
    mmu.attach(&l0);
    clear_jump_cache();
}

Cpu::~Cpu() {
    mmu.attach(nullptr);
}

u8* Cpu::reference(u64 address, Access access) {
    const auto translation = mmu.translate(VirtAddr{address}, access, Privilege::kUser);
    if (!translation) {
        fault = translation.error();
        return nullptr;
    }
    CHECK(translation->host != nullptr, address);  // the kernel maps nothing but RAM
    return translation->host;
}

u8* Cpu::fetch(u64 address) {
    return reference(address, Access::kFetch);
}

/// Makes the references of [address, address + size) in order, low page first, and notes where the bytes are.
bool Cpu::locate(u64 address, u32 size, Access access, Span& span) {
    const u64 in_first = mmu::kPageSize - (address & mmu::kPageOffsetMask);
    const u64 second = address + in_first;
    // An access is canonical as a whole or not at all, and that is looked at before any page.
    const bool canonical = is_canonical(second);
    if (size > in_first && !canonical) [[unlikely]]
        return reference(second, access) != nullptr;
    span.low = reference(address, access);
    if (!span.low) return false;
    span.low_size = static_cast<u32>(std::min<u64>(size, in_first));
    span.size = size;
    span.high = nullptr;
    if (size > in_first) {
        ++(access == Access::kStore ? counters.stores : counters.loads);
        span.high = reference(second, access);
        if (!span.high) return false;
    }
    if (debug && !debug->watches.empty()) [[unlikely]]
        note_watched(address, size, access);
    return true;
}

/// A watched access stops the run behind its instruction: the running block is dropped, as if the guest had
/// written it, and no other one can be entered.
void Cpu::note_watched(u64 address, u32 size, Access access) {
    if (!debug->note(address, size, access == Access::kStore) || debug->held) return;
    debug->held = true;
    budget -= DebugHooks::kHold;
    if (const u8* host = l0.probe(l0.fetch, regs.rip, 1)) {
        mmu.memory().note_write(frame_of(host));
    } else if (const auto code = mmu.peek(VirtAddr{regs.rip}, Access::kFetch, Privilege::kUser);
               code && code->host) {
        mmu.memory().note_write(code->physical.pfn());
    }
}

void Cpu::copy_in(const Span& span, u8* to) {
    std::memcpy(to, span.low, span.low_size);
    if (span.high) std::memcpy(to + span.low_size, span.high, span.size - span.low_size);
}

const u8* Cpu::read_slow(u64 address, u32 size) {
    Span span;
    if (!locate(address, size, Access::kLoad, span)) return nullptr;
    if (!span.high) return span.low;
    u8* const buffer = read_bounce[next_read_bounce ^= 1];
    copy_in(span, buffer);
    return buffer;
}

/// Stores go home through close_bounce() when they cross a page or when someone must hear of them.
u8* Cpu::writable(const Span& span, bool filled) {
    const bool heard = mmu.memory().holds_code(frame_of(span.low)) ||
                       (span.high && mmu.memory().holds_code(frame_of(span.high)));
    if (!span.high && !heard) return span.low;
    pending_store = span;
    if (filled) copy_in(span, bounce);
    return bounce;
}

u8* Cpu::open_store_slow(u64 address, u32 size) {
    Span span;
    if (!locate(address, size, Access::kStore, span)) return nullptr;
    return writable(span, false);
}

u8* Cpu::open_modify_slow(u64 address, u32 size) {
    Span span;
    if (!locate(address, size, Access::kLoadForStore, span)) return nullptr;
    if (!locate(address, size, Access::kStore, span)) return nullptr;
    return writable(span, true);
}

bool Cpu::store_slow(u64 address, u64 value, u32 size) {
    u8* p = open_store_slow(address, size);
    if (!p) return false;
    std::memcpy(p, &value, size);
    close(p);
    return true;
}

void Cpu::close_bounce() {
    const Span& span = pending_store;
    std::memcpy(span.low, bounce, span.low_size);
    mmu.memory().note_write(frame_of(span.low));
    if (!span.high) return;
    std::memcpy(span.high, bounce + span.low_size, span.size - span.low_size);
    mmu.memory().note_write(frame_of(span.high));
}

mmu::Pfn Cpu::frame_of(const u8* host) const {
    return mmu::PhysAddr{static_cast<u64>(host - mmu.memory().host(mmu::PhysAddr{0}))}.pfn();
}

u64 Cpu::rflags() const {
    const u64 status = (flags >> 8 & (Rflags::kCf | Rflags::kPf | Rflags::kAf | Rflags::kZf | Rflags::kSf)) |
                       (flags & FlagBits::kOf ? Rflags::kOf : 0);
    return (regs.rflags & ~Rflags::kStatus) | status | Rflags::kAlwaysOne;
}

void Cpu::set_rflags(u64 value) {
    regs.rflags = value | Rflags::kAlwaysOne;
    flags = static_cast<Flags>((value & 0xd5) << 8 | FlagBits::kAlwaysOne | (value & Rflags::kOf ? 1 : 0));
}

u64 Cpu::instructions_retired() const {
    return counters.instructions + static_cast<u64>(run_budget - budget);
}

namespace {

/// Takes back what `i` and everything behind it in its block have been charged.
void uncharge(Cpu& cpu, const Insn* i) {
    for (;; ++i) {
        cpu.budget += (i->cost & Cost::kInstruction) != 0;
        cpu.references -= static_cast<u64>(i->cost & Cost::kLoadMask) +
                          (static_cast<u64>((i->cost & Cost::kStoreMask) / Cost::kStore) << 32);
        if (i->cost & Cost::kEnd) return;
    }
}

}  // namespace

Exit fault_exit(Cpu& cpu, const Insn* i, u32 loads, u32 stores) {
    const bool through_stack =
        i->segment == Slot::kZero && (i->base == Slot::of(mmu::kRsp) || i->base == Slot::of(mmu::kRbp));
    if (cpu.fault.vector == Vector::kGeneralProtection && through_stack)
        cpu.fault.vector = Vector::kStackFault;
    cpu.counters.loads += loads;
    cpu.counters.stores += stores;
    ++cpu.counters.fetches;
    return leave_before(cpu, i, Exit::kFault);
}

Exit stack_fault_exit(Cpu& cpu, const Insn* i, u32 loads, u32 stores) {
    if (cpu.fault.vector == Vector::kGeneralProtection) cpu.fault.vector = Vector::kStackFault;
    return fault_exit(cpu, i, loads, stores);
}

Exit fault_after(Cpu& cpu, const Insn* i, Vector vector, u32 loads, u32 stores) {
    cpu.fault = {vector, 0, {}};
    cpu.counters.loads += loads;
    cpu.counters.stores += stores;
    ++cpu.counters.fetches;
    return leave_before(cpu, i, Exit::kFault);
}

Exit raise(Cpu& cpu, const Insn* i, Vector vector, u32 error_code) {
    cpu.fault = {vector, error_code, {}};
    ++cpu.counters.fetches;
    return leave_before(cpu, i, Exit::kFault);
}

Exit leave_before(Cpu& cpu, const Insn* i, Exit reason) {
    cpu.regs.rip += i->offset;
    uncharge(cpu, i);
    return reason;
}

Exit stale_block(Cpu& cpu, const Insn* i) {
    cpu.pending_link = nullptr;
    return leave_before(cpu, i, Exit::kLookup);
}

}  // namespace emu
