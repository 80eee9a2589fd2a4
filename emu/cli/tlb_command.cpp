// `mmuscope tlb`; see tlb_command.h.
#include "emu/cli/tlb_command.h"

#include <cstdio>

#include "emu/cli/tlb_file.h"
#include "mmu/presets.h"

namespace emu {
namespace {

/// Entries that a list has for 4K pages.
mmu::u32 entries_for_4k(const std::vector<mmu::TlbArrayConfig>& list) {
    mmu::u32 entries = 0;
    for (const mmu::TlbArrayConfig& array : list)
        if (array.sizes.k4) entries += array.entries();
    return entries;
}

std::string joined(mmu::u32 first, const char* separator, mmu::u32 second) {
    return second ? std::to_string(first) + separator + std::to_string(second) : std::to_string(first);
}

}  // namespace

std::string tlb_list_text() {
    std::string text = "preset        4K entries: L1I  L1D        L2         CPU\n";
    for (const mmu::TlbConfig& preset : mmu::presets()) {
        const std::string l1_data =
            joined(entries_for_4k(preset.l1_load), "+", entries_for_4k(preset.l1_store));
        const std::string l2 = joined(entries_for_4k(preset.l2), "+", entries_for_4k(preset.l2_instruction));
        char line[256];
        std::snprintf(line, sizeof line, "%-13s             %4u  %-9s  %-9s  %s%s\n", preset.name.c_str(),
                      entries_for_4k(preset.l1_instruction), l1_data.c_str(), l2.c_str(),
                      preset.description.c_str(), preset.name == mmu::kDefaultPreset ? " (default)" : "");
        text += line;
    }
    return text +
           "L1D: loads+stores where they are apart. L2: data+instructions where they are apart.\n"
           "`mmuscope tlb show PRESET` prints one as TOML, with its sources, to edit and give to --tlb "
           "FILE.\n";
}

mmu::Expected<std::string, mmu::Error> tlb_show_text(const std::string& preset_or_file) {
    const auto config = load_tlb(preset_or_file);
    if (!config) return mmu::Unexpected{config.error()};
    return to_toml(*config);
}

int list_tlbs() {
    std::fputs(tlb_list_text().c_str(), stdout);
    return 0;
}

int show_tlb(const std::string& preset_or_file) {
    const auto text = tlb_show_text(preset_or_file);
    if (!text) {
        std::fprintf(stderr, "mmuscope: %s\n", text.error().message.c_str());
        return text.error().exit_status;
    }
    std::fputs(text->c_str(), stdout);
    return 0;
}

}  // namespace emu
