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

namespace emu {
namespace {

using mmu::Error, mmu::Expected, mmu::Unexpected;

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

/// Becomes gdb. Returns only when it cannot.
Error become_gdb(const Options& options, const std::string& socket, const std::string& symbols,
                 const std::string& commands) {
    std::vector<std::string> words = {
        "gdb", "-q", "-iex", "set confirm off", "-iex", "set debuginfod enabled off"};
    // The guest sees the host's own files unless it has a root of its own: gdb then reads them directly.
    if (options.kernel.files.root.empty()) words.insert(words.end(), {"-iex", "set sysroot /"});
    words.insert(words.end(), {"-ex", "target remote " + socket, "-ex", "add-symbol-file " + symbols, "-ex",
                               "source " + commands});
    words.insert(words.end(), options.gdb_options.begin(), options.gdb_options.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    return Error{std::string("gdb: ") + strerror(errno) + " (is it installed?)", 127};
}

Expected<void, Error> start_gdb(Machine& guest, const Options& options) {
    const auto folder = private_folder();
    if (!folder) return Unexpected{folder.error()};
    const std::string socket = *folder + "/gdb";
    auto listener = GdbListener::open("unix:" + socket);
    if (!listener) return Unexpected{listener.error()};
    const std::string symbols = *folder + "/vmkernel.debug", source = *folder + "/" + kKernelSourceName;
    const std::string commands = *folder + "/" + kPythonCommandsName;
    if (!write_file(symbols, kernel_symbol_file(*folder, options.names)) ||
        !write_file(source, kernel_source(options.names)) || !write_file(commands, python_commands()))
        return Unexpected{Error{*folder + ": " + strerror(errno)}};
    const auto remove_all = [&] {
        for (const std::string& file : {socket, symbols, source, commands}) ::unlink(file.c_str());
        ::rmdir(folder->c_str());
    };
    std::fflush(nullptr);
    const pid_t parent = getpid(), child = fork();
    if (child < 0) return Unexpected{Error{std::string("fork: ") + strerror(errno)}};
    if (child > 0) {
        const Error error = become_gdb(options, socket, symbols, commands);
        remove_all();
        return Unexpected{error};
    }
    // The guest's side. Ctrl-C is gdb's, which says so by the protocol; it ends when gdb does.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(125);
    ::signal(SIGINT, SIG_IGN);
    listener->serve_one(guest, options.names, options.gdb_serving);
    remove_all();
    return {};
}

}  // namespace

Expected<void, Error> run_with_gdb(Machine& guest, const Options& options) {
    if (options.command == Command::kGdb) return start_gdb(guest, options);
    auto listener = GdbListener::open(options.gdb);
    if (!listener) return Unexpected{listener.error()};
    std::fprintf(stderr, "mmuscope: waiting for gdb: target remote %s\n", listener->name().c_str());
    listener->serve(guest, options.names, options.gdb_serving);
    return {};
}

}  // namespace emu
