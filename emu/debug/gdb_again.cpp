// GDB's `run` and `start` (target extended-remote): the guest begins anew, as another run of the whole
// program; this server ends, and that run's goes on with the client. Source: GDB manual, E.2 vRun, E.4
// QEnvironmentHexEncoded; gdb 13.1, remote.c extended_remote_target::create_inferior().
#include <algorithm>

#include "emu/debug/gdb_server.h"
#include "emu/debug/guest_files.h"
#include "kernel/host/seam.h"
#include "mmu/base/log.h"

namespace emu {

using Reply = std::optional<std::string>;

namespace {

/// GDB says of a failure that it has failed; its reason goes where we speak.
std::string refused(const std::string& why) {
    LOG(warn, "run: {}", why);
    return "E." + why;
}

bool replaying() {
    return kernel::host::Seam::get().mode() == kernel::host::Seam::Mode::kReplay;
}

}  // namespace

/// QEnvironmentReset, QEnvironmentHexEncoded:NAME=VALUE, QEnvironmentUnset:NAME: before a vRun.
Reply GdbServer::set_environment(PacketReader packet) {
    if (packet.take("Reset")) {
        environment_.clear();
        return "OK";
    }
    const bool unset = packet.take("Unset:");
    if (!unset && !packet.take("HexEncoded:")) return "";
    const auto entry = from_hex(packet.rest());
    const usize equals = entry ? entry->find('=') : std::string::npos;
    const bool well = entry && !entry->empty() && entry->find('\0') == std::string::npos &&
                      (equals == std::string::npos) == unset && equals != 0;
    if (!well) return error("malformed variable");
    const std::string name = entry->substr(0, equals);
    std::erase_if(environment_, [&](const auto& each) { return each.first == name; });
    environment_.emplace_back(name, unset ? "" : *entry);
    return "OK";
}

/// vRun;FILE[;ARGUMENT]...: an empty FILE is the one that it was.
Reply GdbServer::run_anew(std::string_view rest) {
    if (!extended_) return refused("only with target extended-remote");
    if (!killed_ && anybody_attached())
        return refused("other processes of the guest live: kill their inferiors first");
    std::vector<std::string> words;
    for (bool more = true; more;) {
        const usize end = rest.find(';');
        const auto word = from_hex(rest.substr(0, end));
        if (!word || word->find('\0') != std::string::npos) return refused("malformed argument");
        words.push_back(*word);
        more = end != std::string_view::npos;
        if (more) rest.remove_prefix(end + 1);
    }
    if (guest_.empty()) return refused("this guest cannot begin anew");
    if (words[0].empty()) words[0] = guest_[0];
    // A gdb that we have started knows the arguments; to another one none are those that it was given.
    if (words.size() == 1 && symbols_ == Symbols::kServed)
        words.insert(words.end(), guest_.begin() + 1, guest_.end());
    if (replaying() && (words != guest_ || !environment_.empty()))
        return refused("a recorded guest has the arguments and variables that it was recorded with");
    if (words[0] != guest_[0] && debugger_.has_task() &&
        !open_guest_file(debugger_.machine().kernel().state(), debugger_.task(), words[0]))
        return refused("no such program: " + words[0]);
    guest_ = std::move(words);
    reply_due_ = true;
    end_ = End::kAgain;
    return std::nullopt;
}

/// R: as vRun with the same words; it has no answer.
Reply GdbServer::restart() {
    if (!extended_ || guest_.empty()) return std::nullopt;
    end_ = End::kAgain;
    return std::nullopt;
}

Again GdbServer::again() const {
    return {.guest = guest_, .environment = environment_, .state = again_state_};
}

/// Breakpoints are the client's to set again; what `monitor` has been told stays.
void GdbServer::go_on_from(const std::string& state) {
    const std::vector<std::string> guest = guest_;
    restore(state);
    guest_ = guest;
    killed_ = told_end_ = to_the_end_ = false;
    standing_still_.clear();
    told_of_.clear();
    arrival_reply_.clear();
    let_go_.clear();
    debugger_.attend_all();
    debugger_.clear_all();
    debugger_.vm_watch().clear();
    for (const std::string name : {"QPassSignals"})
        if (const auto passed = settings_.find(name); passed != settings_.end())
            (void)answer(std::string(passed->second.substr(1)));
    std::erase_if(settings_, [](const auto& entry) { return entry.first != "QPassSignals"; });
}

}  // namespace emu
