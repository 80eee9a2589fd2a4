// What generated code and C++ share: records of the ways out of generated code. They lie in the data part of
// the code region, where generated code finds them relative to itself.
#pragma once

#include "emu/cpu/insn.h"

namespace emu {

/// A way from generated code back to a handler.
struct WayOut {
    const Insn* insn = nullptr;     ///< what the handler is given
    const void* handler = nullptr;  ///< a Handler, or a LeaveHandler
    u64 rip = 0;                    ///< of the block's first byte
};

/// A direct branch that leaves a block, or its end: jumps to `code` as long as the page of the target is
/// `host_page`. While it is not linked, `code` is `unlinked`, and no page is 0.
struct Edge {
    WayOut out;
    const void* code = nullptr;
    u64 host_page = 0;
    const void* unlinked = nullptr;  ///< the way out
    u64 target_rip = 0;
};

/// What is called where a branch is not linked: as a Handler, with the edge.
using LeaveHandler = Exit (*)(Cpu&, const Insn*, Edge*);

}  // namespace emu
