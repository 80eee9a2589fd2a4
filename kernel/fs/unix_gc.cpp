// Purpose: see unix_gc.h.
#include "kernel/fs/unix_gc.h"

#include <map>
#include <vector>

#include "kernel/fs/files.h"

namespace kernel {

namespace {

/// Who holds what: references in messages by file, and the open file of each socket.
struct InFlight {
    std::map<OpenFileId, u32> references;
    std::map<u32, OpenFileId> file_of_socket;
};

InFlight find_in_flight(KernelState& kernel) {
    InFlight found;
    for (const auto& [id, socket] : kernel.ipc.sockets)
        for (const SocketMessage& message : socket.queue)
            for (const OpenFileId file : message.files) ++found.references[file];
    if (found.references.empty()) return found;
    for (const auto& [id, file] : kernel.files)
        if (is_object(file, kUnixOperations)) found.file_of_socket[file.object] = id;
    return found;
}

}  // namespace

void unix_gc(KernelState& kernel) {
    const InFlight in_flight = find_in_flight(kernel);
    if (in_flight.references.empty()) return;
    // Alive is what somebody holds beside messages, or that is still to be accepted, and what waits in it.
    std::map<u32, bool> alive;
    std::vector<u32> to_visit;
    const auto mark = [&](u32 socket) {
        if (!std::exchange(alive[socket], true)) to_visit.push_back(socket);
    };
    for (const auto& [id, socket] : kernel.ipc.sockets) {
        const auto file = in_flight.file_of_socket.find(id);
        const bool open = file != in_flight.file_of_socket.end();
        const auto held = open ? in_flight.references.find(file->second) : in_flight.references.end();
        const u32 messages = held == in_flight.references.end() ? 0 : held->second;
        if (!open || kernel.files.at(file->second).references > messages) mark(id);
    }
    while (!to_visit.empty()) {
        const u32 id = to_visit.back();
        to_visit.pop_back();
        for (const SocketMessage& message : kernel.ipc.sockets.at(id).queue)
            for (const OpenFileId file : message.files)
                if (is_object(kernel.files.at(file), kUnixOperations)) mark(kernel.files.at(file).object);
    }
    std::vector<OpenFileId> garbage;
    for (auto& [id, socket] : kernel.ipc.sockets) {
        if (alive[id]) continue;
        for (SocketMessage& message : socket.queue)
            for (const OpenFileId file : std::exchange(message.files, {})) garbage.push_back(file);
    }
    for (const OpenFileId file : garbage) fput(kernel, file);
}

}  // namespace kernel
