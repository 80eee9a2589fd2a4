// Commands about processes and threads: which there are, whose registers and memory are looked at, and steps
// of a task that does not run now.
#include <charconv>
#include <map>
#include <utility>

#include "emu/prompt/debug_session.h"
#include "emu/report/story_words.h"
#include "kernel/state.h"

namespace emu {

using Answer = DebugSession::Answer;
using kernel::Pid;

namespace {

/// A whole word that is a number; 0: it is none.
Pid number_of(const std::string& word) {
    Pid pid = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), pid);
    return error == std::errc{} && end == word.data() + word.size() && pid > 0 ? pid : 0;
}

std::string task_name(const kernel::Task& task) {
    return "task " + std::to_string(task.pid) + " of process " + std::to_string(task.tgid) + " \"" +
           task.comm + "\"";
}

}  // namespace

std::string DebugSession::threads_text() {
    std::string text;
    auto& kernel = debugger_.machine().kernel().state();
    const kernel::Task& shown = debugger_.task();
    for (const auto& [pid, task] : kernel.tasks) {
        if (!task.mm) continue;
        const u64 rip = pid == shown.pid        ? registers().rip
                        : pid == kernel.current ? debugger_.machine().cpu().regs.rip
                                                : task.registers.rip;
        // The symbols are those of the program that is looked at.
        const bool same = task.executable == shown.executable;
        text += (pid == shown.pid ? "* " : "  ") + task_name(task) + "  " + hex(rip) +
                (same ? " " + symbolic(rip) : "") + "\n";
    }
    return text.empty() ? "No threads.\n" : text;
}

std::string DebugSession::inferiors_text() {
    auto& kernel = debugger_.machine().kernel().state();
    std::map<Pid, unsigned> threads;
    std::map<Pid, const kernel::Task*> first;
    for (const auto& [pid, task] : kernel.tasks) {
        if (!task.mm) continue;
        ++threads[task.tgid];
        first.emplace(task.tgid, &task);
    }
    std::string text;
    for (const auto& [process, count] : threads)
        text += (process == debugger_.task().tgid ? "* " : "  ") + std::string("process ") +
                std::to_string(process) + " \"" + first[process]->comm + "\"  " + first[process]->executable +
                ", " + std::to_string(count) + (count == 1 ? " task" : " tasks") + "\n";
    return text.empty() ? "No processes.\n" : text;
}

/// Whose registers are shown without a choice: the task that runs, or while all sleep that which ran last.
Pid DebugSession::running_task() {
    debugger_.select(0);
    const Pid running = debugger_.task().pid;
    debugger_.select(looked_at_);
    return running;
}

/// From here on everything that is shown is this task's.
Answer DebugSession::look_at(const kernel::Task& task) {
    looked_at_ = task.pid == running_task() ? 0 : task.pid;
    debugger_.select(looked_at_);
    selected_ = 0;
    shown_.reset();
    frames_.reset();
    before_ = registers();
    modules_.update(process_maps());
    return {"[" + task_name(task) + (looked_at_ ? "" : ", which runs") + "]\n" + select_frame("0").text};
}

/// The guest goes on: what is looked at is what runs.
void DebugSession::look_at_running() {
    if (!std::exchange(looked_at_, 0)) return;
    debugger_.select(0);
    selected_ = 0;
    shown_.reset();
    frames_.reset();
    modules_.update(process_maps());
}

Answer DebugSession::select_thread(Arguments arguments) {
    if (ended()) return {"No threads: the program has ended.\n", true};
    if (arguments.empty()) return {"[" + task_name(debugger_.task()) + "]\n"};
    const auto& tasks = debugger_.machine().kernel().state().tasks;
    const auto found = tasks.find(number_of(arguments));
    if (found == tasks.end() || !found->second.mm)
        return {"No task " + arguments.substr(0, 40) + ": `info threads` lists them by their numbers.\n",
                true};
    return look_at(found->second);
}

Answer DebugSession::select_inferior(Arguments arguments) {
    if (ended()) return {"No processes: the program has ended.\n", true};
    if (arguments.empty()) return {"[process " + std::to_string(debugger_.task().tgid) + "]\n"};
    const auto& kernel = debugger_.machine().kernel().state();
    const Pid process = number_of(arguments);
    const kernel::Task* chosen = nullptr;
    for (const auto& [pid, task] : kernel.tasks)
        if (process && task.tgid == process && task.mm && (!chosen || pid == kernel.current)) chosen = &task;
    if (!chosen)
        return {"No process " + arguments.substr(0, 40) + ": `info inferiors` lists them by their numbers.\n",
                true};
    return look_at(*chosen);
}

/// Steps back are the running task's.
std::optional<Answer> DebugSession::cannot_step_this() {
    if (!ended() && looked_at_)
        return Answer{"Task " + std::to_string(looked_at_) +
                          " does not run now, and the way back is the running one's: `thread " +
                          std::to_string(running_task()) + "` looks at that.\n",
                      true};
    return std::nullopt;
}

/// A step of a task that waits for the CPU: the others run until its turn comes; no schedule is changed for
/// it. An answer: something else stops the guest before.
std::optional<Answer> DebugSession::wait_for_turn() {
    const Pid pid = looked_at_;
    const u64 rip = registers().rip;
    const unsigned frame = selected_;
    if (debugger_.in_stage()) {
        // The kernel finishes first what it does for the running one.
        while (!ended() && debugger_.in_stage()) go({.kind = Resume::Kind::kStep});
        if (ended()) return Answer{stop_text()};
    }
    look_at_running();
    before_ = registers();
    if (debugger_.task().pid != pid) {
        internal_ = {.address = rip, .task = pid};
        go({});
        internal_.reset();
        if (!internal_hit_ || !hit_.empty()) {
            note_stop(stop_);
            return Answer{stop_text()};
        }
    }
    stop_ = {.kind = Stop::Kind::kStep};
    note_stop(stop_);
    selected_ = frame;
    return std::nullopt;
}

std::optional<Answer> DebugSession::cannot_step() {
    if (!ended() && looked_at_)
        if (auto stopped = wait_for_turn()) return stopped;
    return cannot_run();
}

}  // namespace emu
