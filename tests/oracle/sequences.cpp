// Straight runs of instructions against the host CPU: there block by block, here one by one. What a block
// does with its instructions together (fused pairs, flags, faults half way) has to come out the same.
#include <chrono>
#include <cstring>
#include <string>

#include "tests/oracle/compare.h"
#include "tests/oracle/environment.h"

#include <catch2/catch.hpp>

#include "emu/decode/decoder.h"

using namespace tests;

namespace {

constexpr unsigned kSequences = 30'000, kLongest = 12;
constexpr emu::OpcodeRow kSequence{"sequence", emu::Map::kOne, 0x90, nullptr};

/// A conditional branch to a little behind the sequence, as its last instruction.
std::vector<u8> random_branch(mmu::Rng& rng) {
    return {static_cast<u8>(0x70 + rng.below(16)), static_cast<u8>(0x20 + rng.below(0x40))};
}

class Sequences {
  public:
    explicit Sequences(u64 seed) : rng_(seed) {}

    /// Differences, or an empty text.
    std::string run_one() {
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

  private:
    RandomCase first_case() {
        RandomCase made;
        const emu::OpcodeRow& row = *emu::all_chapters()[0].data();
        while (!make_case(row, rng_, made)) {
        }
        made.bytes.clear();
        made.memory.clear();
        made.before.mxcsr |= 0x1f80;  // a trapping overflow leaves a flag that is not known
        return made;
    }

    const emu::OpcodeRow& random_row(bool integer) {
        const auto chapter = chapters_[rng_.below(integer ? 2 : chapters_.size())];
        return chapter[rng_.below(chapter.size())];
    }

    /// One without a memory operand, or with a RIP-relative one: it needs no register to be steered.
    std::vector<u8> instruction(const mmu::Registers& now, u64 offset, bool integer) {
        for (RandomCase made;;) {
            const emu::OpcodeRow& row = random_row(integer || rng_.below(2));
            if (!make_case(row, rng_, made) || !is_predictable(row, made.fields, now)) continue;
            const emu::Fields& f = made.fields;
            const bool elsewhere = f.memory() && (!f.rip_relative() || f.segment);
            const bool absolute = f.map == emu::Map::kOne && f.opcode >= 0xa0 && f.opcode <= 0xa3;
            if (elsewhere || absolute) continue;
            if (f.rip_relative()) {
                const auto displacement =
                    static_cast<mmu::i32>(f.displacement() - static_cast<mmu::i64>(offset));
                std::memcpy(made.bytes.data() + f.displacement_at, &displacement, 4);
            }
            return made.bytes;
        }
    }

    mmu::Rng rng_;
    HostCpu host_;
    EmulatedCpu emulated_;
    emu::Decoder decoder_;
    std::vector<std::span<const emu::OpcodeRow>> chapters_ = emu::all_chapters();
    std::vector<u8> usual_ = usual_memory();
};

}  // namespace

TEST_CASE("Sequences: a block leaves what its instructions leave on the host, one by one") {
    using Clock = std::chrono::steady_clock;
    const auto seconds = std::chrono::seconds(number_from_environment("MMUSCOPE_ORACLE_SECONDS", 0));
    Sequences sequences(number_from_environment("MMUSCOPE_ORACLE_SEED", 1));
    const auto begin = Clock::now();
    unsigned different = 0;
    do {
        for (unsigned n = 0; n < kSequences && different < 5; ++n) {
            const std::string found = sequences.run_one();
            if (found.empty()) continue;
            ++different;
            FAIL_CHECK("sequence " << n << "\n" << found);
        }
    } while (Clock::now() - begin < seconds && different == 0);
    CHECK(different == 0);
}
