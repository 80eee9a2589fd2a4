// Which way the calls of host.h go: to the host, to the host and into a journal, or to a journal alone.
// One for the process, as its descriptors are: a descriptor that closes itself has no other way to it.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "kernel/host/journal.h"

namespace kernel::host {

/// A signal from outside, and where the guest got it: it says both.
struct Signal {
    int number = 0;
    u64 instructions = 0;
    u64 traps = 0;          ///< system calls and faults before it
    bool at_pause = false;  ///< between two of the guest's instructions, not behind a trap
    bool operator==(const Signal&) const = default;
};

/// What goes into a call and is to be the same when it is replayed.
struct In {
    In(const void* bytes, usize count) : data(bytes), size(bytes ? count : 0) {}
    const void* data;
    usize size;
};
/// What comes out of it: `size` bytes, or as many as the result says.
struct Out {
    void* data;
    usize size;
    bool by_result = false;
};

class Seam {
  public:
    enum class Mode : u8 { kLive, kRecord, kReplay };

    static Seam& get();

    Mode mode() const { return mode_; }
    void record(std::unique_ptr<Journal> journal);
    /// `show`: the guest's writes to stdout and stderr are done again.
    void replay(std::unique_ptr<Journal> journal, bool show);
    /// Back to the host; the journal, closed behind its last record.
    std::unique_ptr<Journal> finish();
    /// In a copy of the process: replays what the original goes on to record, silently.
    void follow();
    Journal* journal() { return journal_.get(); }

    // The machine's part: signals from outside are inputs too.
    void note_signal(const Signal& signal);
    /// The signal that comes next, where nothing else does before it.
    const std::optional<Signal>& next_signal();
    void take_signal();
    /// A replay that cannot go on: the journal has ended, or the guest asks for something else than it did.
    /// Calls fail from then on. Empty: all is well.
    const std::string& failure() const { return failure_; }
    /// The failure is that the journal has come to its end.
    bool at_end() const { return at_end_; }

    /// Calls made in its scope are a debugger's: they go to the host and into no journal. Descriptors opened
    /// in it stay so.
    class Aside {
      public:
        Aside() : before_(get().aside_) { get().aside_ = true; }
        ~Aside() { get().aside_ = before_; }
        Aside(const Aside&) = delete;
        Aside& operator=(const Aside&) = delete;

      private:
        bool before_;
    };

    // For host.cpp.
    bool direct() const { return mode_ == Mode::kLive; }
    /// Whether a call on `fd` is a debugger's; nothing where it is not, false where `fd` is a replayed one.
    std::optional<bool> aside(int fd) const;
    int opened(int fd);  ///< a call has made this descriptor; gives its number from now on
    /// What closing `fd` means: a real one that no journal knows, a call like others, or nothing at all, for
    /// it was of a replay that is over.
    enum class Close : u8 { kReal, kCall, kNothing };
    Close closing(int fd);
    void write_record(u8 call, u32 hash, long result, int error, std::initializer_list<Out> out);
    /// A result beyond `most` cannot be.
    long read_record(u8 call, u32 hash, std::initializer_list<Out> out, long most);
    /// stdout or stderr where a replay is to show what is written to `fd`, else -1.
    int shown(int fd) const;
    void copied(int from, int to);
    std::set<std::string> made_folders;  ///< on the host, by mkdtemp()

  private:
    void fail(std::string why, bool at_end);

    Mode mode_ = Mode::kLive;
    bool aside_ = false, show_ = false, at_end_ = false;
    std::unique_ptr<Journal> journal_;
    std::optional<Signal> next_signal_;
    bool signal_known_ = false;
    std::string failure_;
    std::set<int> aside_fds_;     ///< real ones, opened aside
    std::set<int> guest_fds_;     ///< opened by the calls that a journal holds, and not closed
    std::set<int> unreal_fds_;    ///< what was left of guest_fds_ when a replay ended
    std::set<int> replayed_fds_;  ///< numbers that a replay has given out or closed
    std::set<int> out_, err_;     ///< replayed descriptors of our stdout and stderr
};

}  // namespace kernel::host
