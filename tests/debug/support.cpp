#include "tests/debug/support.h"

#include <stdexcept>

#include "mmu/presets.h"

namespace test {

std::unique_ptr<emu::Machine> load(const std::string& guest, const std::vector<std::string>& arguments) {
    emu::MachineConfig config;
    config.memory_bytes = mmu::u64{128} << 20;
    config.tlb = *mmu::find_preset("skylake-sp");
    auto machine = emu::Machine::create(config);
    if (!machine) throw std::runtime_error(machine.error().message);
    std::vector<std::string> words{guest};
    words.insert(words.end(), arguments.begin(), arguments.end());
    if (auto loaded = (*machine)->exec(guest, words, {"PATH=/bin"}); !loaded)
        throw std::runtime_error(loaded.error().message);
    return std::move(*machine);
}

mmu::u64 symbol(const std::string& guest, const std::string& name) {
    const ProcessResult result = run({"/usr/bin/nm", guest});
    const auto at = result.out.find(" " + name + "\n");
    if (at == std::string::npos) throw std::runtime_error("no symbol " + name);
    const auto line = result.out.rfind('\n', at) + 1;
    return std::stoull(result.out.substr(line, 16), nullptr, 16);
}

}  // namespace test
