// The emulated CPU in the surroundings of HostCpu: the same code window, data pages and guard, so that one
// instruction can be run in both and the outcomes compared. Include it before Catch.
#pragma once

#include <cstring>
#include <span>

#include "emu/cpu/cpu.h"
#include "emu/cpu/cpu_model.h"
#include "emu/interp/interpreter.h"
#include "tests/mmu/machine.h"
#include "tests/support/host_cpu.h"

namespace tests {

class GuestCpu {
  public:
    struct Outcome {
        mmu::Registers registers;
        emu::Exit exit = emu::Exit::kBudget;
        mmu::Fault fault{};  ///< if exit is kFault
        emu::Counters counters;
    };

    explicit GuestCpu(const mmu::TlbConfig& tlb = mmu::small_tlb(16, 64),
                      emu::FeatureSet features = emu::FeatureSet::all())
        : machine_(tlb), model_(mmu::small_tlb(), features), cpu_(machine_.mmu, model_), interpreter_(cpu_) {
        map(HostCpu::kCode, kCodeFrame, HostCpu::kCodeSize);
        map(HostCpu::kData, kDataFrame, HostCpu::kDataSize);
    }

    /// Runs the instruction (or several of them) at `before.rip`; RIP afterwards is as HostCpu gives it.
    Outcome run(std::span<const u8> bytes, const mmu::Registers& before, u64 instructions = 1) {
        u8* const code = machine_.memory.host(mmu::PhysAddr{kCodeFrame} + (before.rip - HostCpu::kCode));
        std::memcpy(code, bytes.data(), bytes.size());
        code[bytes.size()] = 0xcc;
        const mmu::Pfn frame = (mmu::PhysAddr{kCodeFrame} + (before.rip - HostCpu::kCode)).pfn();
        machine_.memory.note_write(frame);
        cpu_.regs = before;
        cpu_.counters = {};
        Outcome out;
        out.exit = interpreter_.run(instructions);
        out.registers = cpu_.regs;
        out.counters = cpu_.counters;
        if (out.exit == emu::Exit::kFault) out.fault = cpu_.fault;
        return out;
    }

    /// HostCpu::kDataSize bytes.
    u8* data() { return machine_.memory.host(mmu::PhysAddr{kDataFrame}); }
    mmu::Machine& machine() { return machine_; }
    emu::Cpu& cpu() { return cpu_; }
    emu::Interpreter& interpreter() { return interpreter_; }

  private:
    static constexpr u64 kCodeFrame = 8 << 20, kDataFrame = 9 << 20;

    void map(u64 address, u64 physical, u64 size) {
        for (u64 at = 0; at < size; at += mmu::kPageSize)
            machine_.tables.map(mmu::VirtAddr{address + at}, mmu::PhysAddr{physical + at});
    }

    mmu::Machine machine_;
    emu::CpuModel model_;
    emu::Cpu cpu_;
    emu::Interpreter interpreter_;
};

}  // namespace tests
