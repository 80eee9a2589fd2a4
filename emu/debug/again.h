// A front-end's wish that the guest begins anew, as another run of the whole program, and what the new one
// needs to go on with the same client. Who carries it out: emu/cli/again.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace emu {

struct Again {
    std::vector<std::string> guest{};  ///< its path and arguments
    /// Variables for the guest: a name, and "name=value", or "" where it is to have none.
    std::vector<std::pair<std::string, std::string>> environment{};
    std::string state{};             ///< the front-end's own
    std::string terminal{};          ///< its settings before the first run
    std::vector<int> descriptors{};  ///< that stay open, with their numbers
};

}  // namespace emu
