// One run from options to exit status: makes the machine, starts the guest, passes Ctrl-C on, writes the
// report.
#pragma once

#include "emu/cli/options.h"

namespace emu {

/// Runs the guest that `options` name and returns mmuscope's exit status: the guest's own, 128 + n when
/// signal n ended it, or the status of the error whose line was printed.
int run_guest(const Options& options);

}  // namespace emu
