// Recordings: a file that begins with the command line and goes on with what came from the host
// (kernel/host). It knows nothing of what is in the journal.
#pragma once

#include "emu/cli/options.h"

namespace emu {

/// From here on all that comes to the guest from outside goes into `options.record` too.
mmu::Expected<void, mmu::Error> start_recording(const Options& options,
                                                const std::vector<std::string>& environment, mmu::u64 epoch);

/// Reads the beginning of `replay.replay`: the command line that was recorded, with the one that is asked for
/// laid over it. From here on all comes from the file.
mmu::Expected<Options, mmu::Error> start_replay(const Options& replay);

/// Why a replay cannot go on; empty: it can.
std::string replay_failure();

/// Ends either; an error where the file could not be written.
mmu::Expected<void, mmu::Error> finish_recording(const Options& options);

}  // namespace emu
