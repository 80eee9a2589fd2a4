// mmuscope: reads the command line and does what it says.
#include <unistd.h>

#include <cstdio>

#include "emu/cli/again.h"
#include "emu/cli/options.h"
#include "emu/cli/session.h"
#include "emu/cli/tlb_command.h"
#include "emu/cpu/cpu_models.h"
#include "mmu/base/log.h"

namespace {

int print(const mmu::Expected<std::string, mmu::Error>& text) {
    if (!text) {
        std::fprintf(stderr, "mmuscope: %s\n", text.error().message.c_str());
        return text.error().exit_status;
    }
    std::fputs(text->c_str(), stdout);
    return std::fflush(stdout) == 0 ? 0 : 125;
}

}  // namespace

int main(int argc, char** argv) {
    mmu::init_log();
    std::vector<std::string> environment;
    for (char** variable = environ; *variable; ++variable) environment.emplace_back(*variable);
    std::vector<std::string> arguments(argv, argv + argc);
    auto again = emu::take_again(arguments);
    if (!again) return print(mmu::Unexpected{again.error()});
    emu::change_environment(environment, *again);
    auto options = emu::parse_options(arguments, std::move(environment));
    if (options) options->again = std::move(*again);
    if (!options) {
        const emu::EarlyExit& exit = options.error();
        std::fputs(exit.text.c_str(), exit.status == 0 ? stdout : stderr);
        return exit.status;
    }
    switch (options->command) {
        case emu::Command::kTlbList:
            return print(emu::tlb_list_text());
        case emu::Command::kTlbShow:
            return print(emu::tlb_show_text(options->tlb));
        case emu::Command::kCpuList:
            return print(emu::cpu_list_text());
        case emu::Command::kCpuShow:
            return print(emu::cpu_show_text(options->cpu));
        case emu::Command::kRun:
        case emu::Command::kStat:
        case emu::Command::kExplain:
        case emu::Command::kGdb:
        case emu::Command::kDebug:
        case emu::Command::kMaps:
        case emu::Command::kSmaps:
        case emu::Command::kBuddy:
        case emu::Command::kSlab:
        case emu::Command::kDiffHost:
        case emu::Command::kReplay:
            break;
    }
    return emu::run_guest(*options);
}
