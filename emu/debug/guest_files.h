// Files of the guest's for a debugger to read symbols from: as the guest reaches them, and outside every
// recording. It knows no protocol and no symbols.
#pragma once

#include <string>

#include "kernel/fs/unique_fd.h"
#include "kernel/state.h"
#include "mmu/base/expected.h"

namespace emu {

/// The regular file behind a path of the guest's, to be read; the program itself also where the guest reaches
/// none (--no-files). In a replay, what is on the host now by that name. The failure is an errno.
mmu::Expected<kernel::UniqueFd, int> open_guest_file(kernel::KernelState& kernel, kernel::Task& task,
                                                     const std::string& path);

}  // namespace emu
