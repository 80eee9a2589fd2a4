#include "tests/oracle/sequence_runner.h"

#include <cstring>

#include "tests/oracle/compare.h"
#include "tests/oracle/host_features.h"

namespace tests {
namespace {

constexpr u64 kLongest = 12;
constexpr emu::OpcodeRow kSequence{"sequence", emu::Map::kOne, 0x90, nullptr};

/// A conditional branch to a little behind the sequence, as its last instruction.
std::vector<u8> random_branch(mmu::Rng& rng) {
    return {static_cast<u8>(0x70 + rng.below(16)), static_cast<u8>(0x20 + rng.below(0x40))};
}

}  // namespace

std::string Sequences::run_one() {
    RandomCase whole = first_case();
    std::memcpy(host_.data(), usual_.data(), usual_.size());
    std::memcpy(emulated_.data(), usual_.data(), usual_.size());
    HostCpu::Outcome native;
    native.registers = whole.before;
    std::string text;
    const u64 length = 2 + rng_.below(kLongest - 1);
    for (u64 n = 0; n < length && native.signal == 0; ++n) {
        const bool last = n + 1 == length;
        const std::vector<u8> bytes =
            last && rng_.below(2) ? random_branch(rng_)
                                  : instruction(native.registers, whole.bytes.size(), n + 2 >= length);
        native = host_.run(bytes, native.registers);
        whole.bytes.insert(whole.bytes.end(), bytes.begin(), bytes.end());
        text += "  " + decoder_.describe(bytes, 0) + "\n";
    }
    const EmulatedCpu::Outcome emulated = emulated_.run(whole.bytes, whole.before);
    std::string found = differences(whole, kSequence, native, emulated, host_.data(), emulated_.data());
    if (native.signal && static_cast<u64>(emulated.fault.vector) != native.trapno)
        found += "    another vector\n";
    return found.empty() ? found : text + found;
}

RandomCase Sequences::first_case() {
    RandomCase made;
    const emu::OpcodeRow& row = *emu::all_chapters()[0].data();
    while (!make_case(row, rng_, made)) {
    }
    made.bytes.clear();
    made.memory.clear();
    made.before.mxcsr |= 0x1f80;  // a trapping overflow leaves a flag that is not known
    return made;
}

const emu::OpcodeRow& Sequences::random_row(bool integer) {
    const auto chapter = chapters_[rng_.below(integer ? 2 : chapters_.size())];
    return chapter[rng_.below(chapter.size())];
}

/// One without a memory operand, or with a RIP-relative one: it needs no register to be steered.
std::vector<u8> Sequences::instruction(const mmu::Registers& now, u64 offset, bool integer) {
    for (RandomCase made;;) {
        const emu::OpcodeRow& row = random_row(integer || rng_.below(2));
        if (!make_case(row, rng_, made) || !is_predictable(row, made.fields, now)) continue;
        if (missing_on_host(row)) continue;
        const emu::Fields& f = made.fields;
        const bool elsewhere = f.memory() && (!f.rip_relative() || f.segment);
        const bool absolute = f.map == emu::Map::kOne && f.opcode >= 0xa0 && f.opcode <= 0xa3;
        if (elsewhere || absolute) continue;
        if (f.rip_relative()) {
            const auto displacement = static_cast<mmu::i32>(f.displacement() - static_cast<mmu::i64>(offset));
            std::memcpy(made.bytes.data() + f.displacement_at, &displacement, 4);
        }
        return made.bytes;
    }
}

}  // namespace tests
