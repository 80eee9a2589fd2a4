// mmuscope: reads the command line and does what it says.
#include <unistd.h>

#include <cstdio>

#include "emu/cli/options.h"
#include "emu/cli/session.h"
#include "emu/cli/tlb_command.h"
#include "mmu/base/log.h"

int main(int argc, char** argv) {
    mmu::init_log();
    std::vector<std::string> environment;
    for (char** variable = environ; *variable; ++variable) environment.emplace_back(*variable);
    const auto options =
        emu::parse_options(std::vector<std::string>(argv, argv + argc), std::move(environment));
    if (!options) {
        const emu::EarlyExit& exit = options.error();
        std::fputs(exit.text.c_str(), exit.status == 0 ? stdout : stderr);
        return exit.status;
    }
    switch (options->command) {
        case emu::Command::kTlbList:
            return emu::list_tlbs();
        case emu::Command::kTlbShow:
            return emu::show_tlb(options->tlb);
        case emu::Command::kRun:
        case emu::Command::kStat:
            break;
    }
    return emu::run_guest(*options);
}
