// Going back. A guest's past is kept as copies of the whole process (fork(2): the host copies the pages that
// change), each asleep at its instruction, fewer the older they are; what came from the host since is in a
// journal (kernel/host). To be at an earlier moment, the nearest copy before it makes another copy of itself,
// which replays the journal up to there and from then on serves the client: it is the guest, seen at that
// moment. The process that is the furthest forward, the live one, sleeps meanwhile; it alone may touch the
// host. Going forward to the end of what has happened wakes it again.
//
//   live ──fork──> copy at 1 M ──┐ fork
//        ──fork──> copy at 2 M   └──> replays to 1 400 000, serves the client ──"forward"──> live
//
// A front-end (gdb's server, a prompt) owns a Timeline for as long as it serves one client, and tells it its
// settings as a string whenever it goes elsewhere: the process that goes on there restores them from it. What
// a front-end does to go back:
//
//     const Outcome outcome = timeline.step_back(1);   // or continue_back(), go_to()
//     // Here only the live process comes back, when all is over: do what the outcome says.
//
// and in the process that has travelled, the Debugger::resume() under way when its copy was made returns
// instead, or the stage handler is called; FrontEnd::restore() has been called before.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/debug/debugger.h"

namespace emu {

/// What must not be lost when another process goes on.
class FrontEnd {
  public:
    virtual ~FrontEnd() = default;
    /// Breakpoints, modes, bytes read and not yet used: what restore() makes a front-end of the same kind
    /// from.
    virtual std::string save() const = 0;
    virtual void restore(const std::string& settings) = 0;
    /// A descriptor that gets readable when the user wants a search to end; -1: none.
    virtual int interrupt_descriptor() const { return -1; }
    /// This process serves the client from now on.
    virtual void take_over() {}
    /// In a copy that looks for the last stop: the search begins; does a stop on its way count?
    virtual void begin_search() {}
    virtual bool counts(const Stop&) { return true; }
};

class Timeline {
  public:
    /// From here on snapshots are taken while `debugger` runs. The front-end outlives it.
    Timeline(Debugger& debugger, FrontEnd& front);
    ~Timeline();
    Timeline(const Timeline&) = delete;
    Timeline& operator=(const Timeline&) = delete;

    /// What the live process is to do when it gets the word back.
    struct Outcome {
        enum class Kind : u8 {
            kStop,    ///< the guest stands where it stood: Debugger::last_stop() says why
            kResume,  ///< the user went forward to here: go on as `how` says
            kEnd,     ///< the client has left elsewhere: `end` is what leave() was told
        };
        Kind kind = Kind::kStop;
        Resume how{};
        int end = 0;
    };

    /// Whether this process is a visitor in the past: it cannot be changed, and forward ends where the live
    /// one is.
    bool in_past() const { return in_past_; }
    Position position() const { return debugger_.position(); }
    /// Whether this process is where the live one is: a resume is go_forward().
    bool at_horizon() const { return in_past_ && position() >= horizon_; }
    Position first() const;
    Position last() const;

    /// One instruction, or where steps lead into faults one stage.
    Outcome step_back();
    /// To the last breakpoint, watched access or caught event before this; to the beginning where there is
    /// none.
    Outcome continue_back();
    /// To the state with so many instructions executed; the nearest there is.
    Outcome go_to(u64 instructions);
    /// To a position of this history, where `arrival` is reported.
    Outcome go_to(const Target& target, const Stop& arrival);
    /// To before the instruction that raises a fault of the log; false: no such fault is known.
    std::optional<Outcome> go_to_fault(u64 number);
    /// To where the live process stands.
    Outcome go_to_end();

    // Questions about the past: this process goes on with the answer.
    /// The last stop in (least, end) as the front-end's settings are now.
    struct Finding {
        std::optional<Debugger::Found> found;
        bool interrupted = false;
    };
    Finding find_last(const Position& least, const Position& end);
    /// The states that the last `count` instructions before `end` began in, the oldest first.
    std::vector<Debugger::Moment> moments(u64 end, u64 count);
    /// What a picture of the history needs.
    struct Overview {
        u64 first = 0, last = 0;
        u64 faults = 0;                ///< that the live process has seen
        std::vector<u64> snapshots{};  ///< instructions executed
        std::vector<u64> faults_at{};  ///< the same; some of them where there are very many
        std::string text{};            ///< describe() of the live process
    };
    Overview overview();
    /// In the past: Debugger::resume(how) came to the end of it (Stop::Kind::kHorizon). Never returns there.
    Outcome go_forward(const Resume& how);
    /// In the past: the client has left. Never returns there.
    Outcome leave(int end);

    /// The guest was changed by hand: what was before it cannot lead here.
    void begin_anew();

    /// The guest goes on, perhaps with tasks that stand still, or without a signal that was due.
    void note_resume(const Resume& how);

    /// Snapshots, their positions and their memory, as text.
    std::string describe() const;

  private:
    struct Copy;
    struct Request;
    static constexpr u64 kInterval = 1'000'000;  ///< a reverse step replays no more than twice as much
    Outcome ask(Request request);
    std::optional<Request> question(Request request);
    Request answer(const Request& question);
    Request overview_message() const;
    Outcome coordinate(Request request);
    void come_back(const std::string& settings);
    void start_copying();
    std::optional<u64> instructions_at_fault(u64 number) const;
    std::optional<Outcome> stay_here(Request& request);
    std::optional<Request> travel(const Request& request);
    Request search(const Request& request);
    std::optional<Request> run_in_copy(const Copy& copy, const Request& request, bool interruptible);
    std::optional<Stop> at_pause();
    std::optional<Stop> be_snapshot(int channel);
    std::optional<Stop> be_visitor(const Request& request, int channel);
    [[noreturn]] void look_back(const Request& request);
    void thin_out();
    void drop(usize index);
    u64 private_bytes() const;
    std::optional<Request> look_for_stage(const Request& request);
    const Copy& last_copy_before(const Target& target) const;
    const Copy& copy_before(const Target& target);
    std::optional<Copy> make_waypoint(const Copy& from, u64 instructions);
    void prepare(Request& order, const Copy& copy) const;

    Debugger& debugger_;
    FrontEnd& front_;
    std::deque<Debugger::Frozen> schedule_;  ///< changes in who stands still, since the first copy
    std::vector<Copy> copies_;               ///< by position
    std::deque<int> waypoints_;              ///< those that a way back has left, by their channels
    bool in_past_ = false;
    u64 known_faults_ = 0;  ///< of a visitor: faults that the live process has seen
    int channel_ = -1;      ///< of a visitor: to the live process
    Position horizon_;      ///< of a visitor: where the live process is
    Position beginning_;    ///< of a visitor: of the first copy
    u64 interval_;          ///< instructions between snapshots
    u64 last_fork_end_ns_ = 0;
    u64 bytes_at_look_ = 0, faults_at_look_ = 0;  ///< when the copies' memory was looked at last
    bool recording_ = false;                      ///< the journal is ours
};

}  // namespace emu
