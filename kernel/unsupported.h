// What Linux has and this kernel has not: the guest gets the errno of a Linux without it, the user one log
// line for each number, not one for each try.
#pragma once

#include <string_view>

#include "mmu/base/ints.h"

namespace kernel {

struct KernelState;

/// `what` asked for `request`, which is refused with `error` (an errno, or 0 where it is only ignored).
/// Returns -error.
mmu::i64 refuse_unsupported(KernelState& kernel, std::string_view what, mmu::u64 request, int error);

}  // namespace kernel
