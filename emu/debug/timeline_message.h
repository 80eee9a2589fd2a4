// What the processes of a timeline say to each other, and how.
#pragma once

#include <optional>
#include <string>

#include "emu/debug/timeline.h"

namespace emu {

/// One of the copies of the process, asleep.
struct Timeline::Copy {
    Position at;
    int channel = -1;
    int pid = 0;
};

struct Timeline::Request {
    enum class Kind : u8 {
        kTravel,      ///< be at `target` and report `stop` there
        kSearch,      ///< the last stop before `end`
        kStepSearch,  ///< the last stage between `target` and `end`, else `target`; then be there
        kWaypoint,    ///< go to `target` and be a copy there; answered by `end` and, in `number`, the process
        kToFault,     ///< be where the fault `number` is raised
        kForward,     ///< the live process goes on as `how` says
        kPresent,     ///< the live process is shown as it stands
        kEnd,         ///< the client has left: `number`
        kFound,       ///< the answer to kSearch: `target` and `stop`
        kNothing,     ///< the other one
        kInterrupted,
        // Questions, which who asks lives on with; answered by the same kind, with bytes in `settings`.
        kFind,      ///< as kSearch, not before `least`; answered as kSearch is
        kMoments,   ///< the states between `target` and `end`
        kOverview,  ///< Timeline::Overview
    };
    Kind kind = Kind::kTravel;
    Target target{};
    Position end{}, horizon{}, beginning{}, least{};
    Stop stop{};
    Resume how{};
    u64 number = 0;
    u64 faults = 0;  ///< that have been seen
    std::deque<Debugger::Frozen> schedule{};
    std::string settings{};  ///< of the front-end; of an answer: what was asked for
    bool from_past = false;  ///< who asks is no longer there

    std::string encode() const;
    static std::optional<Request> decode(std::string_view text);
};

/// Sends a message of any length, with a descriptor where it is not negative; false: nobody is there.
bool send_message(int channel, const std::string& text, int fd);
/// Waits for one; nothing when the other end is gone. `fd` may be null.
std::optional<std::string> receive_message(int channel, int* fd);

}  // namespace emu
