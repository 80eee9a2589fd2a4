#include "emu/machine/machine.h"

#include <algorithm>
#include <limits>

#include "emu/cpu/cpuinfo.h"
#include "emu/cpu/debug_hooks.h"
#include "emu/insn/host_stub.h"
#include "emu/jit/translated_tier.h"
#include "emu/machine/state_hash.h"
#include "kernel/host/seam.h"
#include "kernel/state.h"
#include "mmu/base/log.h"

namespace emu {

using mmu::Error, mmu::Expected, mmu::PhysicalMemory, mmu::Unexpected;

namespace {

/// In the place of a signal's number: the debugger wants the machine, the guest gets no signal.
constexpr int kBreak = -1;

mmu::PagingFeatures paging_features(const MachineConfig& config) {
    const mmu::CpuIdentity& cpu = config.tlb.cpu;
    return {.physical_bits = cpu.physical_bits, .page_1g = cpu.page_1g, .la57 = config.la57 || cpu.la57()};
}

kernel::KernelConfig kernel_config(const MachineConfig& config, const CpuModel& model) {
    kernel::KernelConfig kernel = config.kernel;
    kernel.hwcap = model.hwcap();
    kernel.hwcap2 = model.hwcap2();
    kernel.xcr0 = model.xcr0();
    kernel.cpuinfo = proc_cpuinfo(model, config.tlb.cpu);
    kernel.la57 = config.la57;
    return kernel;
}

}  // namespace

Expected<std::unique_ptr<Machine>, Error> Machine::create(const MachineConfig& config) {
    if (config.engine == Engine::kJit && !host_can_translate())
        return Unexpected{Error{"--engine jit: this host cannot run translated code"}};
    auto memory = PhysicalMemory::create(config.memory_bytes);
    if (!memory) return Unexpected{memory.error()};
    return std::unique_ptr<Machine>(new Machine(config, std::move(*memory)));
}

Machine::Machine(const MachineConfig& config, PhysicalMemory memory)
    : config_(config),
      memory_(std::move(memory)),
      mmu_(memory_, config.tlb, paging_features(config), config.kernel.seed),
      model_(config.tlb, config.features),
      cpu_(std::make_unique<Cpu>(mmu_, model_)),
      interpreter_(std::make_unique<Interpreter>(*cpu_)),
      kernel_(memory_, mmu_, kernel_config(config, model_)) {
    if (config.engine != Engine::kInterpreter && !config.verify) tier_ = make_translated_tier(*cpu_);
    if (tier_) interpreter_->set_tier(tier_.get());
    cpu_->random_seed = config.kernel.seed;
    if (config.la57) cpu_->canonical_shift = 64 - 57;
    if (config.verify) mmu_.enable_verify();
    kernel_.watch_interrupts(&pending_signal_);
    if (config.task_table) {
        task_table_.emplace();
        kernel_.state().keep_records = true;
    }
}

/// Whoever observes may be gone already, and taking the parts down changes the TLBs.
Machine::~Machine() {
    set_observers(nullptr, nullptr);
}

Expected<void, Error> Machine::exec(const std::string& path, const std::vector<std::string>& arguments,
                                    const std::vector<std::string>& environment) {
    auto done = kernel_.exec(path, arguments, environment, cpu_->regs);
    if (done && task_table_) note_task();
    return done;
}

namespace {

RunCounters totals(const Counters& cpu) {
    RunCounters sum;
    sum.instructions = cpu.instructions;
    sum.loads = cpu.loads;
    sum.stores = cpu.stores;
    sum.fetches = cpu.fetches;
    return sum;
}

}  // namespace

void Machine::note_task() {
    task_table_->note(kernel_.state().current, totals(cpu_->counters), mmu_.stats());
}

const TaskTable* Machine::task_table() {
    if (!task_table_) return nullptr;
    task_table_->finish(totals(cpu_->counters), mmu_.stats());
    note_task();
    return &*task_table_;
}

/// Instructions until something other than the guest is due: a timer or the user's limit.
u64 Machine::budget() const {
    if (kernel_.idle()) return 0;
    const u64 now = cpu_->counters.instructions;
    u64 until = std::numeric_limits<u64>::max();
    if (config_.max_instructions) until = config_.max_instructions;
    if (config_.stop_at_instruction) until = std::min(until, config_.stop_at_instruction);
    if (const auto timer = kernel_.next_timer()) until = std::min(until, *timer);
    if (const auto& signal = kernel::host::Seam::get().next_signal()) [[unlikely]]
        if (signal->instructions > now || signal->traps == traps_)
            until = std::min(until, signal->instructions);
    return until > now ? until - now : 0;
}

kernel::ExitStatus Machine::run() {
    while (!ended()) serve(interpreter_->run(budget()));
    return kernel_.exit_status().value_or(kernel::ExitStatus{});
}

Exit Machine::execute(u64 limit) {
    return interpreter_->run(std::min(limit, budget()));
}

Exit Machine::execute_one() {
    return budget() ? interpreter_->step() : Exit::kBudget;
}

void Machine::serve(Exit exit) {
    switch (exit) {
        case Exit::kSyscall:
            ++traps_;
            kernel_.handle_syscall(cpu_->regs, cpu_->counters.instructions);
            break;
        case Exit::kFault:
            ++traps_;
            handle_fault();
            break;
        case Exit::kBudget:
        case Exit::kLookup:
            break;
    }
    if (config_.check) [[unlikely]]
        check();
    handle_budget(exit);
    if (task_table_) [[unlikely]]
        note_task();
    if (mmu_.verify_failure()) [[unlikely]]
        error_ = Error{"--verify: " + *mmu_.verify_failure()};
}

void Machine::leave_shared_memory() {
    interpreter_->set_tier(nullptr);
    interpreter_->debug_changed();
    insn::own_stubs();
}

void Machine::set_debug_hooks(DebugHooks* hooks) {
    cpu_->debug = hooks;
    debug_changed();
}

void Machine::debug_changed() {
    std::vector<mmu::VirtAddr> pages;
    if (cpu_->debug)
        for (const WatchRange& range : cpu_->debug->watches)
            for (u64 page = range.first & ~mmu::kPageOffsetMask;; page += mmu::kPageSize) {
                pages.push_back(mmu::VirtAddr{page});
                if (range.last - page < mmu::kPageSize) break;
            }
    mmu_.set_watched_pages(std::move(pages));
    interpreter_->debug_changed();
}

void Machine::check() {
    if (const auto failure = kernel_.check()) error_ = Error{"--check: " + *failure};
}

void Machine::handle_fault() {
    if (cpu_->fault.vector == mmu::Vector::kInvalidOpcode) log_undefined();
    kernel_.handle_fault(cpu_->fault, cpu_->regs, cpu_->counters.instructions);
}

/// Each encoding once: a guest may try the same one, or thousands, and catch the signals.
void Machine::log_undefined() {
    constexpr std::size_t kMostLines = 64;
    if (undefined_.size() > kMostLines) return;
    const std::string text = interpreter_->describe_current();
    if (!undefined_.insert(text).second) return;
    if (undefined_.size() > kMostLines)
        LOG(warn, "more undefined instructions are not logged");
    else
        LOG(warn, "no such instruction, or one that is not implemented, at {:#x}: {}", cpu_->regs.rip, text);
}

/// Signals from outside: from the user, or in a replay from the journal, at the same place. Whether a break
/// was among them.
bool Machine::take_signals(Exit exit) {
    kernel::host::Seam& seam = kernel::host::Seam::get();
    const bool at_pause = exit == Exit::kBudget || exit == Exit::kLookup;
    const u64 now = cpu_->counters.instructions;
    bool broken = false;
    if (pending_signal_) {
        cpu_->stop.store(false);
        const int signal = pending_signal_;
        pending_signal_ = 0;
        broken = signal == kBreak;
        if (!broken && !kernel_.exit_status()) {
            seam.note_signal({signal, now, traps_, at_pause});
            kernel_.post_signal(signal, cpu_->regs);
        }
    }
    if (seam.mode() != kernel::host::Seam::Mode::kReplay) return broken;
    while (const auto signal = seam.next_signal()) {
        if (signal->instructions != now || signal->traps != traps_ || (signal->at_pause && !at_pause)) break;
        seam.take_signal();
        kernel_.post_signal(signal->number, cpu_->regs);
    }
    if (!seam.failure().empty() && !error_)
        error_ = Error{seam.failure() + ", after " + std::to_string(now) + " instructions"};
    return broken;
}

void Machine::handle_budget(Exit exit) {
    const u64 now = cpu_->counters.instructions;
    bool broken = false;
    if (pending_signal_ || kernel::host::Seam::get().mode() == kernel::host::Seam::Mode::kReplay) [[unlikely]]
        broken = take_signals(exit);
    // Who asks for a break comes before the next wait.
    if (kernel_.idle() && !broken) [[unlikely]]
        kernel_.resume(cpu_->regs);
    if (const auto timer = kernel_.next_timer(); timer && *timer <= now) [[unlikely]]
        kernel_.handle_timer(cpu_->regs, now);
    model_.tsc_offset = kernel_.state().clock.slept_ns;
    if (config_.stop_at_instruction && now >= config_.stop_at_instruction) [[unlikely]]
        stopped_ = true;
    if (config_.stop_at_fault && kernel_.stats().faults.total >= config_.stop_at_fault) [[unlikely]]
        stopped_ = true;
    if (config_.max_instructions && now >= config_.max_instructions && !kernel_.exit_status()) [[unlikely]] {
        LOG(warn, "the guest has reached its {} instructions", config_.max_instructions);
        kernel_.kill(SIGXCPU);
    }
}

void Machine::request_stop(int signal) {
    pending_signal_ = signal;
    cpu_->stop.store(true, std::memory_order_relaxed);
}

void Machine::request_break() {
    if (!pending_signal_) pending_signal_ = kBreak;
    cpu_->stop.store(true, std::memory_order_relaxed);
}

void Machine::cancel_break() {
    if (pending_signal_ != kBreak) return;
    pending_signal_ = 0;
    cpu_->stop.store(false);
}

void Machine::set_observers(mmu::Observer* mmu_observer, kernel::Observer* kernel_observer) {
    mmu_.set_observer(mmu_observer);
    kernel_.set_observer(kernel_observer);
}

std::string Machine::state_hash() const {
    const kernel::KernelState& kernel = kernel_.state();
    std::vector<HashedTask> others;
    for (const auto& [pid, task] : kernel.tasks)
        if (pid != kernel.current && task.mm)
            others.push_back({&task.registers, kernel.mms.at(task.mm).pgd.address()});
    return hash_state(cpu_->regs, cpu_->counters, mmu_, memory_, others);
}

}  // namespace emu
