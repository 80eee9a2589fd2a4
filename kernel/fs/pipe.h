// Pipes and FIFOs: a ring of page-sized buffers between writers and readers. Linux: fs/pipe.c.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "kernel/fs/file_operations.h"

namespace kernel {

/// pipe_inode_info.
struct Pipe {
    static constexpr u32 kDefaultSlots = 16;  ///< PIPE_DEF_BUFFERS
    /// pipe_buffer: what one write put into one page.
    struct Buffer {
        std::vector<u8> bytes;
        u32 offset = 0;
        bool packet = false;  ///< O_DIRECT: one read takes it, and nothing is added to it
        u32 length() const { return static_cast<u32>(bytes.size()) - offset; }
    };
    std::deque<Buffer> ring;
    u32 slots = kDefaultSlots;
    u32 readers = 0, writers = 0;
    u64 reader_opens = 0, writer_opens = 0;  ///< r_counter, w_counter: opens so far
    u64 inode = 0;
    bool named = false;  ///< a FIFO: opening one end waits for the other

    bool full() const { return ring.size() >= slots; }
    u64 bytes() const {
        u64 sum = 0;
        for (const Buffer& buffer : ring) sum += buffer.length();
        return sum;
    }
};

extern const FileOperations kPipeOperations;

/// Open ends of a new pipe, for reading and for writing.
struct PipeEnds {
    OpenFile reader, writer;
};
PipeEnds make_pipe(KernelState& kernel, int flags);

/// One more end of the same pipe (/proc/self/fd/N).
OpenFile reopen_pipe(KernelState& kernel, const OpenFile& file, int flags);

/// An end of a FIFO: the host's node names it, the pipe behind it is the guest's own. It does not wait for
/// the other side (lacks_partner()). 0, or -ENXIO.
i64 open_fifo(KernelState& kernel, Task& task, const struct stat& status, int flags, OpenFile& file);

/// F_GETPIPE_SZ, F_SETPIPE_SZ: bytes or -errno.
i64 pipe_size(KernelState& kernel, const OpenFile& file);
i64 set_pipe_size(KernelState& kernel, const OpenFile& file, u64 bytes);

bool is_pipe(const OpenFile& file);

/// fifo_open(): nobody has the other side open, and the open is one that waits for it.
bool lacks_partner(KernelState& kernel, const OpenFile& file);
/// How often the other side has been opened so far.
u32 partner_opens(KernelState& kernel, const OpenFile& file);

/// Bytes from and to our own memory (splice, tee): -EAGAIN when empty or full; `peek` leaves them there.
i64 pipe_take(KernelState& kernel, OpenFile& file, u8* bytes, u64 size, bool peek);
i64 pipe_give(KernelState& kernel, Task& task, OpenFile& file, const u8* bytes, u64 size);

}  // namespace kernel
