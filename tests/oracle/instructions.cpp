// Every row of the opcode table against the host CPU, on random encodings, registers and memory.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "emu/decode/decoder.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/environment.h"

#include <catch2/catch.hpp>

using namespace tests;

namespace {

constexpr unsigned kCasesPerRow = 400;
constexpr unsigned kAttemptsPerCase = 40;

class Oracle {
  public:
    explicit Oracle(u64 seed) : rng_(seed) {}

    /// Cases run, or 0 when none could be made.
    unsigned test_row(const emu::OpcodeRow& row, unsigned cases) {
        RandomCase test;
        unsigned made = 0;
        for (unsigned attempt = 0; attempt < cases * kAttemptsPerCase && made < cases; ++attempt) {
            if (!make_case(row, rng_, test)) continue;
            ++made;
            run(row, test);
        }
        return made;
    }
    const std::map<std::string, std::pair<unsigned, std::string>>& failures() const { return failures_; }

  private:
    void run(const emu::OpcodeRow& row, const RandomCase& test) {
        std::memcpy(host_.data(), usual_.data(), usual_.size());
        for (const Patch& patch : test.memory)
            std::memcpy(host_.data() + patch.at, patch.bytes.data(), patch.bytes.size());
        std::memcpy(emulated_.data(), host_.data(), usual_.size());
        const HostCpu::Outcome host = host_.run(test.bytes, test.before);
        const EmulatedCpu::Outcome emulated = emulated_.run(test.bytes, test.before);
        const std::string found = differences(test, row, host, emulated, host_.data(), emulated_.data());
        if (found.empty()) return;
        auto& [count, examples] = failures_[name_of(row)];
        if (count++ < kExamples) examples += decoder_.describe(test.bytes, test.before.rip) + "\n" + found;
    }
    static std::string name_of(const emu::OpcodeRow& row) {
        char text[96];
        static constexpr const char* kMaps[] = {"", "0f ", "0f 38 ", "0f 3a "};
        static constexpr const char* kPrefixes[] = {"", "", "66 ", "f3 ", "f2 "};
        std::snprintf(text, sizeof text, "%s (%s%s%02x /%d)", row.name,
                      kPrefixes[static_cast<u8>(row.prefix)], kMaps[static_cast<u8>(row.map)], row.opcode,
                      row.extension);
        return text;
    }

    static constexpr unsigned kExamples = 3;
    mmu::Rng rng_;
    HostCpu host_;
    EmulatedCpu emulated_;
    emu::Decoder decoder_;
    std::vector<u8> usual_ = usual_memory();
    std::map<std::string, std::pair<unsigned, std::string>> failures_;
};

}  // namespace

TEST_CASE("Instructions: every one does what the host CPU does") {
    using Clock = std::chrono::steady_clock;
    const auto seconds = std::chrono::seconds(number_from_environment("MMUSCOPE_ORACLE_SECONDS", 0));
    const char* const only = std::getenv("MMUSCOPE_ORACLE_ROW");
    Oracle oracle(number_from_environment("MMUSCOPE_ORACLE_SEED", 1));
    unsigned rows = 0, skipped = 0;
    u64 cases = 0;
    const auto begin = Clock::now();
    do {
        for (const auto chapter : emu::all_chapters())
            for (const emu::OpcodeRow& row : chapter) {
                if (only && std::string_view(row.name) != only) continue;
                ++rows;
                if (reason_to_skip(row)) {
                    ++skipped;
                    continue;
                }
                const unsigned made = oracle.test_row(row, kCasesPerRow);
                INFO(row.name << " opcode " << std::hex << unsigned{row.opcode});
                CHECK(made > 0);
                cases += made;
            }
    } while (Clock::now() - begin < seconds);
    std::printf("oracle: %lu cases over %u rows, %u of them skipped, %.1f s\n", cases, rows, skipped,
                std::chrono::duration<double>(Clock::now() - begin).count());
    for (const auto& [name, failure] : oracle.failures())
        FAIL_CHECK(name << ": " << failure.first << " cases differ\n" << failure.second);
}
