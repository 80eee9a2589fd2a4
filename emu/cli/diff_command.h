// `mmuscope diff-host`: the page faults of a program here and on the host's own kernel.
#pragma once

#include <cstdio>
#include <memory>

#include "emu/cli/options.h"
#include "emu/diff/fault_recorder.h"
#include "emu/diff/native_faults.h"
#include "emu/machine/machine.h"

namespace emu {

/// /dev/null in place of stdin, stdout and stderr while it lives: both runs are to see the same.
class NullStreams {
  public:
    NullStreams();
    ~NullStreams();
    NullStreams(const NullStreams&) = delete;
    NullStreams& operator=(const NullStreams&) = delete;

  private:
    int saved_[3];
};

class HostComparison {
  public:
    /// Runs the program on the host; errors as run_natively() has them.
    static mmu::Expected<HostComparison, mmu::Error> run_host(const Options& options);
    /// To be called before the guest's first instruction.
    void listen(Machine& guest);
    /// Writes what was found; the exit status: 0 no divergence, 1 one.
    int report(std::FILE* to, const kernel::ExitStatus& exit) const;

  private:
    NativeRun native_;
    std::unique_ptr<FaultRecorder> recorder_;
};

}  // namespace emu
