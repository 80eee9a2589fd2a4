// What GDB reads by qXfer: the target description, auxv, threads, siginfo, tables of the operating system.
#include <algorithm>
#include <cstring>

#include "emu/debug/gdb_server.h"
#include "emu/debug/table.h"
#include "kernel/fs/files.h"
#include "kernel/fs/proc.h"
#include "kernel/kernel.h"
#include "kernel/signal_frame.h"
#include "kernel/state.h"

namespace emu {

using Reply = std::optional<std::string>;

/// OBJECT:read:ANNEX:OFFSET,LENGTH; siginfo:write::OFFSET:BYTES
Reply GdbServer::transfer(PacketReader packet) {
    const std::string_view name = packet.until(':');
    if (name == "siginfo" && packet.take("write:")) return write_signal_information(packet);
    if (!packet.take("read:")) return "";
    const std::string annex(packet.until(':'));
    const auto offset = packet.number();
    if (!offset || !packet.take(",")) return "E01";
    const auto length = packet.number();
    if (!length) return "E01";
    const std::string key = std::to_string(process()) + ":" + std::string(name) + ":" + annex;
    if (*offset == 0 || !objects_.contains(key)) {
        auto content = object(name, annex);
        if (!content) return "E00";
        objects_[key] = std::move(*content);
    }
    const std::string& content = objects_[key];
    if (*offset >= content.size()) return "l";
    const usize most = std::min<u64>(*length, RspConnection::kMaxPacket / 2 - 16);
    const std::string part = content.substr(*offset, most);
    return (*offset + part.size() < content.size() ? "m" : "l") + part;
}

std::optional<std::string> GdbServer::object(std::string_view name, const std::string& annex) {
    if (name == "features") return annex == "target.xml" ? std::optional(target_description()) : std::nullopt;
    if (name == "osdata") {
        const auto table = debug_table(debugger_, annex);
        return table ? std::optional(table->osdata(annex.empty() ? "types" : annex)) : std::nullopt;
    }
    if (debugger_.machine().ended()) return std::nullopt;
    if (name == "auxv") return own_file("/proc/self/auxv");
    if (name == "libraries-svr4" && symbols_ == Symbols::kServed) return libraries();
    if (name == "exec-file") return program_path();
    if (name == "threads") return threads();
    if (name == "siginfo") return signal_information();
    return std::nullopt;
}

std::string GdbServer::threads() const {
    std::string xml = "<?xml version=\"1.0\"?>\n<threads>\n";
    const auto& tasks = debugger_.machine().kernel().state().tasks;
    for (const kernel::Pid pid : threads_shown())
        xml += "<thread id=\"" + thread_id(pid) + "\" core=\"0\" name=\"" + xml_escape(tasks.at(pid).comm) +
               "\"/>\n";
    return xml + "</threads>\n";
}

/// siginfo_t
std::string GdbServer::signal_information() const {
    const kernel::SiginfoBytes info = kernel::siginfo_bytes(debugger_.signal_information());
    return {reinterpret_cast<const char*>(info.bytes), sizeof info.bytes};
}

/// ANNEX:OFFSET:BYTES
Reply GdbServer::write_signal_information(PacketReader packet) {
    (void)packet.until(':');
    const auto offset = packet.number();
    if (!offset || !packet.take(":")) return error("malformed offset");
    const std::string bytes = unescape(packet.rest());
    kernel::SiginfoBytes info = kernel::siginfo_bytes(debugger_.signal_information());
    if (*offset > sizeof info.bytes || bytes.size() > sizeof info.bytes - *offset)
        return error("a siginfo_t is not that long");
    if (!debugger_.has_task() || debugger_.machine().ended()) return error("there is no thread");
    if (debugger_.in_stage()) return error("nothing can be written while the kernel is at work");
    if (const auto why = why_not_write()) return error(*why);
    std::memcpy(info.bytes + *offset, bytes.data(), bytes.size());
    debugger_.set_signal_information(kernel::written_siginfo(info));
    objects_.clear();
    return hex_number(bytes.size());
}

/// The guest's absolute name of its program.
std::string GdbServer::program_path() const {
    auto& kernel = debugger_.machine().kernel().state();
    kernel::Task& task = debugger_.task();
    const auto file = kernel::open_program(kernel, task, task.executable);
    if (!file || !kernel.paths) return task.executable;
    const auto path = kernel.paths->guest_path_of(file->fd.get());
    return path ? *path : task.executable;
}

}  // namespace emu
