#include "tests/oracle/emulated_cpu.h"

#include <cstring>

#include "emu/cpu/cpu_model.h"
#include "emu/interp/interpreter.h"
#include "emu/jit/translated_tier.h"
#include "mmu/base/check.h"
#include "mmu/base/log.h"
#include "mmu/mmu.h"
#include "mmu/presets.h"
#include "tests/mmu/table_builder.h"
#include "tests/support/host_cpu.h"

namespace tests {
namespace {

using mmu::PhysAddr, mmu::Pte, mmu::VirtAddr;

constexpr PhysAddr kCodeFrames{0x10'0000}, kDataFrames{0x20'0000};

/// More than any string instruction's iterations here.
constexpr u64 kMaxInstructions = 1'000'000;
constexpr u8 kHlt = 0xf4;  ///< raises an exception in user mode: stands wherever the instruction may lead

}  // namespace

struct EmulatedCpu::State {
    mmu::PhysicalMemory memory = std::move(*mmu::PhysicalMemory::create(16 << 20));
    mmu::TableBuilder tables{memory, 4};
    mmu::TlbConfig tlb = *mmu::find_preset(mmu::kDefaultPreset);
    mmu::Mmu mmu{memory, tlb, {}, 1};
    emu::CpuModel model{tlb, emu::FeatureSet::all()};
    emu::Cpu cpu{mmu, model};
    std::unique_ptr<emu::BlockTier> tier;
    emu::Interpreter interpreter{cpu};

    explicit State(bool translated) {
        if (translated) tier = emu::make_translated_tier(cpu, {.heat = 1, .selective = false});
        if (tier) interpreter.set_tier(tier.get());
        const auto map = [&](u64 address, u64 size, PhysAddr frames, u64 flags) {
            for (u64 at = 0; at < size; at += mmu::kPageSize)
                tables.map(VirtAddr{address + at}, frames + at, mmu::PageSize::k4K, flags);
        };
        map(HostCpu::kCode, HostCpu::kCodeSize, kCodeFrames, mmu::TableBuilder::kUserPage);
        map(HostCpu::kData, HostCpu::kDataSize, kDataFrames, mmu::TableBuilder::kUserPage | Pte::kNoExecute);
        std::memset(memory.host(kCodeFrames), kHlt, HostCpu::kCodeSize);
        CHECK(mmu.load_cr3(tables.root().value).has_value());
    }
};

EmulatedCpu::EmulatedCpu(bool translated) : state_(std::make_unique<State>(translated)) {
    CHECK(mmu::set_log_level("error"));  // random instructions ask for much that is refused with a warning
}
EmulatedCpu::~EmulatedCpu() = default;

u8* EmulatedCpu::data() {
    return state_->memory.host(kDataFrames);
}

emu::Cpu& EmulatedCpu::cpu() {
    return state_->cpu;
}

EmulatedCpu::Outcome EmulatedCpu::run(std::span<const u8> bytes, const mmu::Registers& before) {
    State& s = *state_;
    const PhysAddr code = kCodeFrames + (before.rip - HostCpu::kCode);
    CHECK(before.rip >= HostCpu::kCode && before.rip - HostCpu::kCode < HostCpu::kCodeSize - 32, before.rip);
    s.memory.note_write(code.pfn());
    std::memcpy(s.memory.host(code), bytes.data(), bytes.size());

    s.cpu.regs = before;
    const emu::Exit exit = s.interpreter.run(kMaxInstructions);
    std::memset(s.memory.host(code), kHlt, bytes.size());
    Outcome out;
    out.registers = s.cpu.regs;
    out.registers.scratch = before.scratch;
    out.executed = exit == emu::Exit::kFault && s.cpu.regs.rip != before.rip;
    out.fault = s.cpu.fault;
    return out;
}

}  // namespace tests
