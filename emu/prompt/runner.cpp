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

namespace {

/// A stack of its own for `context`, which begins in `entry` with `self` in two halves: makecontext(3) hands
/// over ints alone.
void* prepare(ucontext_t& context, ucontext_t* next, void (*entry)(unsigned, unsigned), const void* self) {
    void* const stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(stack != MAP_FAILED);
    CHECK(mprotect(stack, kGuardBytes, PROT_NONE) == 0);
    CHECK(getcontext(&context) == 0);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = kStackBytes;
    context.uc_link = next;
    const auto number = reinterpret_cast<std::uintptr_t>(self);
    makecontext(&context, reinterpret_cast<void (*)()>(entry), 2, static_cast<unsigned>(number),
                static_cast<unsigned>(number >> 32));
    return stack;
}

}  // namespace

Runner::Runner(Debugger& debugger) : debugger_(debugger) {
    stack_ = prepare(back_, &front_, entry, this);
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
        if (!ending_) to_front();
    }
}

void Runner::arrival_entry(unsigned low, unsigned high) {
    Runner* const self = reinterpret_cast<Runner*>(std::uintptr_t{high} << 32 | low);
    self->arrive_(self->stop_);
    CHECK(false);
}

/// Back to who called go(); in a copy that has travelled, to who takes over.
void Runner::to_front() {
    if (!travelled_ || !travelled_()) {
        swapcontext(&back_, &front_);
        return;
    }
    (void)prepare(arrival_, nullptr, arrival_entry, this);  // as long as this process lives
    swapcontext(&back_, &arrival_);
}

Resume Runner::at_stage() {
    stop_ = debugger_.last_stop();
    to_front();
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
