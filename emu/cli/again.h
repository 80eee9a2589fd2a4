// The guest begins anew: this program executes itself once more, with the same command line, in the same
// process. So everything is as at the first time, but for the client, who stays.
#pragma once

#include <string>
#include <vector>

#include "emu/cli/options.h"
#include "emu/debug/again.h"
#include "mmu/base/expected.h"

namespace emu {

/// Returns only when it cannot. What is to be written to files has been written.
mmu::Error begin_again(const Options& options, const Again& again);

/// Of main: takes what begin_again() has handed over out of the command line; where it is an ordinary one,
/// nothing happens.
mmu::Expected<Again, mmu::Error> take_again(std::vector<std::string>& arguments);

/// The environment as the front-end wants it.
void change_environment(std::vector<std::string>& environment, const Again& again);

}  // namespace emu
