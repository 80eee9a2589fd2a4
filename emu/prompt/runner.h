// The debugger's engine as something that is told to go on and comes back, also from a stage: the engine
// calls back in the middle of the kernel's work, and a front-end wants a plain function. The engine therefore
// has a stack of its own (makecontext(3)), and a stop at a stage switches back to the caller's. It knows no
// commands.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <optional>

#include "emu/debug/debugger.h"

namespace emu {

class Runner {
  public:
    explicit Runner(Debugger& debugger);
    /// Leaves a stage that the guest stands in.
    ~Runner();
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    Debugger& debugger() { return debugger_; }
    /// Until the next stop, which may be at a stage (Debugger::in_stage()).
    Stop go(const Resume& how);
    /// Active functions of the kernel and the MMU, 0 in the guest's own code.
    unsigned depth() const;

  private:
    static void entry(unsigned low, unsigned high);
    void loop();
    Resume at_stage();

    Debugger& debugger_;
    ucontext_t front_{}, back_{};
    void* stack_ = nullptr;
    Resume next_;
    Stop stop_;
    bool ending_ = false;
};

}  // namespace emu
