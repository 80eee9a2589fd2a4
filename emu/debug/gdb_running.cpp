// What GDB's packets say about running: which threads go on and how, and why the guest has stopped. To GDB
// each of the guest's processes is one of its own ("inferior"); one that it lets go runs on unseen.
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "emu/debug/gdb_server.h"
#include "emu/debug/signal_numbers.h"
#include "kernel/signal.h"
#include "kernel/state.h"

namespace emu {

using Reply = std::optional<std::string>;
using kernel::Pid, kernel::Task;

namespace {

/// A Pid that a packet names; nothing: no number, or none that a task could have.
std::optional<Pid> read_pid(PacketReader& packet) {
    if (packet.take("-1")) return -1;
    const auto number = packet.number();
    if (!number || *number > 0x7fffffff) return std::nullopt;
    return static_cast<Pid>(*number);
}

}  // namespace

// --- processes and threads

/// A new client sees all that is there.
void GdbServer::begin_tasks() {
    debugger_.attend_all();
    debugger_.freeze({});
    debugger_.select(0);
    debugger_.want_task_events(task_events_);
}

std::vector<Pid> GdbServer::threads_shown() const {
    std::vector<Pid> list;
    for (const auto& [pid, task] : debugger_.machine().kernel().state().tasks)
        if (task.mm && !debugger_.ignored(task.tgid) && (multiprocess_ || task.tgid == process()))
            list.push_back(pid);
    return list;
}

bool GdbServer::anybody_attached() const {
    return !debugger_.machine().ended() && !threads_shown().empty();
}

/// Of the selected thread.
Pid GdbServer::process() const {
    return debugger_.has_task() ? debugger_.task().tgid : kernel::kFirstPid;
}

std::string GdbServer::thread_id() const {
    return debugger_.has_task() ? thread_id(debugger_.task().pid) : thread_id(kernel::kFirstPid);
}

std::string GdbServer::thread_id(Pid task) const {
    const auto& tasks = debugger_.machine().kernel().state().tasks;
    const auto found = tasks.find(task);
    return thread_id(task, found == tasks.end() ? task : found->second.tgid);
}

std::string GdbServer::thread_id(Pid task, Pid owner) const {
    const std::string id = hex_number(static_cast<u64>(task));
    return multiprocess_ ? "p" + hex_number(static_cast<u64>(owner)) + "." + id : id;
}

std::optional<GdbServer::ThreadId> GdbServer::read_thread(PacketReader& packet) {
    ThreadId id{.process = 0, .thread = -1};
    if (packet.take("p")) {
        const auto owner = read_pid(packet);
        if (!owner) return std::nullopt;
        id.process = *owner;
        if (!packet.take(".")) return id;
    }
    const auto thread = read_pid(packet);
    if (!thread) return std::nullopt;
    id.thread = *thread;
    return id;
}

bool GdbServer::names(const ThreadId& id, const Task& task) const {
    return (id.process <= 0 || id.process == task.tgid) && (id.thread <= 0 || id.thread == task.pid);
}

/// The running one if it is among those that are named, else the first; null: there is none.
Task* GdbServer::task_named(const ThreadId& id) const {
    auto& kernel = debugger_.machine().kernel().state();
    if (Task* const running = kernel.find_task(kernel.current);
        running && running->mm && names(id, *running) && !debugger_.ignored(running->tgid))
        return running;
    for (auto& [pid, task] : kernel.tasks)
        if (task.mm && names(id, task) && !debugger_.ignored(task.tgid)) return &task;
    return nullptr;
}

Reply GdbServer::thread_lives(PacketReader packet) {
    const auto id = read_thread(packet);
    return id && id->thread > 0 && task_named(*id) ? "OK" : error("it has ended");
}

/// Hg THREAD: whose registers and memory are meant.
Reply GdbServer::select_thread(PacketReader packet) {
    if (!packet.take("g")) return "OK";  // Hc: vCont names its threads
    const auto id = read_thread(packet);
    if (!id) return error("malformed thread");
    const Task* const task = task_named(*id);
    if (!task && (id->thread > 0 || id->process > 0)) return error("no such thread");
    debugger_.select(task ? task->pid : 0);
    return "OK";
}

/// D[;PID]: a process, or all, run on unseen.
Reply GdbServer::detach(PacketReader packet) {
    if (!packet.take(";") || debugger_.machine().ended()) {
        end_ = End::kDetached;
        return "OK";
    }
    const auto pid = packet.number();
    if (!pid || *pid > 0x7fffffff || !task_named({.process = static_cast<Pid>(*pid), .thread = -1}))
        return error("no such process");
    debugger_.ignore_process(static_cast<Pid>(*pid));
    let_go_.insert(static_cast<Pid>(*pid));
    debugger_.select(0);
    if (!anybody_attached()) end_ = End::kDetached;
    return "OK";
}

/// vKill;PID
Reply GdbServer::kill_process(PacketReader packet) {
    const auto pid = packet.number();
    auto& kernel = debugger_.machine().kernel().state();
    const bool alone = kernel.processes.size() <= 1 || threads_shown().empty();
    const auto process =
        pid && *pid <= 0x7fffffff ? kernel.processes.find(static_cast<Pid>(*pid)) : kernel.processes.end();
    if (alone || debugger_.machine().ended()) {
        killed_ = true;
        if (!extended_) end_ = End::kKilled;
        return "OK";
    }
    if (process == kernel.processes.end() || process->second.threads.empty()) return error("no such process");
    if (const auto why = why_not_write()) return error(*why);
    const kernel::SigInfo info{.signo = SIGKILL, .code = kernel::kSiKernel};
    debugger_.ignore_process(process->first);
    (void)kernel::send_group_signal(kernel, kernel.tasks.at(process->second.threads.front()), info);
    debugger_.select(0);
    if (anybody_attached()) return "OK";
    end_when_gone_ = End::kDetached;
    killed_ = true;
    if (!extended_) end_ = End::kDetached;
    return "OK";
}

// --- running

Reply GdbServer::resume(const Resume& how) {
    // From anywhere else than the stop before the exit, that stop comes first.
    told_end_ = debugger_.last_stop().kind == Stop::Kind::kHorizon;
    return go_on(how);
}

/// The same where another process has begun it.
Reply GdbServer::go_on(const Resume& how) {
    if (timeline_ && timeline_->at_horizon()) return carry_out(timeline_->go_forward(how));
    if (!in_past()) debugger_.freeze(standing_still_);
    if (timeline_) timeline_->note_resume(how);
    if (debugger_.in_stage()) {
        stage_resume_ = how;
        return std::nullopt;
    }
    objects_.clear();
    Stop stop = debugger_.resume(how);
    while (!end_ && known_fork(stop)) {
        if (how.kind == Resume::Kind::kContinue)
            stop = debugger_.resume({});
        else
            debugger_.set_last_stop(stop = {.kind = Stop::Kind::kStep, .task = stop.task});
    }
    if (end_) return std::nullopt;  // the client left at a stage
    // A visitor's guest does not end: that is the live process's news.
    const bool ended_again = stop.kind == Stop::Kind::kExited && in_past();
    if (std::exchange(to_the_end_, false)) return arrival_reply();
    if (stop.kind == Stop::Kind::kHorizon || ended_again)
        return carry_out(timeline_->go_forward(debugger_.pending()));
    if (stop.kind == Stop::Kind::kExited && stop_at_end_ && timeline_ && !told_end_) return before_the_end();
    if (stop.kind == Stop::Kind::kProcessExited) told_exit_ = true;
    if (stop.kind == Stop::Kind::kFork || stop.kind == Stop::Kind::kVfork) told_of_.insert(stop.other);
    if (const auto& error = debugger_.machine().error(); error && stop.kind == Stop::Kind::kExited)
        connection_.send("O" + to_hex("mmuscope: " + error->message + "\n"));
    debugger_.select(stop.task);
    say_what_was_caught(stop);
    return arrival_reply();
}

/// In the past: of a child that is an inferior of the client's still, which takes it ill to hear of it twice.
bool GdbServer::known_fork(const Stop& stop) const {
    const bool fork = stop.kind == Stop::Kind::kFork || stop.kind == Stop::Kind::kVfork;
    return fork && in_past() && told_of_.contains(stop.other) && !let_go_.contains(stop.other);
}

void GdbServer::say_what_was_caught(const Stop& stop) {
    if (stop.kind != Stop::Kind::kCaught) return;
    const std::string line = "caught " + stop.what + "\n";
    connection_.send("O" + to_hex(std::string_view(line)));
}

/// c [ADDRESS], s [ADDRESS], C SIGNAL[;ADDRESS], S SIGNAL[;ADDRESS]
Reply GdbServer::resume_by_letter(char letter, PacketReader packet) {
    Resume how;
    how.kind = letter == 's' || letter == 'S' ? Resume::Kind::kStep : Resume::Kind::kContinue;
    if (how.kind == Resume::Kind::kStep && debugger_.has_task()) how.task = debugger_.task().pid;
    const bool with_signal = letter == 'C' || letter == 'S';
    how.deliver_signal = with_signal && packet.number().value_or(0) != 0;
    if (with_signal) packet.take(";");
    if (const auto address = packet.number(); address && !debugger_.in_stage()) {
        if (const auto why = why_not_write()) return error(*why);
        debugger_.registers().rip = *address;
    }
    standing_still_.clear();
    return resume(how);
}

namespace {

/// One action of vCont.
struct Action {
    Resume how;
    u64 signal = 0;  ///< GDB's number
    bool stop = false;
};

std::optional<Action> read_action(PacketReader verb) {
    Action action;
    action.how.deliver_signal = false;
    if (verb.take("r")) {
        const auto first = verb.number();
        if (!first || !verb.take(",")) return std::nullopt;
        const auto end = verb.number();
        if (!end) return std::nullopt;
        action.how.kind = Resume::Kind::kRange;
        action.how.first = *first;
        action.how.end = *end;
    } else if (verb.take("s") || verb.take("S")) {
        action.how.kind = Resume::Kind::kStep;
        action.signal = verb.number().value_or(0);
    } else if (verb.take("C")) {
        action.signal = verb.number().value_or(0);
    } else if (verb.take("t")) {
        action.stop = true;
    } else if (!verb.take("c")) {
        return std::nullopt;
    }
    return action;
}

}  // namespace

/// vCont;ACTION[:THREAD];...: the leftmost that names a thread is its; a thread that none names stands still.
Reply GdbServer::resume_by_actions(PacketReader packet) {
    std::vector<std::pair<Action, ThreadId>> actions;
    do {
        PacketReader item(packet.until(';'));
        const std::string_view verb = item.until(':');
        const auto action = read_action(PacketReader(verb));
        if (!action) return error("malformed action");
        const auto id = item.empty() ? ThreadId{.process = -1, .thread = -1}
                                     : read_thread(item).value_or(ThreadId{.process = 0, .thread = -2});
        if (id.thread == -2) return error("malformed thread");
        if (action->stop) return stop_reply();
        actions.push_back({*action, id});
    } while (!packet.empty());
    // Who stands still; who steps, or gets a signal: the running one if there is a choice.
    auto& kernel = debugger_.machine().kernel().state();
    std::set<Pid> frozen;
    bool somebody = false;
    Resume how;
    how.deliver_signal = false;
    const auto consider = [&](const Task& task) {
        const auto own = std::find_if(actions.begin(), actions.end(),
                                      [&](const auto& entry) { return names(entry.second, task); });
        if (own == actions.end()) {
            frozen.insert(task.pid);
            return;
        }
        somebody = true;
        const Action& action = own->first;
        const bool steps = action.how.kind != Resume::Kind::kContinue;
        if (how.task || (!steps && !action.signal)) return;
        how = action.how;
        how.task = task.pid;
        const int signal = action.signal < 256 ? linux_signal(static_cast<int>(action.signal)) : 0;
        const Stop& last = debugger_.last_stop();
        how.deliver_signal =
            signal && last.kind == Stop::Kind::kSignal && last.task == task.pid && last.signal == signal;
        if (signal && !how.deliver_signal) how.signal = signal;
    };
    const Pid running = kernel.current;
    if (const Task* task = kernel.find_task(running); task && task->mm && !debugger_.ignored(task->tgid))
        consider(*task);
    for (const auto& [pid, task] : kernel.tasks)
        if (pid != running && task.mm && !debugger_.ignored(task.tgid)) consider(task);
    if (!somebody && !frozen.empty() && !debugger_.machine().ended())
        return error("none of these threads is there");
    standing_still_ = std::move(frozen);
    return resume(how);
}

// --- why it stopped

std::string GdbServer::exit_reply(int wait_status, Pid process) const {
    const bool killed = WIFSIGNALED(wait_status);
    const u8 code = static_cast<u8>(killed ? gdb_signal(WTERMSIG(wait_status)) : WEXITSTATUS(wait_status));
    std::string reply = (killed ? "X" : "W") + to_hex(std::span(&code, 1));
    if (multiprocess_) reply += ";process:" + hex_number(static_cast<u64>(process));
    return reply;
}

/// w STATUS;THREAD
std::string GdbServer::thread_exit_reply(const Stop& stop) const {
    const u64 code = WIFSIGNALED(stop.status) ? static_cast<u64>(gdb_signal(WTERMSIG(stop.status)))
                                              : static_cast<u64>(WEXITSTATUS(stop.status));
    return "w" + hex_number(code) + ";" + thread_id(stop.task, stop.other);
}

std::string GdbServer::stop_reply() const {
    const Stop& stop = debugger_.last_stop();
    Machine& machine = debugger_.machine();
    if (debugger_.machine().ended()) {
        // A recording that ends too early, an instruction limit: no exit of the guest's own.
        const kernel::ExitStatus none{.code = machine.error() ? machine.error()->exit_status : 0};
        const auto status = machine.kernel().exit_status().value_or(none);
        // The process that GDB knows: the last one there was.
        const Pid last = machine.kernel().state().tasks.empty() ? kernel::kFirstPid : process();
        return exit_reply(status.killed_by ? status.killed_by : (status.code & 0xff) << 8, last);
    }
    if (stop.kind == Stop::Kind::kProcessExited) return exit_reply(stop.status, stop.other);
    if (stop.kind == Stop::Kind::kThreadExited) return thread_exit_reply(stop);
    if (stop.kind == Stop::Kind::kNoneLeft) return "N";
    return standing_reply() + reason(stop);
}

/// Where the selected thread stands.
std::string GdbServer::standing_reply() const {
    if (killed_) return exit_reply(SIGKILL, process());
    if (debugger_.machine().ended()) return stop_reply();
    const Stop& stop = debugger_.last_stop();
    const u8 signal = static_cast<u8>(stop.kind == Stop::Kind::kSignal        ? gdb_signal(stop.signal)
                                      : stop.kind == Stop::Kind::kInterrupted ? SIGINT
                                                                              : SIGTRAP);
    std::string reply = "T" + to_hex(std::span(&signal, 1));
    for (const unsigned number : {kGdbRbp, kGdbRsp, kGdbRip})
        reply += hex_number(number >> 4) + hex_number(number & 15) + ":" +
                 to_hex(*read_register(registers(), number)) + ";";
    return reply + "thread:" + thread_id() + ";core:0;";
}

std::string GdbServer::reason(const Stop& stop) const {
    switch (stop.kind) {
        case Stop::Kind::kHistoryBegin:
            return "replaylog:begin;";
        case Stop::Kind::kHorizon:
            return "replaylog:end;";
        case Stop::Kind::kBreakpoint:
            return "swbreak:;";
        case Stop::Kind::kSyscallEntry:
            return "syscall_entry:" + hex_number(stop.syscall) + ";";
        case Stop::Kind::kSyscallReturn:
            return "syscall_return:" + hex_number(stop.syscall) + ";";
        case Stop::Kind::kFork:
            return "fork:" + thread_id(stop.other) + ";";
        case Stop::Kind::kVfork:
            return "vfork:" + thread_id(stop.other) + ";";
        case Stop::Kind::kVforkDone:
            return "vforkdone:;";
        case Stop::Kind::kThreadNew:
            return "create:;";
        case Stop::Kind::kExec:
            return "exec:" + to_hex(std::string_view(program_path())) + ";";
        case Stop::Kind::kWatch: {
            const WatchRange& range = stop.watch.range;
            const char* const kind = range.reads && range.writes ? "awatch"
                                     : range.reads               ? "rwatch"
                                                                 : "watch";
            return std::string(kind) + ":" +
                   hex_number(std::clamp(stop.watch.address, range.first, range.last)) + ";";
        }
        default:
            return "";
    }
}

}  // namespace emu
