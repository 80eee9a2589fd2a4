// strace's output for a run: a line a call, signals, ends, or the summary of -c. Options mean what they mean
// to strace(1): -f, -e, -c, -o.
#pragma once

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "kernel/state.h"
#include "kernel/syscall_trace.h"
#include "mmu/base/expected.h"

namespace emu {

struct StraceOptions {
    bool enabled = false;
    bool follow = false;   ///< -f: processes that the guest makes, and a prefix that names them
    bool summary = false;  ///< -c
    std::string filter;    ///< -e: "trace=open,close", "%file", "!read"
    std::string file;      ///< -o; empty: stderr
};

/// What is known only when a call begins.
struct CallEntry {
    unsigned shown = 0;    ///< arguments that were shown then
    mmu::i64 length = -1;  ///< where an address's length is read and written: what it was; -1: not known
};

class Strace final : public kernel::SyscallTrace {
  public:
    /// Error: a filter that names no call.
    static mmu::Expected<Strace, mmu::Error> create(const StraceOptions& options, std::FILE* out);

    void on_enter(kernel::KernelState& kernel, const kernel::Task& task,
                  const kernel::TracedCall& call) override;
    void on_exit(kernel::KernelState& kernel, const kernel::Task& task,
                 const kernel::TracedCall& call) override;
    void on_signal(kernel::KernelState& kernel, const kernel::Task& task,
                   const kernel::SigInfo& info) override;
    void on_end(kernel::KernelState& kernel, const kernel::Task& task, kernel::ExitStatus status) override;

    /// The execve that started the guest; `envp` lies on its stack.
    void begin(const std::string& path, const std::vector<std::string>& arguments, mmu::usize variables,
               mmu::u64 envp);
    /// The table of -c; nothing without it.
    void finish();

  private:
    struct Count {
        mmu::u64 calls = 0, errors = 0, instructions = 0;
    };
    /// A task's call that has begun and not ended.
    struct Open {
        kernel::TracedCall call;
        std::string shown;     ///< its arguments as far as they are known
        bool printed = false;  ///< as "<unfinished ...>"
        CallEntry entry;
        mmu::u64 began = 0;
    };

    Strace() = default;
    bool traced(const kernel::Task& task, const char* name) const;
    void begin_line(const kernel::Task& task);
    void suspend_others(int pid);
    void end_call(const std::string& text, const std::string& result);

    StraceOptions options_;
    std::FILE* out_ = stderr;
    std::vector<std::string> sets_;
    bool inverted_ = false;
    int first_ = kernel::kFirstPid;  ///< the process that was started
    bool prefixed_ = false;          ///< a second task has been seen
    std::map<int, Open> open_;       ///< by task
    std::map<std::string, Count> counts_;
};

}  // namespace emu
