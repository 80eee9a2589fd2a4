// The oracle as a command: random instructions on the host CPU and in the emulator for as long as wanted.
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <string>

#include "tests/oracle/runner.h"
#include "tests/oracle/sequence_runner.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    double seconds = 0;
    mmu::u64 seed = 1;
    unsigned cases = 400;
    std::string row;
    bool list = false;
};

int parse(int argc, char** argv, Options& options) {
    CLI::App app(
        "Runs random instructions on the host CPU and in the emulator and compares what they leave.");
    app.add_option("--seconds", options.seconds, "go on for so long; without it one round over all rows");
    app.add_option("--seed", options.seed, "of the random cases; each further round takes the next one");
    app.add_option("--cases", options.cases, "cases a row and round")->check(CLI::PositiveNumber);
    app.add_option("--row", options.row, "only rows of this mnemonic, such as cmpxchg");
    app.add_flag("--list", options.list, "each form with its number of cases and how many executed");
    CLI11_PARSE(app, argc, argv);
    return -1;
}

void print_forms(const tests::OracleRun& run) {
    for (const auto& result : run.results) {
        const std::string name = tests::name_of(*result.row);
        if (const char* why = result.skipped)
            std::printf("%-40s not compared: %s\n", name.c_str(), why);
        else if (result.missing)
            std::printf("%-40s skipped: no %s on this host\n", name.c_str(), result.missing);
        for (const auto& [form, count] : result.forms)
            std::printf("%-40s %-20s %8lu cases %8lu executed\n", name.c_str(), form.c_str(), count.cases,
                        count.executed);
    }
}

/// Blocks for a while, after all rows were tried one by one.
unsigned long run_sequences(mmu::u64 seed, unsigned number, bool& failed) {
    tests::Sequences sequences(seed);
    unsigned long made = 0;
    for (; made < number && !failed; ++made) {
        const std::string found = sequences.run_one();
        if (found.empty()) continue;
        std::printf("sequence %lu of seed %lu differs\n%s", made, seed, found.c_str());
        failed = true;
    }
    return made;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    if (const int status = parse(argc, argv, options); status >= 0) return status;
    const auto begin = Clock::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
    mmu::u64 seed = options.seed;
    bool failed = false;
    do {
        {
            tests::Oracle oracle(seed);
            const auto run =
                tests::run_all(oracle, options.cases, options.row.empty() ? nullptr : options.row.c_str());
            if (run.rows == 0) {
                std::fprintf(stderr, "oracle: no row is called '%s'\n", options.row.c_str());
                return 1;
            }
            if (options.list) print_forms(run);
            std::printf("seed %lu, %.1f s: %s", seed, elapsed(), run.summary().c_str());
            for (const std::string& form : run.uncovered) std::printf("never executed: %s\n", form.c_str());
            for (const auto& [name, failure] : oracle.failures())
                std::printf("%s: %u cases differ\n%s", name.c_str(), failure.first, failure.second.c_str());
            failed = !run.uncovered.empty() || !oracle.failures().empty();
        }
        if (options.row.empty() && !failed)
            std::printf("%lu sequences\n", run_sequences(seed, 20 * options.cases, failed));
        std::fflush(stdout);
        ++seed;
    } while (!failed && elapsed() < options.seconds);
    return failed;
}
