// Every row of the opcode table against the host CPU, on random encodings, registers and memory.
#include <cstdio>

#include "tests/oracle/runner.h"

#include <catch2/catch.hpp>

using namespace tests;

namespace {

constexpr unsigned kCasesPerRow = 220;

}  // namespace

TEST_CASE("Instructions: every one does what the host CPU does, in every form") {
    Oracle oracle(1, GENERATE(false, true));  // interpreted, translated
    const OracleRun run = run_all(oracle, kCasesPerRow, nullptr);
    std::printf("oracle: %s", run.summary().c_str());
    CHECK(run.cases >= 200'000);
    for (const std::string& form : run.uncovered) FAIL_CHECK("never executed: " << form);
    for (const auto& [name, failure] : oracle.failures())
        FAIL_CHECK(name << ": " << failure.first << " cases differ\n" << failure.second);
}
