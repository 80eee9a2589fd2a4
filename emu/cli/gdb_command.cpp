#include "emu/cli/gdb_command.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "emu/debug/gdb_listener.h"
#include "emu/debug/python_commands.h"
#include "emu/debug/symbol_file.h"
#include "kernel/host/journal.h"

namespace emu {
namespace {

using kernel::host::get_bytes, kernel::host::put_bytes;
using mmu::Error, mmu::Expected, mmu::Unexpected, mmu::usize;

constexpr const char* kSymbolsName = "vmkernel.debug";

using Served = Expected<std::optional<Again>, Error>;

/// A socket in a folder that nobody else can enter.
Expected<std::string, Error> private_folder() {
    const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
    std::string folder = std::string(runtime && *runtime ? runtime : "/tmp") + "/mmuscope.XXXXXX";
    if (!mkdtemp(folder.data())) return Unexpected{Error{folder + ": " + strerror(errno)}};
    return folder;
}

bool write_file(const std::string& path, const std::string& content) {
    std::FILE* const file = std::fopen(path.c_str(), "wxe");
    if (!file) return false;
    const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
    return std::fclose(file) == 0 && written;
}

/// A word of gdb's `set args`.
std::string quoted(const std::string& word) {
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
    return text + "'";
}

/// The folder's files that are ours.
void remove_folder(const std::string& folder) {
    for (const std::string& name : {std::string("gdb"), std::string(kSymbolsName),
                                    std::string(kKernelSourceName), std::string(kPythonCommandsName)})
        ::unlink((folder + "/" + name).c_str());
    ::rmdir(folder.c_str());
}

/// Becomes gdb. Returns only when it cannot.
Error become_gdb(const Options& options, const std::string& socket, const std::string& symbols,
                 const std::string& commands) {
    std::vector<std::string> words = {
        "gdb", "-q", "-iex", "set confirm off", "-iex", "set debuginfod enabled off"};
    // The guest sees the host's own files unless it has a root of its own: gdb then reads them directly.
    if (options.kernel.files.root.empty()) words.insert(words.end(), {"-iex", "set sysroot /"});
    // `run` and `start` begin the guest anew, with these arguments unless they are changed.
    std::string arguments_of_guest;
    for (usize n = 1; n < options.guest.size(); ++n) arguments_of_guest += " " + quoted(options.guest[n]);
    if (!arguments_of_guest.empty()) words.insert(words.end(), {"-ex", "set args" + arguments_of_guest});
    words.insert(words.end(), {"-ex", "target extended-remote " + socket, "-ex", "add-symbol-file " + symbols,
                               "-ex", "source " + commands});
    words.insert(words.end(), options.gdb_options.begin(), options.gdb_options.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    return Error{std::string("gdb: ") + strerror(errno) + " (is it installed?)", 127};
}

/// The guest's side, to the end or until it is to begin anew.
Served serve_our_gdb(GdbListener& listener, const std::string& folder, Machine& guest, const Options& options,
                     const GdbOptions& serving) {
    // Ctrl-C is gdb's, which says so by the protocol. Whoever stops by himself lets gdb's own request come
    // too late, which gdb remembers: the next Ctrl-C is then taken for the wish to leave.
    ::signal(SIGINT, SIG_IGN);
    auto again = listener.serve_one(guest, options.names, serving);
    if (!again) {
        remove_folder(folder);
        return std::optional<Again>{};
    }
    std::string state;
    put_bytes(state, folder);
    put_bytes(state, again->state);
    again->state = std::move(state);
    return again;
}

Served start_gdb(Machine& guest, const Options& options, const GdbOptions& serving) {
    const auto folder = private_folder();
    if (!folder) return Unexpected{folder.error()};
    const std::string socket = *folder + "/gdb";
    auto listener = GdbListener::open("unix:" + socket);
    if (!listener) return Unexpected{listener.error()};
    const std::string symbols = *folder + "/" + kSymbolsName, source = *folder + "/" + kKernelSourceName;
    const std::string commands = *folder + "/" + kPythonCommandsName;
    if (!write_file(symbols, kernel_symbol_file(*folder, options.names)) ||
        !write_file(source, kernel_source(options.names)) || !write_file(commands, python_commands()))
        return Unexpected{Error{*folder + ": " + strerror(errno)}};
    std::fflush(nullptr);
    const pid_t parent = getpid(), child = fork();
    if (child < 0) return Unexpected{Error{std::string("fork: ") + strerror(errno)}};
    if (child > 0) {
        const Error error = become_gdb(options, socket, symbols, commands);
        remove_folder(*folder);
        return Unexpected{error};
    }
    // The guest's side. It ends when gdb does.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(125);
    return serve_our_gdb(*listener, *folder, guest, options, serving);
}

/// The client has been there since an earlier run.
Served go_on_serving(Machine& guest, const Options& options, const GdbOptions& serving) {
    std::string_view text = options.again.state, folder, state = text;
    const bool ours = options.command == Command::kGdb;
    if (ours && (!get_bytes(text, folder) || !get_bytes(text, state)))
        return Unexpected{Error{"--again is for mmuscope itself"}};
    auto listener = GdbListener::inherit(std::string(state));
    if (!listener) return Unexpected{listener.error()};
    if (ours) return serve_our_gdb(*listener, std::string(folder), guest, options, serving);
    return listener->serve(guest, options.names, serving);
}

}  // namespace

Served run_with_gdb(Machine& guest, const Options& options) {
    GdbOptions serving = options.gdb_serving;
    serving.guest = options.guest;
    if (!options.again.state.empty()) return go_on_serving(guest, options, serving);
    if (options.command == Command::kGdb) return start_gdb(guest, options, serving);
    auto listener = GdbListener::open(options.gdb);
    if (!listener) return Unexpected{listener.error()};
    std::fprintf(stderr, "mmuscope: waiting for gdb: target remote %s\n", listener->name().c_str());
    return listener->serve(guest, options.names, serving);
}

}  // namespace emu
