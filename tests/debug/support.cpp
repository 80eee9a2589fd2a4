#include "tests/debug/support.h"

#include <stdexcept>

#include "mmu/presets.h"

namespace test {

std::unique_ptr<emu::Machine> load(const std::string& guest, const std::vector<std::string>& arguments) {
    return load_with(*mmu::find_preset("skylake-sp"), guest, arguments);
}

std::unique_ptr<emu::Machine> load_with(const mmu::TlbConfig& tlb, const std::string& guest,
                                        const std::vector<std::string>& arguments) {
    emu::MachineConfig config;
    config.memory_bytes = mmu::u64{128} << 20;
    config.tlb = tlb;
    auto machine = emu::Machine::create(config);
    if (!machine) throw std::runtime_error(machine.error().message);
    std::vector<std::string> words{guest};
    words.insert(words.end(), arguments.begin(), arguments.end());
    if (auto loaded = (*machine)->exec(guest, words, {"PATH=/bin"}); !loaded)
        throw std::runtime_error(loaded.error().message);
    return std::move(*machine);
}

std::string gdb(const std::string& guest, const std::string& commands,
                const std::vector<std::string>& arguments, const std::vector<std::string>& options) {
    const TemporaryFolder folder;
    const std::string script = folder.write("commands", commands);
    std::vector<std::string> words = {MMUSCOPE_PROGRAM,   "gdb",
                                      "--gdb-option=-nx", "--gdb-option=-batch",
                                      "--gdb-option=-x",  "--gdb-option=" + script};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"--", debug_guest(guest)});
    words.insert(words.end(), arguments.begin(), arguments.end());
    ProcessOptions how;
    how.environment.push_back("HOME=" + folder.path());
    const ProcessResult result = run(words, how);
    return result.out + result.err + (result.timed_out ? "gdb did not come to an end" : "");
}

mmu::u64 symbol(const std::string& guest, const std::string& name) {
    const ProcessResult result = run({"/usr/bin/nm", guest});
    const auto at = result.out.find(" " + name + "\n");
    if (at == std::string::npos) throw std::runtime_error("no symbol " + name);
    const auto line = result.out.rfind('\n', at) + 1;
    return std::stoull(result.out.substr(line, 16), nullptr, 16);
}

}  // namespace test
