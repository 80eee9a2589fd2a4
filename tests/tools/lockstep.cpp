// Lockstep as a command: a static program natively and in the emulator, instruction by instruction.
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <limits>

#include "emu/cpu/cpu_models.h"
#include "emu/machine/machine.h"
#include "mmu/base/log.h"
#include "mmu/presets.h"
#include "tests/lockstep/lockstep.h"

namespace {

struct Options {
    mmu::u64 max = std::numeric_limits<mmu::u64>::max();
    std::string cpu = emu::default_cpu();
    std::vector<std::string> guest;
};

int fail(const std::string& why) {
    std::fprintf(stderr, "lockstep: %s\n", why.c_str());
    return 2;
}

int run(const Options& options) {
    const std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"};
    const auto cpu = emu::find_cpu(options.cpu);
    if (!cpu) return fail(cpu.error().message);
    if (const auto offered = cpu->features & emu::implemented_features();
        !emu::host_features().contains(offered)) {
        std::fprintf(stderr, "skipped: this host does not have all of: %s\n", emu::names_of(offered).c_str());
        return 0;
    }
    emu::MachineConfig config;
    config.features = cpu->features;
    config.tlb = *mmu::find_preset(mmu::kDefaultPreset);
    auto machine = emu::Machine::create(config);
    if (!machine) return fail(machine.error().message);
    if (auto loaded = (*machine)->exec(options.guest[0], options.guest, environment); !loaded)
        return fail(loaded.error().message);
    tests::Tracee tracee(options.guest[0], options.guest, environment);
    if (!tracee.error().empty()) return fail(tracee.error());

    tests::Lockstep lockstep(**machine, tracee);
    const auto begin = std::chrono::steady_clock::now();
    const tests::LockstepResult result = lockstep.run(options.max);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::fprintf(stderr, "lockstep: %lu instructions alike (%lu system calls), %s, %.1f s\n",
                 result.instructions, result.system_calls,
                 result.ended ? "to the program's end" : "then stopped", seconds.count());
    if (result.difference.empty()) return 0;
    std::fprintf(stderr, "%s", result.difference.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Runs a static program natively in single steps and in the emulator, and names the first "
        "instruction after which they differ (exit status 1).");
    app.add_option("--max", options.max, "instructions, at most");
    app.add_option("--cpu", options.cpu, "as mmuscope's")->capture_default_str();
    app.add_option("guest", options.guest, "program and its arguments")->required();
    app.prefix_command();
    app.positionals_at_end();
    CLI11_PARSE(app, argc, argv);
    const auto rest = app.remaining();
    options.guest.insert(options.guest.end(), rest.begin(), rest.end());
    return run(options);
}
