// The page faults that a guest's code takes, as user_fault.h tells them. It only listens.
#pragma once

#include "emu/diff/user_fault.h"
#include "kernel/observer.h"
#include "kernel/state.h"

namespace emu {

/// Listens to the first task of the first process; faults of the kernel on its behalf are left out, as the
/// host leaves them out.
class FaultRecorder final : public kernel::Observer {
  public:
    explicit FaultRecorder(kernel::KernelState& kernel) : kernel_(kernel) {}
    void on_event(const kernel::Event& event) override;

    UserFaults faults{};

  private:
    kernel::KernelState& kernel_;
};

}  // namespace emu
