#include "emu/prompt/runner.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "emu/debug/kernel_functions.h"
#include "mmu/base/check.h"

namespace emu {
namespace {

/// Where calls of handlers are no jumps (without optimisation, under sanitizers), the interpreter needs much.
constexpr std::size_t kStackBytes = std::size_t{64} << 20;
constexpr std::size_t kGuardBytes = 65536;

}  // namespace

Runner::Runner(Debugger& debugger) : debugger_(debugger) {
    stack_ = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                  -1, 0);
    CHECK(stack_ != MAP_FAILED);
    CHECK(mprotect(stack_, kGuardBytes, PROT_NONE) == 0);
    CHECK(getcontext(&back_) == 0);
    back_.uc_stack.ss_sp = stack_;
    back_.uc_stack.ss_size = kStackBytes;
    back_.uc_link = &front_;
    // makecontext(3) hands over ints alone.
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&back_, reinterpret_cast<void (*)()>(entry), 2, static_cast<unsigned>(self),
                static_cast<unsigned>(self >> 32));
    debugger_.set_stage_handler([this] { return at_stage(); });
}

Runner::~Runner() {
    if (debugger_.in_stage()) debugger_.leave_stages();
    ending_ = true;
    swapcontext(&front_, &back_);
    debugger_.set_stage_handler({});
    munmap(stack_, kStackBytes);
}

void Runner::entry(unsigned low, unsigned high) {
    reinterpret_cast<Runner*>(std::uintptr_t{high} << 32 | low)->loop();
}

void Runner::loop() {
    while (!ending_) {
        stop_ = debugger_.resume(next_);
        if (!ending_) swapcontext(&back_, &front_);
    }
}

Resume Runner::at_stage() {
    stop_ = debugger_.last_stop();
    swapcontext(&back_, &front_);
    return ending_ ? Resume{} : next_;
}

Stop Runner::go(const Resume& how) {
    next_ = how;
    swapcontext(&front_, &back_);
    return stop_;
}

unsigned Runner::depth() const {
    if (!debugger_.in_stage()) return 0;
    const u64 base = debugger_.registers().gpr[mmu::kRbp];
    return static_cast<unsigned>((kKernelStack - base) / kKernelFrameBytes);
}

}  // namespace emu
