#include "tests/oracle/runner.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "emu/cpu/cpu.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/forms.h"
#include "tests/oracle/host_features.h"

namespace tests {
namespace {

constexpr unsigned kAttemptsPerCase = 40;
constexpr unsigned kRoundsForRareForms = 20;  ///< of as many cases again

}  // namespace

std::string name_of(const emu::OpcodeRow& row) {
    static constexpr const char* kMaps[] = {"", "0f ", "0f 38 ", "0f 3a "};
    static constexpr const char* kPrefixes[] = {"", "", "66 ", "f3 ", "f2 "};
    char text[96];
    const int n = std::snprintf(
        text, sizeof text, "%s (%s%s%s%02x", row.name, row.encoding == emu::Encoding::kVex ? "VEX " : "",
        kPrefixes[static_cast<u8>(row.prefix)], kMaps[static_cast<u8>(row.map)], row.opcode);
    std::snprintf(text + n, sizeof text - static_cast<unsigned>(n), row.extension >= 0 ? " /%d)" : ")",
                  row.extension);
    return text;
}

std::vector<std::string> Oracle::RowResult::uncovered() const {
    std::vector<std::string> names;
    for (const auto& [name, form] : forms)
        if (form.executed == 0) names.push_back(name);
    return names;
}

Oracle::RowResult Oracle::test_row(const emu::OpcodeRow& row, unsigned cases) {
    RowResult result;
    result.row = &row;
    result.skipped = reason_to_skip(row);
    result.missing = missing_on_host(row);
    if (result.skipped || result.missing) return result;
    const bool faults = always_faults(row);
    for (const std::string& form : forms_of(row)) {
        const bool left_out = reason_not_drawn(row, form);
        result.not_drawn += left_out;
        if (!left_out) result.forms[form] = {};
    }
    RandomCase test;
    for (unsigned round = 0; round <= kRoundsForRareForms; ++round) {
        const u64 wanted = result.cases + cases;
        for (unsigned attempt = 0; attempt < cases * kAttemptsPerCase && result.cases < wanted; ++attempt) {
            if (!make_case(row, rng_, test)) continue;
            ++result.cases;
            const bool executed = run(row, test);
            result.executed += executed;
            if (!builds(row, test.fields)) continue;
            const std::string name = form_of(row, test.fields);
            if (reason_not_drawn(row, name)) continue;
            Form& form = result.forms[name];
            ++form.cases;
            form.executed += executed || faults;
        }
        if (result.uncovered().empty()) break;
    }
    return result;
}

/// Whether the host executed it.
bool Oracle::run(const emu::OpcodeRow& row, const RandomCase& test) {
    std::memcpy(host_.data(), usual_.data(), usual_.size());
    for (const Patch& patch : test.memory)
        std::memcpy(host_.data() + patch.at, patch.bytes.data(), patch.bytes.size());
    std::memcpy(emulated_.data(), host_.data(), usual_.size());
    const HostCpu::Outcome host = host_.run(test.bytes, test.before);
    const EmulatedCpu::Outcome emulated = emulated_.run(test.bytes, test.before);
    const std::string found = differences(test, row, host, emulated, host_.data(), emulated_.data());
    if (!found.empty()) {
        auto& [count, examples] = failures_[name_of(row)];
        if (count++ < kExamples)
            examples += "  " + decoder_.describe(test.bytes, test.before.rip) + "\n" + found;
    }
    return host.signal == 0 || host.registers.rip != test.before.rip;
}

OracleRun run_all(Oracle& oracle, unsigned cases_per_row, const char* only) {
    OracleRun run;
    for (const auto chapter : emu::all_chapters())
        for (const emu::OpcodeRow& row : chapter) {
            if (only && std::string_view(row.name) != only) continue;
            Oracle::RowResult result = oracle.test_row(row, cases_per_row);
            ++run.rows;
            run.skipped += result.skipped != nullptr;
            if (result.missing && !result.skipped) {
                ++run.missing;
                ++run.missing_by_feature[result.missing];
            }
            run.cases += result.cases;
            run.not_drawn += result.not_drawn;
            run.forms += result.forms.size();
            for (const auto& [name, form] : result.forms) run.forms_executed += form.executed > 0;
            for (const std::string& form : result.uncovered())
                run.uncovered.push_back(name_of(row) + " " + form);
            const bool tried = !result.skipped && !result.missing;
            if (tried && result.executed == 0 && !always_faults(row))
                run.uncovered.push_back(name_of(row) + " in any form");
            run.results.push_back(std::move(result));
        }
    return run;
}

std::string OracleRun::summary() const {
    char line[160];
    std::snprintf(line, sizeof line, "%lu cases over %u rows: %lu of %lu forms executed on both CPUs\n",
                  cases, rows, forms_executed, forms);
    std::string text = line;
    if (skipped) {
        std::snprintf(line, sizeof line, "%u rows are not compared (compare.cpp says why)\n", skipped);
        text += line;
    }
    if (not_drawn) {
        std::snprintf(line, sizeof line, "%u forms are never drawn (forms.cpp says why)\n", not_drawn);
        text += line;
    }
    for (const auto& [feature, count] : missing_by_feature) {
        std::snprintf(line, sizeof line, "skipped: no %s on this host (%u rows)\n", feature.c_str(), count);
        text += line;
    }
    return text;
}

}  // namespace tests
