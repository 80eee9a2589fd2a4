// GDB's server going back in time: bs and bc, and what another process needs to go on with the same client.
#include <fcntl.h>
#include <unistd.h>

#include "emu/debug/gdb_server.h"
#include "kernel/host/seam.h"

namespace emu {

using Reply = std::optional<std::string>;
using kernel::host::get_bytes, kernel::host::get_number, kernel::host::put_bytes, kernel::host::put_number;

/// Keeps what is to be said again: each breakpoint by itself, of other packets the last.
void GdbServer::note_setting(const std::string& packet) {
    if (packet[0] == 'Z' || packet[0] == 'z') {
        const std::string owner = std::to_string(process_meant());
        const std::string key = owner + packet.substr(1, packet.find(';') - 1);
        if (packet[0] == 'Z')
            settings_[key] = owner + packet;
        else
            settings_.erase(key);
    } else if (packet.starts_with("QCatchSyscalls:") || packet.starts_with("QPassSignals:")) {
        settings_[packet.substr(0, packet.find(':'))] = "0" + packet;
    }
}

std::string GdbServer::save() const {
    std::string text;
    for (const u64 flag : {multiprocess_, extended_, killed_, task_events_.forks, task_events_.execs,
                           task_events_.exits, task_events_.threads, task_events_.children_ignored})
        put_number(text, flag);
    put_number(text, stop_at_end_);
    put_number(text, told_end_);
    put_number(text, to_the_end_);
    put_bytes(text, debugger_.vm_watch().save());
    const RspConnection::State state = connection_.state();
    put_number(text, state.acknowledging);
    put_bytes(text, state.unread);
    put_number(text, static_cast<u64>(debugger_.fault_mode()));
    put_number(text, static_cast<u64>(debugger_.kernel_names()));
    put_bytes(text, arrival_reply_);
    put_number(text, debugger_.faults().caught().size());
    for (const std::string& what : debugger_.faults().caught()) put_bytes(text, what);
    put_number(text, settings_.size());
    for (const auto& [key, packet] : settings_) put_bytes(text, packet);
    put_number(text, let_go_.size());
    for (const kernel::Pid pid : let_go_) put_number(text, static_cast<u64>(pid));
    put_number(text, guest_.size());
    for (const std::string& word : guest_) put_bytes(text, word);
    put_number(text, environment_.size());
    for (const auto& [name, entry] : environment_) {
        put_bytes(text, name);
        put_bytes(text, entry);
    }
    put_number(text, reply_due_);
    for (const std::set<kernel::Pid>* const pids : {&standing_still_, &told_of_}) {
        put_number(text, pids->size());
        for (const kernel::Pid pid : *pids) put_number(text, static_cast<u64>(pid));
    }
    return text;
}

void GdbServer::restore(const std::string& saved) {
    std::string_view text = saved, bytes;
    u64 number = 0, count = 0;
    debugger_.clear_all();
    debugger_.faults().catch_nothing();
    settings_.clear();
    objects_.clear();
    debugger_.select(0);
    RspConnection::State state;
    for (bool* const flag : {&multiprocess_, &extended_, &killed_, &task_events_.forks, &task_events_.execs,
                             &task_events_.exits, &task_events_.threads, &task_events_.children_ignored})
        if (get_number(text, number)) *flag = number != 0;
    debugger_.want_task_events(task_events_);
    if (get_number(text, number)) stop_at_end_ = number != 0;
    if (get_number(text, number)) told_end_ = number != 0;
    if (get_number(text, number)) to_the_end_ = number != 0;
    if (get_bytes(text, bytes)) debugger_.vm_watch().restore(bytes);
    if (get_number(text, number)) state.acknowledging = number != 0;
    if (get_bytes(text, bytes)) state.unread = bytes;
    connection_.set_state(std::move(state));
    if (get_number(text, number)) debugger_.set_fault_mode(static_cast<Debugger::FaultMode>(number));
    if (get_number(text, number)) debugger_.set_kernel_names(static_cast<KernelNames>(number));
    if (get_bytes(text, bytes)) arrival_reply_ = bytes;
    for (get_number(text, count); count && get_bytes(text, bytes); --count)
        (void)debugger_.faults().catch_event(std::string(bytes));
    for (get_number(text, count); count && get_bytes(text, bytes); --count) {
        const usize digits = bytes.find_first_not_of("0123456789");
        restored_process_ = static_cast<kernel::Pid>(std::stol(std::string(bytes.substr(0, digits))));
        (void)answer(std::string(bytes.substr(digits)));
    }
    restored_process_ = 0;
    for (get_number(text, count); count && get_number(text, number); --count) {
        let_go_.insert(static_cast<kernel::Pid>(number));
        debugger_.ignore_process(static_cast<kernel::Pid>(number));
    }
    guest_.clear();
    for (get_number(text, count); count && get_bytes(text, bytes); --count) guest_.emplace_back(bytes);
    environment_.clear();
    std::string_view entry;
    for (get_number(text, count); count && get_bytes(text, bytes) && get_bytes(text, entry); --count)
        environment_.emplace_back(bytes, entry);
    if (get_number(text, number)) reply_due_ = number != 0;
    for (std::set<kernel::Pid>* const pids : {&standing_still_, &told_of_}) {
        pids->clear();
        for (get_number(text, count); count && get_number(text, number); --count)
            pids->insert(static_cast<kernel::Pid>(number));
    }
}

/// Bytes from the client are told to this process now.
void GdbServer::take_over() {
    (void)::fcntl(connection_.descriptor(), F_SETOWN, ::getpid());
}

/// bs, bc
Reply GdbServer::reverse(const std::string& packet) {
    if (packet != "bs" && packet != "bc") return "";
    if (!timeline_) return "E.there is no way back";
    if (packet == "bc" && debugger_.back_to_entry()) return stop_reply();
    return carry_out(packet == "bs" ? timeline_->step_back() : timeline_->continue_back());
}

/// The live process goes on, or none ever left it.
Reply GdbServer::carry_out(const Timeline::Outcome& outcome) {
    switch (outcome.kind) {
        case Timeline::Outcome::Kind::kResume:
            return go_on(outcome.how);
        case Timeline::Outcome::Kind::kEnd:
            end_ = static_cast<End>(outcome.end);
            return *end_ == End::kDetached ? Reply("OK") : std::nullopt;
        case Timeline::Outcome::Kind::kStop:
            break;
    }
    return arrival_reply();
}

Reply GdbServer::arrival_reply() {
    if (arrival_reply_.empty()) return stop_reply();
    return std::exchange(arrival_reply_, {});
}

/// The guest has ended. The client is shown the last moment before that: what ends it there is the next
/// continue.
Reply GdbServer::before_the_end() {
    const std::string line = "The guest ends here: reverse-* goes back, continue ends it.\n";
    connection_.send("O" + to_hex(std::string_view(line)));
    const u64 last = debugger_.instructions();
    to_the_end_ = true;
    return carry_out(timeline_->go_to({{last ? last - 1 : 0, 0}, true}, {.kind = Stop::Kind::kHorizon}));
}

/// monitor vm end [stop|pass]
std::string GdbServer::end_words(std::string_view words) {
    if (words == " stop" && !timeline_) return "there is no history that could be gone back to\n";
    if (words == " stop" || words == " pass")
        stop_at_end_ = words == " stop";
    else if (!words.empty())
        return "usage: vm end [stop|pass]\n";
    return stop_at_end_ ? "the guest's end: a stop before it\n" : "the guest's end: no stop before it\n";
}

/// monitor vm goto icount N|fault N
Reply GdbServer::go_to(PacketReader words) {
    const auto text = [](const std::string& line) { return to_hex(std::string_view(line)); };
    const bool fault = words.take("fault ");
    if (!fault && !words.take("icount ")) return text("usage: vm goto icount N|fault N\n");
    u64 number = 0;
    const std::string digits(words.rest());
    if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos)
        return text("vm goto: '" + digits + "' is no number\n");
    number = std::stoull(digits);
    if (!timeline_) return text("there is no way from here\n");
    if (!fault && number > timeline_->last().instructions)
        return text("vm goto: nothing has happened there yet; continue to it\n");
    arrival_reply_ = text("there; now: maintenance flush register-cache\n");
    if (!fault) return carry_out(timeline_->go_to(number));
    if (const auto outcome = timeline_->go_to_fault(number)) return carry_out(*outcome);
    arrival_reply_.clear();
    return text("vm goto: no such fault has been seen\n");
}

/// The past cannot be changed, nor what comes from a recording; the live guest can, and its history begins
/// there.
std::optional<std::string> GdbServer::why_not_write() {
    if (timeline_ && timeline_->in_past()) return "the past cannot be changed; go forward to its end first";
    if (kernel::host::Seam::get().mode() == kernel::host::Seam::Mode::kReplay)
        return "a recorded guest cannot be changed";
    if (timeline_) timeline_->begin_anew();
    return std::nullopt;
}

}  // namespace emu
