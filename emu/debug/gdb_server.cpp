#include "emu/debug/gdb_server.h"

#include <algorithm>
#include <charconv>
#include <csignal>

#include "emu/debug/agent_expression.h"
#include "emu/debug/monitor.h"
#include "emu/debug/signal_numbers.h"
#include "kernel/host/seam.h"
#include "kernel/state.h"

namespace emu {

using Reply = std::optional<std::string>;

namespace {

const std::string kOk = "OK", kUnsupported = "";

constexpr const char* kFeatures =
    "QStartNoAckMode+;swbreak+;hwbreak+;vContSupported+;ConditionalBreakpoints+;QCatchSyscalls+;QPassSignals+"
    ";"
    "QProgramSignals+;qXfer:features:read+;qXfer:auxv:read+;qXfer:exec-file:read+;qXfer:threads:read+;"
    "qXfer:siginfo:read+;qXfer:siginfo:write+;qXfer:osdata:read+;no-resumed+;QThreadEvents+;"
    "QEnvironmentHexEncoded+;QEnvironmentUnset+;QEnvironmentReset+";
constexpr const char* kBackwards = ";ReverseStep+;ReverseContinue+";
/// Those of the client's wishes that come with multiprocess+.
constexpr const char* kProcessFeatures = ";multiprocess+;fork-events+;vfork-events+;exec-events+";

}  // namespace

GdbServer::End GdbServer::serve() {
    debugger_.set_interrupt_check([this] { return connection_.wants_attention(); });
    debugger_.set_stage_handler([this] { return serve_stage(); });
    begin_tasks();
    if (history_) timeline_.emplace(debugger_, *this);
    if (std::exchange(reply_due_, false)) connection_.send(standing_reply());
    answer_until([this] { return end_.has_value(); });
    if (in_past()) (void)timeline_->leave(static_cast<int>(*end_));
    if (*end_ == End::kAgain) again_state_ = save();
    timeline_.reset();
    debugger_.set_interrupt_check({});
    debugger_.set_stage_handler({});
    debugger_.set_fault_mode(Debugger::FaultMode::kHidden);
    // What one client asked for is not the next one's.
    debugger_.clear_all();
    debugger_.faults().catch_nothing();
    debugger_.vm_watch().clear();
    debugger_.vm_watch().clear_catches();
    debugger_.freeze({});
    debugger_.want_task_events({});
    return *end_;
}

/// The guest stands at a stage, within a resume() of ours: packets are answered until one goes on.
Resume GdbServer::serve_stage() {
    objects_.clear();
    if (debugger_.last_stop().kind == Stop::Kind::kHorizon) (void)timeline_->go_forward(debugger_.pending());
    say_what_was_caught(debugger_.last_stop());
    connection_.send(*arrival_reply());
    stage_resume_.reset();
    answer_until([this] { return end_ || stage_resume_; });
    if (end_) debugger_.leave_stages();
    return stage_resume_.value_or(Resume{});
}

void GdbServer::answer_until(const std::function<bool()>& done) {
    std::string packet;
    while (!done()) {
        switch (connection_.receive(packet)) {
            case RspConnection::Event::kClosed:
                // Processes that were left to themselves go on when those of the client have ended.
                end_ = killed_                             ? end_when_gone_
                       : told_exit_ && !anybody_attached() ? End::kDetached
                                                           : End::kGone;
                break;
            case RspConnection::Event::kInterrupt:
                break;  // the guest stands already
            case RspConnection::Event::kPacket:
                if (const Reply reply = answer(packet)) connection_.send(*reply);
                if (packet == "QStartNoAckMode") connection_.stop_acknowledging();
        }
    }
}

Reply GdbServer::answer(const std::string& text) {
    if (text.empty()) return kUnsupported;
    PacketReader packet(std::string_view(text).substr(1));
    note_setting(text);
    // What the client asks about the guest's files is not the guest's doing.
    std::optional<kernel::host::Seam::Aside> aside;
    if (std::string_view("cCsSb").find(text[0]) == std::string_view::npos && !text.starts_with("vCont;"))
        aside.emplace();
    switch (text[0]) {
        case '?':
            return standing_reply();
        case '!':
            extended_ = true;
            return kOk;
        case 'R':
            return restart();
        case 'g':
            return read_registers();
        case 'G':
            return write_registers(packet);
        case 'p':
            return read_one_register(packet);
        case 'P':
            return write_one_register(packet);
        case 'm':
            return read_memory(packet);
        case 'M':
            return write_memory(packet, false);
        case 'X':
            return write_memory(packet, true);
        case 'c':
        case 's':
        case 'C':
        case 'S':
            return resume_by_letter(text[0], packet);
        case 'b':
            return reverse(text);
        case 'H':
            return select_thread(packet);
        case 'T':
            return thread_lives(packet);
        case 'Z':
            return breakpoint(packet, true);
        case 'z':
            return breakpoint(packet, false);
        case 'q':
            return query(packet);
        case 'Q':
            return set(packet);
        case 'v':
            return verbose(packet);
        case 'D':
            return detach(packet);
        case 'k':
            killed_ = true;
            if (!extended_) end_ = End::kKilled;
            return std::nullopt;
        default:
            return kUnsupported;
    }
}

Reply GdbServer::query(PacketReader packet) {
    if (packet.take("Supported")) return supported(packet.take(":") ? packet.rest() : std::string_view{});
    if (packet.take("Xfer:")) return transfer(packet);
    if (packet.take("Rcmd,")) return monitor(packet);
    if (packet.take("GetTLSAddr:")) return thread_local_address(packet);
    if (packet.take("Search:memory:")) return search_memory(packet);
    if (packet.take("Attached")) return "0";
    if (packet.take("ThreadExtraInfo,")) return to_hex(std::string_view("guest"));
    if (packet.rest() == "C") return "QC" + thread_id();
    if (packet.take("fThreadInfo")) {
        std::string list;
        for (const kernel::Pid pid : threads_shown()) list += (list.empty() ? "m" : ",") + thread_id(pid);
        return list.empty() ? "l" : list;
    }
    if (packet.take("sThreadInfo")) return "l";
    if (packet.take("Symbol:")) return kOk;
    // QEMU's, for scripts that look at frames. Qqemu.sstepbits is not answered: it would make us QEMU.
    if (packet.rest() == "qemu.PhyMemMode") return physical_addresses_ ? "1" : "0";
    return kUnsupported;
}

/// qSupported[:FEATURE;...]. Without features it is a question of a script's (pwndbg and GEF ask so), and
/// what has been agreed upon holds.
std::string GdbServer::supported(std::string_view features) {
    if (!features.empty()) {
        const auto wants = [&](const char* feature) {
            return features.find(feature) != std::string_view::npos;
        };
        multiprocess_ = wants("multiprocess+");
        task_events_ = {.forks = multiprocess_ && wants(";fork-events+"),
                        .execs = multiprocess_ && wants("exec-events+"),
                        .exits = multiprocess_,
                        .threads = task_events_.threads,
                        .children_ignored = true};
        debugger_.want_task_events(task_events_);
    }
    return "PacketSize=" + hex_number(RspConnection::kMaxPacket / 2) + ";" + kFeatures +
           (history_ ? kBackwards : "") +
           (symbols_ == Symbols::kServed ? ";qXfer:libraries-svr4:read+" : "") +
           (multiprocess_ ? kProcessFeatures : "");
}

Reply GdbServer::set(PacketReader packet) {
    if (packet.take("StartNoAckMode")) return kOk;
    if (packet.take("NonStop:"))
        return packet.rest() == "0" ? kOk : error("the guest stops as a whole: no non-stop mode");
    if (packet.take("CatchSyscalls:")) return catch_syscalls(packet);
    if (packet.take("PassSignals:")) return signals_to_pass(packet);
    if (packet.take("ProgramSignals:")) return kOk;  // all are delivered
    if (packet.take("Environment")) return set_environment(packet);
    if (packet.take("ThreadEvents:")) {
        if (packet.rest() != "0" && packet.rest() != "1") return error("malformed switch");
        task_events_.threads = packet.rest() == "1";
        debugger_.want_task_events(task_events_);
        return kOk;
    }
    if (packet.take("qemu.PhyMemMode:")) {
        physical_addresses_ = packet.rest() == "1";
        return kOk;
    }
    return kUnsupported;
}

Reply GdbServer::verbose(PacketReader packet) {
    if (packet.take("Cont?")) return "vCont;c;C;s;S;t;r";
    if (packet.take("Cont;")) return resume_by_actions(packet);
    if (packet.take("File:")) return file_request(packet);
    if (packet.take("Kill;")) return kill_process(packet);
    if (packet.take("Run;")) return run_anew(packet.rest());
    return kUnsupported;  // vMustReplyEmpty too
}

RegisterView GdbServer::registers() const {
    RegisterView view;
    view.registers = &debugger_.registers();
    view.control = debugger_.control();
    view.orig_rax = debugger_.syscall_at_stop().value_or(~u64{0});
    view.instructions = debugger_.instructions();
    if (const u64 rip = view.registers->rip; debugger_.in_stage() && rip >= kKernelText)
        view.fault_stage = static_cast<u32>(1 + (rip - kKernelText) / kFunctionBytes);
    if (!debugger_.faults().faults().empty()) {
        const FaultRecord& last = debugger_.faults().faults().back();
        view.cr2 = last.address;
        view.fault_error = last.error_code;
        view.fault_number = last.number;
    }
    return view;
}

Reply GdbServer::read_registers() const {
    std::string bytes;
    for (unsigned n = 0; n < gdb_register_count(); ++n) bytes += *read_register(registers(), n);
    return to_hex(bytes);
}

Reply GdbServer::write_registers(PacketReader packet) {
    if (debugger_.in_stage()) return error("registers cannot be written while the kernel is at work");
    const auto bytes = from_hex(packet.rest());
    if (!bytes) return error("malformed registers");
    if (const auto why = why_not_write()) return error(*why);
    usize at = 0;
    for (unsigned n = 0; n < gdb_register_count(); ++n) {
        const usize size = read_register(registers(), n)->size();
        if (at + size > bytes->size()) break;
        (void)write_register(registers(), n, std::string_view(*bytes).substr(at, size));
        at += size;
    }
    return kOk;
}

Reply GdbServer::read_one_register(PacketReader packet) const {
    const auto number = packet.number();
    const auto bytes = number && *number < gdb_register_count()
                           ? read_register(registers(), static_cast<unsigned>(*number))
                           : std::nullopt;
    return bytes ? to_hex(*bytes) : error("no such register");
}

Reply GdbServer::write_one_register(PacketReader packet) {
    if (debugger_.in_stage()) return error("registers cannot be written while the kernel is at work");
    const auto number = packet.number();
    if (!number || *number >= gdb_register_count() || !packet.take("=")) return error("no such register");
    const auto bytes = from_hex(packet.rest());
    if (const auto why = why_not_write()) return error(*why);
    if (!bytes || !write_register(registers(), static_cast<unsigned>(*number), *bytes))
        return error("this register cannot be written");
    return kOk;
}

Reply GdbServer::read_memory(PacketReader packet) const {
    const auto address = packet.number();
    if (!address || !packet.take(",")) return error("malformed address");
    const auto size = packet.number();
    if (!size) return error("malformed length");
    std::vector<u8> bytes(std::min<u64>(*size, RspConnection::kMaxPacket / 2 - 16));
    if (physical_addresses_ && *address >= ~kernel::kPageOffset) return "E0e";
    bytes.resize(debugger_.read(physical_addresses_ ? kernel::kPageOffset + *address : *address, bytes));
    if (bytes.empty() && *size) return "E0e";
    return to_hex(bytes);
}

Reply GdbServer::write_memory(PacketReader packet, bool binary) {
    if (debugger_.in_stage()) return error("memory cannot be written while the kernel is at work");
    if (physical_addresses_) return error("physical memory is only read");
    const auto address = packet.number();
    if (!address || !packet.take(",")) return error("malformed address");
    const auto size = packet.number();
    if (!size || !packet.take(":")) return error("malformed length");
    const auto bytes = binary ? std::optional(unescape(packet.rest())) : from_hex(packet.rest());
    if (!bytes || bytes->size() != *size) return error("data and length differ");
    if (const auto why = *size ? why_not_write() : std::nullopt) return error(*why);
    return debugger_.write(*address, {reinterpret_cast<const u8*>(bytes->data()), bytes->size()}) ? kOk
                                                                                                  : "E0e";
}

/// qSearch:memory:ADDRESS;LENGTH;PATTERN
Reply GdbServer::search_memory(PacketReader packet) const {
    const auto address = packet.number();
    if (!address || !packet.take(";")) return error("malformed address");
    const auto length = packet.number();
    if (!length || !packet.take(";")) return error("malformed length");
    const std::string pattern = unescape(packet.rest());
    if (pattern.empty() || pattern.size() > 4096) return error("unusable pattern");
    std::string window;  // what was read and may still begin a match
    constexpr usize kPart = 65536;
    for (u64 done = 0; done < *length;) {
        std::vector<u8> part(std::min<u64>(kPart, *length - done));
        part.resize(debugger_.read(*address + done, part));
        if (part.empty()) break;
        window.append(reinterpret_cast<const char*>(part.data()), part.size());
        const u64 window_start = *address + done + part.size() - window.size();
        if (const usize at = window.find(pattern); at != std::string::npos)
            return "1," + hex_number(window_start + at);
        done += part.size();
        if (window.size() >= pattern.size()) window.erase(0, window.size() - pattern.size() + 1);
    }
    return "0";
}

/// Z TYPE,ADDRESS,KIND[;X LENGTH,BYTECODE]...: types 0 and 1 are breakpoints, 2 to 4 watch KIND bytes.
Reply GdbServer::breakpoint(PacketReader packet, bool insert) {
    const auto type = packet.number();
    if (!type || !packet.take(",")) return error("malformed type");
    const auto address = packet.number();
    if (!address || !packet.take(",")) return error("malformed address");
    if (*type <= 1) return break_at(packet, *address, insert);
    if (*type > 4) return kUnsupported;
    const auto size = packet.number();
    constexpr u64 kMostBytes = u64{1} << 30;
    if (!size || *size == 0 || *size > kMostBytes || *address > ~u64{0} - *size)
        return error("unusable range");
    if (*address >> 63) return error("the guest reaches no kernel memory; see `monitor vm watch`");
    const WatchRange range{*address, *address + *size - 1, *type != 2, *type != 3};
    if (insert)
        debugger_.set_watch(range, process_meant());
    else
        debugger_.remove_watch(range, process_meant());
    return kOk;
}

Reply GdbServer::break_at(PacketReader packet, u64 address, bool insert) {
    if (!insert) {
        debugger_.remove_breakpoint(address, process_meant());
        return kOk;
    }
    (void)packet.until(';');
    std::vector<std::string> conditions;
    while (packet.take("X")) {
        const auto length = packet.number();
        if (!length || !packet.take(",") || *length > packet.rest().size() / 2)
            return error("malformed condition");
        const auto code = from_hex(packet.rest().substr(0, 2 * *length));
        if (!code) return error("malformed condition");
        conditions.push_back(*code);
        packet.take(packet.rest().substr(0, 2 * *length));
        packet.take(";");
    }
    if (conditions.empty()) {
        debugger_.set_breakpoint(address, {}, process_meant());
        return kOk;
    }
    const auto condition = [this, conditions] {
        const AgentContext context{
            [this](unsigned number) -> std::optional<u64> {
                const auto bytes = read_register(registers(), number);
                if (!bytes) return std::nullopt;
                u64 value = 0;
                std::copy_n(bytes->begin(), std::min<usize>(8, bytes->size()),
                            reinterpret_cast<char*>(&value));
                return value;
            },
            [this](u64 at, std::span<u8> bytes) { return debugger_.read(at, bytes) == bytes.size(); }};
        // What cannot be judged stops: GDB will say why.
        return std::any_of(conditions.begin(), conditions.end(),
                           [&](const std::string& code) { return evaluate(code, context).value_or(1) != 0; });
    };
    debugger_.set_breakpoint(address, condition, process_meant());
    return kOk;
}

/// QCatchSyscalls:0, or 1[;NUMBER]...
Reply GdbServer::catch_syscalls(PacketReader packet) {
    const bool on = packet.take("1");
    std::set<u64> numbers;
    while (on && packet.take(";")) {
        const auto number = packet.number();
        if (!number) return error("malformed number");
        numbers.insert(*number);
    }
    debugger_.catch_syscalls(on, std::move(numbers));
    return kOk;
}

Reply GdbServer::signals_to_pass(PacketReader packet) {
    std::set<int> signals;
    while (const auto number = packet.number()) {
        if (const int signal = *number < 256 ? linux_signal(static_cast<int>(*number)) : 0)
            signals.insert(signal);
        if (!packet.take(";")) break;
    }
    debugger_.pass_signals(std::move(signals));
    return kOk;
}

Reply GdbServer::monitor(PacketReader packet) {
    const auto command = from_hex(packet.rest());
    if (!command) return error("malformed command");
    PacketReader words(*command);
    if (words.take("vm goto ")) return go_to(words);
    if (words.take("vm end")) return to_hex(std::string_view(end_words(words.rest())));
    if (*command == "help" || *command == "vm help")
        return to_hex(run_monitor(debugger_, *command) +
                      "vm goto icount N|fault N   to that moment; then: maintenance flush register-cache\n"
                      "vm record             snapshots and their memory\n"
                      "vm end [stop|pass]    whether the guest stops before its exit, from where there is a "
                      "way back\n");
    if (*command == "vm record" && timeline_) return to_hex(std::string_view(timeline_->describe()));
    const std::string text = run_monitor(debugger_, *command);
    return text.empty() ? kOk : to_hex(text);
}

}  // namespace emu
