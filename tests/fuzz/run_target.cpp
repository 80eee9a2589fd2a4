#include <cstring>

#include "emu/cpu/cpu.h"
#include "emu/cpu/cpu_model.h"
#include "emu/interp/interpreter.h"
#include "mmu/base/check.h"
#include "mmu/base/log.h"
#include "mmu/mmu.h"
#include "mmu/presets.h"
#include "tests/fuzz/targets.h"
#include "tests/mmu/table_builder.h"

namespace tests {
namespace {

using mmu::PhysAddr, mmu::Pte, mmu::VirtAddr;

/// One page of code that can be written, and two of data around which registers point.
constexpr u64 kCode = 0x40'0000, kData = 0x50'0000, kStart = kCode + 0xe00;
constexpr PhysAddr kCodeFrame{0x10'0000}, kDataFrames{0x20'0000};
constexpr u64 kDataSize = 2 * mmu::kPageSize;
constexpr u64 kBudget = 300;
constexpr u8 kHlt = 0xf4;

class Machine {
  public:
    Machine() {
        tables_.map(VirtAddr{kCode}, kCodeFrame, mmu::PageSize::k4K, mmu::TableBuilder::kUserPage);
        for (u64 at = 0; at < kDataSize; at += mmu::kPageSize)
            tables_.map(VirtAddr{kData + at}, kDataFrames + at, mmu::PageSize::k4K,
                        mmu::TableBuilder::kUserPage | Pte::kNoExecute);
        CHECK(mmu_.load_cr3(tables_.root().value).has_value());
    }

    /// Runs the bytes afresh. Each of `slices` instructions at once.
    void run(std::span<const u8> bytes, u64 slice) {
        memory_.note_write(kCodeFrame.pfn());
        std::memset(memory_.host(kCodeFrame), kHlt, mmu::kPageSize);
        std::memcpy(memory_.host(kCodeFrame) + (kStart - kCode), bytes.data(), bytes.size());
        for (u64 at = 0; at < kDataSize; ++at) memory_.host(kDataFrames)[at] = static_cast<u8>(at * 37 >> 3);
        cpu_.regs = mmu::Registers{};
        cpu_.counters = {};
        cpu_.regs.rip = kStart;
        for (unsigned n = 0; n < 16; ++n) {
            cpu_.regs.gpr[n] = kData + 0x200 * n + 8;
            for (unsigned at = 0; at < 32; ++at) cpu_.regs.vector[n].bytes[at] = static_cast<u8>(n * 40 + at);
        }
        cpu_.regs.gpr[mmu::kRcx] = 5;
        exit_ = emu::Exit::kBudget;
        while (exit_ == emu::Exit::kBudget && cpu_.counters.instructions < kBudget)
            exit_ = interpreter_.run(std::min(slice, kBudget - cpu_.counters.instructions));
    }

    std::string difference(const Machine& other) const {
        if (exit_ != other.exit_) return "ends otherwise";
        if (exit_ == emu::Exit::kFault &&
            !(cpu_.fault.vector == other.cpu_.fault.vector && cpu_.fault.address == other.cpu_.fault.address))
            return "raises another exception";
        for (unsigned n = 0; n < 16; ++n)
            if (cpu_.regs.gpr[n] != other.cpu_.regs.gpr[n])
                return "another general register " + std::to_string(n);
        if (cpu_.regs.rip != other.cpu_.regs.rip) return "another RIP";
        if (cpu_.regs.rflags != other.cpu_.regs.rflags) return "other flags";
        if (!(cpu_.regs.vector == other.cpu_.regs.vector)) return "another vector";
        if (cpu_.regs.mxcsr != other.cpu_.regs.mxcsr) return "another MXCSR";
        if (!(cpu_.regs.x87 == other.cpu_.regs.x87)) return "another x87 state";
        if (!(cpu_.counters == other.cpu_.counters)) return "other counts";
        if (std::memcmp(memory_.host(kDataFrames), other.memory_.host(kDataFrames), kDataSize) != 0 ||
            std::memcmp(memory_.host(kCodeFrame), other.memory_.host(kCodeFrame), mmu::kPageSize) != 0)
            return "other memory";
        return {};
    }

  private:
    mutable mmu::PhysicalMemory memory_ = std::move(*mmu::PhysicalMemory::create(16 << 20));
    mmu::TableBuilder tables_{memory_, 4};
    mmu::TlbConfig tlb_ = *mmu::find_preset(mmu::kDefaultPreset);
    mmu::Mmu mmu_{memory_, tlb_, {}, 1};
    emu::CpuModel model_{tlb_, emu::FeatureSet::all() & emu::host_features()};
    emu::Cpu cpu_{mmu_, model_};
    emu::Interpreter interpreter_{cpu_};
    emu::Exit exit_ = emu::Exit::kBudget;
};

}  // namespace

struct RunTarget::State {
    Machine blocks, steps;
};

RunTarget::RunTarget() : state_(std::make_unique<State>()) {
    CHECK(mmu::set_log_level("off"));  // arbitrary bytes ask for much that is refused with a warning
}
RunTarget::~RunTarget() = default;

std::string RunTarget::check(std::span<const u8> bytes) {
    if (bytes.size() > 0x200) return {};
    state_->blocks.run(bytes, kBudget);
    state_->steps.run(bytes, 1);
    const std::string found = state_->steps.difference(state_->blocks);
    return found.empty() ? found : "one by one " + found + " than in blocks";
}

}  // namespace tests
