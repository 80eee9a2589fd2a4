// The debugger's engine as something that is told to go on and comes back, also from a stage: the engine
// calls back in the middle of the kernel's work, and a front-end wants a plain function. The engine therefore
// has a stack of its own (makecontext(3)), and a stop at a stage switches back to the caller's. It knows no
// commands.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
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
    /// In a copy of the process that has been sent to another moment, the run under way comes to a stop, but
    /// who called go() is no more: `travelled` says so, and `arrive` goes on, on a stack of its own. It does
    /// not return.
    void set_arrival(std::function<bool()> travelled, std::function<void(const Stop&)> arrive) {
        travelled_ = std::move(travelled);
        arrive_ = std::move(arrive);
    }
    /// Active functions of the kernel and the MMU, 0 in the guest's own code.
    unsigned depth() const;

  private:
    static void entry(unsigned low, unsigned high);
    static void arrival_entry(unsigned low, unsigned high);
    void loop();
    void to_front();
    Resume at_stage();

    Debugger& debugger_;
    ucontext_t front_{}, back_{}, arrival_{};
    void* stack_ = nullptr;
    Resume next_;
    Stop stop_;
    bool ending_ = false;
    std::function<bool()> travelled_;
    std::function<void(const Stop&)> arrive_;
};

}  // namespace emu
