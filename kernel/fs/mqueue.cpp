// Purpose: see mqueue.h.
#include "kernel/fs/mqueue.h"

#include <poll.h>

#include "kernel/fs/user_stream.h"
#include "kernel/state.h"

namespace kernel {

namespace {

PosixQueue& queue_of(KernelState& kernel, const OpenFile& file) {
    return kernel.ipc.mqueues.at(file.object);
}

/// mqueue_read_file(): what the queue is like, as text.
i64 read_queue(FileCall& call, UserStream& to, u64 size) {
    const PosixQueue& queue = queue_of(call.kernel, call.file);
    char text[96];
    const int length =
        std::snprintf(text, sizeof text, "QSIZE:%-10llu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
                      static_cast<unsigned long long>(queue.bytes), 0,
                      queue.notify_pid ? queue.notify_signal : 0, queue.notify_pid);
    const u64 at = std::min<u64>(call.file.offset, static_cast<u64>(length));
    const u64 want = std::min(size, static_cast<u64>(length) - at);
    const u64 done = to.put(reinterpret_cast<const u8*>(text) + at, want);
    call.file.offset += done;
    return done || !want ? static_cast<i64>(done) : -EFAULT;
}

short poll_queue(KernelState& kernel, Task&, const OpenFile& file) {
    const PosixQueue& queue = queue_of(kernel, file);
    int events = queue.count ? POLLIN | POLLRDNORM : 0;
    if (queue.count < queue.most_messages) events |= POLLOUT | POLLWRNORM;
    return static_cast<short>(events);
}

WaitKey queue_key(const Task&, const OpenFile& file) {
    return wait_key(WaitKind::kMqueue, file.object);
}

void release_queue(KernelState& kernel, OpenFile& file) {
    --queue_of(kernel, file).open_files;
    mqueue_drop(kernel, file.object);
}

}  // namespace

const FileOperations kMqueueOperations = {.name = "/dev/mqueue",
                                          .read = read_queue,
                                          .poll = poll_queue,
                                          .key = queue_key,
                                          .release = release_queue};

void mqueue_drop(KernelState& kernel, u32 id) {
    const PosixQueue& queue = kernel.ipc.mqueues.at(id);
    if (!queue.named && !queue.open_files) kernel.ipc.mqueues.erase(id);
}

void mqueue_forget_notification(KernelState& kernel, int pid) {
    for (auto& [id, queue] : kernel.ipc.mqueues)
        if (queue.notify_pid == pid) queue.notify_pid = 0;
}

}  // namespace kernel
