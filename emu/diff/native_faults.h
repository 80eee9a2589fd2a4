// The page faults that a program takes when the host itself runs it. Source: perf_event_open(2);
// arch/x86/include/asm/trace/exceptions.h for the tracepoint.
#pragma once

#include <string>
#include <vector>

#include "emu/diff/user_fault.h"
#include "mmu/base/expected.h"

namespace emu {

struct NativeRun {
    UserFaults faults;
    std::string source;  ///< "exceptions:page_fault_user" or "page-faults", which has no error codes
    int wait_status = 0;
};

/// Runs a program on the host, without address randomisation, with /dev/null as its input and output, and
/// listens to its first thread. Errors: perf events are refused (perf_event_paranoid), the program cannot be
/// started (exit status 126 or 127), the host lost records.
mmu::Expected<NativeRun, mmu::Error> run_natively(const std::vector<std::string>& arguments,
                                                  const std::vector<std::string>& environment);

}  // namespace emu
