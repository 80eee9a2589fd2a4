// Random cases of rows, run on both CPUs and compared; what was compared is counted by form: a row's opcode
// with its width or vector length, its operand in memory or a register. A form counts once both CPUs have
// executed it.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "emu/decode/decoder.h"
#include "tests/oracle/emulated_cpu.h"
#include "tests/oracle/random_case.h"
#include "tests/support/host_cpu.h"

namespace tests {

/// "paddd (66 0f fe)", "group (0f ba /4)".
std::string name_of(const emu::OpcodeRow& row);

class Oracle {
  public:
    explicit Oracle(u64 seed, bool translated = false) : rng_(seed), emulated_(translated) {}

    struct Form {
        u64 cases = 0, executed = 0;
    };
    struct RowResult {
        const emu::OpcodeRow* row = nullptr;
        const char* skipped = nullptr;  ///< why it is not compared
        const char* missing = nullptr;  ///< the feature that the host has not
        u64 cases = 0, executed = 0;
        /// All that the table builds (forms.h), drawn or not, by name: "mem 64", "reg VEX.256.W1".
        std::map<std::string, Form> forms;
        unsigned not_drawn = 0;  ///< forms that the generator leaves out, with a reason

        /// Forms that never executed, also where no case of the row did.
        std::vector<std::string> uncovered() const;
    };

    /// `cases` of a row, and more for forms that have not executed yet.
    RowResult test_row(const emu::OpcodeRow& row, unsigned cases);

    /// By row: how many cases differed, and the first of them.
    const std::map<std::string, std::pair<unsigned, std::string>>& failures() const { return failures_; }

  private:
    bool run(const emu::OpcodeRow& row, const RandomCase& test);

    static constexpr unsigned kExamples = 3;
    mmu::Rng rng_;
    HostCpu host_;
    EmulatedCpu emulated_;
    emu::Decoder decoder_;
    std::vector<u8> usual_ = usual_memory();
    std::map<std::string, std::pair<unsigned, std::string>> failures_;
};

/// All rows, a round or more of them.
struct OracleRun {
    u64 cases = 0;
    unsigned rows = 0, skipped = 0, missing = 0, not_drawn = 0;
    u64 forms = 0, forms_executed = 0;
    std::vector<std::string> uncovered;                  ///< "paddd (66 0f fe) mem"
    std::map<std::string, unsigned> missing_by_feature;  ///< rows
    std::vector<Oracle::RowResult> results;              ///< of the last round

    /// Several lines for a reader: totals, and what the host could not judge.
    std::string summary() const;
};
/// `only`: rows of this name, or null for all.
OracleRun run_all(Oracle& oracle, unsigned cases_per_row, const char* only);

}  // namespace tests
