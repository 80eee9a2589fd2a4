// The facade: a trap comes in, the right part of the kernel handles it, and on the way out pending signals
// are delivered. Linux: arch/x86/entry/common.c do_syscall_64(), kernel/entry/common.c
// exit_to_user_mode_loop().
#include "kernel/kernel.h"

#include <csignal>
#include <utility>

#include "kernel/check.h"
#include "kernel/exec.h"
#include "kernel/exit.h"
#include "kernel/fault.h"
#include "kernel/fork.h"
#include "kernel/fs/files.h"
#include "kernel/fs/notify.h"
#include "kernel/host_clock.h"
#include "kernel/hugetlb.h"
#include "kernel/khugepaged_thread.h"
#include "kernel/oom.h"
#include "kernel/pkeys.h"
#include "kernel/rseq.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/state.h"
#include "kernel/syscall_table.h"
#include "kernel/trap.h"
#include "kernel/uaccess.h"
#include "kernel/vmscan.h"
#include "kernel/wait.h"
#include "mmu/base/log.h"

namespace kernel {

using mmu::ControlRegisters;
using mmu::Error;
using mmu::Expected;
using mmu::Registers;
using mmu::Unexpected;

namespace {

/// Control registers as 64-bit Linux sets them (arch/x86/kernel/cpu/common.c): 4 or 5 levels, PCIDs, SMEP and
/// SMAP, and protection keys where the CPU has them (setup_pku()).
void set_control_registers(mmu::Mmu& hw, bool la57, bool pku) {
    using C = ControlRegisters;
    const u64 cr0 = C::kCr0Pe | C::kCr0Wp | C::kCr0Pg;
    const u64 cr4 = C::kCr4Pae | C::kCr4Pge | C::kCr4Smep | C::kCr4Smap | (la57 ? C::kCr4La57 : 0) |
                    (pku ? C::kCr4Pke : 0);
    // CR4.LA57 can be changed only while paging is off; CR4.PCIDE can be set only while it is on.
    const bool set = hw.write_efer(C::kEferLme | C::kEferLma | C::kEferNxe).has_value() &&
                     hw.write_cr4(hw.control().cr4 & ~C::kCr4Pcide).has_value() &&
                     hw.write_cr0(cr0 & ~C::kCr0Pg).has_value() && hw.load_cr3(0).has_value() &&
                     hw.write_cr4(cr4).has_value() && hw.write_cr0(cr0).has_value() &&
                     hw.write_cr4(cr4 | C::kCr4Pcide).has_value();
    CHECK(set, hw.control().cr0, hw.control().cr4);
}

/// hugetlb_hstate_alloc_pages() of the command line's hugepages=.
void fill_huge_page_pools(KernelState& kernel) {
    const u64 wanted[] = {kernel.config.huge_pages_2m, kernel.config.huge_pages_1g};
    for (unsigned i = 0; i < 2; ++i) {
        HState& h = kernel.system.hugetlb.hstates[i];
        set_max_huge_pages(kernel.system, h, wanted[i]);
        if (h.nr_huge_pages < wanted[i])
            LOG(warn, "HugeTLB: allocating {} of page size {} failed. Only allocated {} hugepages.",
                wanted[i], i ? "1.00 GiB" : "2.00 MiB", h.nr_huge_pages);
    }
}

/// The first process: a session of its own with the terminal in its hand.
Task& make_first_task(KernelState& kernel) {
    Task& task = kernel.tasks[kFirstPid];
    task.pid = task.tgid = task.pgrp = task.session = kFirstPid;
    task.ppid = kInitPid;
    task.exit_signal = SIGCHLD;
    task.personality = kernel.config.randomize ? 0 : kAddrNoRandomize;
    task.in_user = true;
    SignalStruct& process = kernel.processes[kFirstPid];
    process.tgid = kFirstPid;
    process.threads = {kFirstPid};
    process.tty = kUserTerminal;
    task.files = task.fs = task.sighand = kernel.next_struct++;
    kernel.files_structs[task.files];
    kernel.fs_structs[task.fs];
    kernel.sighands[task.sighand];
    kernel.current = kFirstPid;
    give_objects_to_first_task(kernel, task);
    return task;
}

Error exec_error(const std::string& path, const ExecFailure& failure) {
    const bool missing = failure.error == ENOENT && failure.reason == "no such file";
    return Error{path + ": " + failure.reason, missing ? 127 : 126};
}

/// execvp(3): a name without a slash is looked for along PATH. The name itself when it is nowhere.
std::string search_path(KernelState& kernel, Task& task, const std::string& name,
                        const std::vector<std::string>& environment) {
    if (name.empty() || name.find('/') != std::string::npos) return name;
    std::string folders = "/bin:/usr/bin";
    for (const std::string& variable : environment)
        if (variable.compare(0, 5, "PATH=") == 0) folders = variable.substr(5);
    for (usize from = 0; from <= folders.size();) {
        const usize end = std::min(folders.find(':', from), folders.size());
        const std::string folder = folders.substr(from, end - from);
        const std::string candidate = folder.empty() ? "./" + name : folder + "/" + name;
        if (open_program(kernel, task, candidate)) return candidate;
        from = end + 1;
    }
    return name;
}

enum class Try : u8 { kFirst, kAgain };

void tell_call(KernelState& kernel, EventKind kind, const SyscallRow& row, const Syscall& call, u64 result) {
    kernel.system.notify({.kind = kind,
                          .address = row.number,
                          .before = call.args[0],
                          .after = result,
                          .start = call.args[1],
                          .end = call.args[2],
                          .text = row.name});
}

/// One try of a call.
i64 dispatch(KernelState& kernel, Task& task, Registers& registers, Try attempt) {
    const u64 number = task.call.number;
    const auto& gpr = registers.gpr;
    Syscall call{
        kernel,
        task,
        registers,
        {gpr[mmu::kRdi], gpr[mmu::kRsi], gpr[mmu::kRdx], gpr[mmu::kR10], gpr[mmu::kR8], gpr[mmu::kR9]}};
    const SyscallRow* row = find_syscall(number);
    if (row && row->function) {
        if (!kernel.system.observer) [[likely]]
            return row->function(call);
        if (attempt == Try::kFirst) tell_call(kernel, EventKind::kSyscallEnter, *row, call, 0);
        const i64 result = row->function(call);
        if (result != -kCallBlocked)
            tell_call(kernel, EventKind::kSyscallExit, *row, call, static_cast<u64>(result));
        return result;
    }
    if (kernel.logged_syscalls.insert(number).second)
        LOG(warn, "system call {} ({}) is not supported: ENOSYS", number, row ? row->name : "no such number");
    return -ENOSYS;
}

/// The call, shown to who listens.
i64 traced_dispatch(KernelState& kernel, Task& task, Registers& registers, Try attempt) {
    if (!kernel.trace) [[likely]]
        return dispatch(kernel, task, registers, attempt);
    const auto& gpr = registers.gpr;
    const SyscallRow* row = find_syscall(task.call.number);
    const Pid pid = task.pid;
    TracedCall call{
        task.call.number,
        row ? row->name : nullptr,
        {gpr[mmu::kRdi], gpr[mmu::kRsi], gpr[mmu::kRdx], gpr[mmu::kR10], gpr[mmu::kR8], gpr[mmu::kR9]},
        0};
    kernel.trace->on_enter(kernel, task, call);
    call.result = dispatch(kernel, task, registers, attempt);
    if (kernel.exit_status || pid != kernel.current) return call.result;  // it has ended
    kernel.trace->on_exit(kernel, task, call);
    return call.result;
}

bool is_restart(i64 result) {
    return result <= -kErestartSys && result >= -kErestartBlock;
}

/// INT3 is reported behind itself: one byte, or two for INT 3 (CD 03).
u64 breakpoint_length(KernelState& kernel, Task& task, u64 rip) {
    u8 byte = 0;
    (void)get_user(kernel.system, kernel.mm_of(task), byte, rip);
    return byte == 0xcd ? 2 : 1;
}

/// Raises the signal of an exception that is not a page fault.
void handle_trap(KernelState& kernel, Task& task, const mmu::Fault& fault, Registers& registers) {
    const auto trap = trap_signal(fault, registers);
    if (!trap) return;
    task.trap_nr = trap->trap_nr;
    task.error_code = trap->error_code;
    if (trap->skip) registers.rip += breakpoint_length(kernel, task, registers.rip);
    force_signal(kernel, task, trap->info);
}

/// A try of the running task's call, and what follows from its result.
void make_call(KernelState& kernel, Registers& registers, Try attempt) {
    Task& task = kernel.task();
    const Pid pid = task.pid;
    task.call.parked = false;
    if (somebody_watches(kernel)) [[unlikely]]
        inotify_hear_host(kernel, HostNews::kBeforeCall);
    const i64 result = traced_dispatch(kernel, task, registers, attempt);
    if (somebody_watches(kernel)) [[unlikely]]
        inotify_hear_host(kernel, HostNews::kAfterCall);
    if (kernel.exit_status || task.state >= TaskState::kZombie || pid != kernel.current) return;
    if (kernel.system.out_of_memory) {
        kernel.system.out_of_memory = false;
        oom_kill_current(kernel);
        return;
    }
    if (result == -kCallBlocked) {
        task.call.parked = true;
        sleep_current(kernel);
        return;
    }
    task.wait.clear();
    if (is_restart(result)) {
        task.interrupted = {static_cast<int>(-result), task.call.number};
        task.restart = {task.call.number, task.blocked_call.deadline_ns};
    }
    registers.gpr[mmu::kRax] = static_cast<u64>(result);
}

bool has_signal_work(const KernelState& kernel, const Task& task) {
    return task.interrupted.error || task.signals.saved_mask || signal_pending(kernel, task);
}

/// A preempted critical section goes on at its abort handler (rseq_handle_notify_resume()).
void resume_rseq(KernelState& kernel, Task& task, Registers& registers) {
    if (!std::exchange(task.rseq_event, false) || !task.rseq) return;
    if (!rseq_signal_deliver(kernel, task, registers)) force_signal(kernel, task, SIGSEGV);
}

/// syscall_exit_to_user_mode(): whoever runs next has its calls finished and its signals delivered. Returns
/// with a task in user mode, or with nobody to run (Kernel::idle(), or the end).
void return_to_user(KernelState& kernel, Registers& registers) {
    while (!kernel.exit_status) {
        if (!kernel.current || kernel.sched.need_resched) {
            if (!schedule(kernel, registers)) return;
            continue;
        }
        Task& task = kernel.task();
        if (task.call.parked) {
            make_call(kernel, registers, Try::kAgain);
            continue;
        }
        if (task.rseq_event) [[unlikely]]
            resume_rseq(kernel, task, registers);
        if (!has_signal_work(kernel, task)) return;
        if (kernel.signal_hold == KernelState::SignalHold::kHeld && first_due_signal(kernel, task)) return;
        do_signal(kernel, task, registers);
        if (task.state == TaskState::kRunning && !kernel.sched.need_resched) return;
    }
}

void handle_page_fault(KernelState& kernel, Task& task, const mmu::Fault& fault, Registers& registers) {
    const FaultOutcome outcome = do_page_fault(kernel.system, kernel.mm_of(task), fault, registers);
    switch (outcome.kind) {
        case FaultOutcome::Kind::kRetry:
            return;
        case FaultOutcome::Kind::kOom:
            kernel.system.out_of_memory = false;
            oom_kill_current(kernel);
            return;
        case FaultOutcome::Kind::kSignal:
            break;
    }
    task.trap_nr = outcome.trapno;
    task.error_code = outcome.error_code;
    task.cr2 = outcome.cr2;
    SigInfo info;
    info.signo = outcome.signal;
    info.code = outcome.si_code;
    info.layout = SigInfo::Layout::kFault;
    info.address = outcome.address;
    info.pkey = outcome.pkey;
    force_signal(kernel, task, info);
}

}  // namespace

Kernel::Kernel(mmu::PhysicalMemory& memory, mmu::Mmu& mmu, const KernelConfig& config)
    : state_(std::make_unique<KernelState>(memory, mmu, config)) {
    set_control_registers(mmu, config.la57, config.xcr0 & kXfeaturePkru);
    state_->system.skip_flushes = config.skip_invlpg;
    state_->system.overcommit = config.overcommit;
    slab_init(state_->system);
    vmalloc_init(state_->system);
    start_host_clock(*state_);
    if (config.swap_bytes) swap_on(state_->system, config.swap_bytes);
    state_->system.ra_pages = config.readahead_bytes >> mmu::kPageShift;
    state_->system.fault_around_pages = config.fault_around_bytes >> mmu::kPageShift;
    fill_huge_page_pools(*state_);
    state_->system.inject = config.inject;
    state_->system.address_spaces = [kernel = state_.get()] {
        std::vector<MmStruct*> mms;
        for (auto& [id, mm] : kernel->mms) mms.push_back(&mm);
        return mms;
    };
    state_->system.oom_killer = [kernel = state_.get()](Gfp gfp, unsigned order) {
        return out_of_memory(*kernel, gfp, order);
    };
    // A guest that writes to a closed pipe gets its own SIGPIPE; ours would end the emulator.
    ::signal(SIGPIPE, SIG_IGN);
}

Kernel::~Kernel() = default;

Expected<void, Error> Kernel::exec(const std::string& path, const std::vector<std::string>& arguments,
                                   const std::vector<std::string>& environment, Registers& registers) {
    KernelState& kernel = *state_;
    auto paths = PathResolver::create(kernel.config.files);
    if (!paths) return Unexpected{paths.error()};
    kernel.paths = std::move(*paths);
    Task& task = make_first_task(kernel);
    inherit_files(kernel, task);

    const ExecRequest request{.path = search_path(kernel, task, path, environment),
                              .arguments = arguments,
                              .environment = environment};
    if (auto done = do_execve(kernel, task, request, registers); !done)
        return Unexpected{exec_error(path, done.error())};
    return {};
}

void Kernel::handle_syscall(Registers& registers, u64 instructions) {
    KernelState& kernel = *state_;
    Task& task = kernel.task();
    kernel.clock.instructions = instructions;
    read_host_clock(kernel);
    kernel.stats.syscalls++;
    kernel.sched.calls++;
    run_deadlines(kernel);
    registers.gpr[mmu::kRcx] = registers.rip;
    registers.gpr[mmu::kR11] = registers.rflags;
    task.interrupted = {};
    task.call = {};
    task.blocked_call = {};
    task.call.number = static_cast<u64>(static_cast<i64>(static_cast<int>(registers.gpr[mmu::kRax])));
    make_call(kernel, registers, Try::kFirst);
    run_deadlines(kernel);
    if (kernel.system.thp.khugepaged.woken) [[unlikely]]
        wake_khugepaged(kernel);
    return_to_user(kernel, registers);
}

void Kernel::handle_fault(const mmu::Fault& fault, Registers& registers, u64 instructions) {
    KernelState& kernel = *state_;
    Task& task = kernel.task();
    kernel.clock.instructions = instructions;
    read_host_clock(kernel);
    if (fault.vector == mmu::Vector::kPageFault)
        handle_page_fault(kernel, task, fault, registers);
    else
        handle_trap(kernel, task, fault, registers);
    if (kernel.system.thp.khugepaged.woken) [[unlikely]]
        wake_khugepaged(kernel);
    if (kernel.sched.need_resched || !task.signals.pending.empty()) return_to_user(kernel, registers);
}

void Kernel::post_signal(int signal, Registers& registers) {
    KernelState& kernel = *state_;
    if (kernel.exit_status || signal < 1 || signal > kSignals) return;
    SigInfo info;
    info.signo = signal;
    info.code = kSiKernel;
    const bool from_terminal =
        signal == SIGINT || signal == SIGQUIT || signal == SIGTSTP || signal == SIGWINCH;
    const auto first = kernel.processes.find(kFirstPid);
    const bool alive = first != kernel.processes.end() && !first->second.threads.empty();
    if (!from_terminal && alive) {
        kernel.outside_signal = signal;
        (void)send_group_signal(kernel, leader_of(kernel, first->second), info);
        // Among hundreds that wait for the CPU, and for memory, its turn may be far off.
        for (const Pid thread : first->second.threads) run_next(kernel, kernel.tasks.at(thread));
    } else if (kill_pgrp(kernel, kernel.foreground_pgrp, info) && !alive) {
        kill_everything(kernel, signal);  // the user's program has ended, what is left has no terminal
    }
    return_to_user(kernel, registers);
}

bool Kernel::idle() const {
    return !state_->exit_status && state_->sched.idle;
}

void Kernel::resume(Registers& registers) {
    return_to_user(*state_, registers);
}

std::optional<u64> Kernel::next_timer() const {
    return state_->exit_status ? std::nullopt : next_event(*state_);
}

void Kernel::handle_timer(Registers& registers, u64 instructions) {
    KernelState& kernel = *state_;
    if (kernel.exit_status) return;
    kernel.clock.instructions = instructions;
    read_host_clock(kernel);
    run_deadlines(kernel);
    run_khugepaged(kernel);
    scheduler_tick(kernel);
    return_to_user(kernel, registers);
}

void Kernel::watch_interrupts(const volatile int* flag) {
    state_->interrupt_flag = flag;
}

const std::optional<ExitStatus>& Kernel::exit_status() const {
    return state_->exit_status;
}

const KernelStats& Kernel::stats() const {
    KernelState& kernel = *state_;
    kernel.stats.faults = kernel.system.faults;
    kernel.stats.thp = kernel.system.thp.stats;
    const Task* first = kernel.find_task(kFirstPid);
    if (!kernel.exit_status && first && first->mm)
        kernel.stats.memory = memory_stats(kernel.system, kernel.mm_of(*first));
    return kernel.stats;
}

std::optional<std::string> Kernel::check() const {
    KernelState& kernel = *state_;
    std::vector<MmStruct*> mms;
    for (auto& [id, mm] : kernel.mms) mms.push_back(&mm);
    validate_memory(kernel.system, mms);
    for (const MmStruct* mm : mms)
        if (auto stale = find_stale_translation(kernel.system, *mm)) return stale;
    return std::nullopt;
}

void Kernel::kill(int signal) {
    kill_everything(*state_, signal);
}

void Kernel::set_observer(Observer* observer) {
    state_->system.set_observer(observer);
}

void Kernel::set_syscall_trace(SyscallTrace* trace) {
    state_->trace = trace;
}

const KernelState& Kernel::state() const {
    return *state_;
}

KernelState& Kernel::state() {
    return *state_;
}

void Kernel::hold_signals(bool held) {
    state_->signal_hold = held ? KernelState::SignalHold::kHeld : KernelState::SignalHold::kNone;
}

std::optional<SigInfo> Kernel::due_signal() const {
    if (state_->exit_status || state_->tasks.empty()) return std::nullopt;
    if (!state_->current) return std::nullopt;
    const SigInfo* due = first_due_signal(*state_, state_->task());
    return due ? std::optional(*due) : std::nullopt;
}

void Kernel::change_due_signal(const SigInfo& info) {
    if (!due_signal()) return;
    Task& task = state_->task();
    (void)take_pending_signal(*state_, task, ~task.signals.blocked);
    task.signals.pending.insert(task.signals.pending.begin(), info);
}

void Kernel::release_signals(Registers& registers, FirstSignal first) {
    KernelState& kernel = *state_;
    if (kernel.exit_status) return;
    if (!kernel.current) return;
    Task& task = kernel.task();
    const auto held = kernel.signal_hold;
    if (first == FirstSignal::kDrop)
        (void)take_pending_signal(kernel, task, ~task.signals.blocked);
    else if (held == KernelState::SignalHold::kHeld)
        kernel.signal_hold = KernelState::SignalHold::kOneGoes;
    return_to_user(kernel, registers);
    kernel.signal_hold = held;
}

}  // namespace kernel
