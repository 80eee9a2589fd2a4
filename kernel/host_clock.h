// --time host: the guest's clocks go with the host's. Looked at when the kernel is entered, so that one call
// sees one time.
#pragma once

#include "kernel/state.h"

namespace kernel {

/// The guest's time begins. With virtual time nothing happens, here and below.
void start_host_clock(KernelState& kernel);
void read_host_clock(KernelState& kernel);

}  // namespace kernel
