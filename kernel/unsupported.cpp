// Purpose: see unsupported.h.
#include "kernel/unsupported.h"

#include "kernel/errno.h"
#include "kernel/state.h"
#include "mmu/base/log.h"

namespace kernel {

mmu::i64 refuse_unsupported(KernelState& kernel, std::string_view what, mmu::u64 request, int error) {
    if (kernel.logged_requests.emplace(what, request).second) {
        LOG(warn, "{} {:#x} is not supported: {}", what, request, error ? errno_name(error) : "ignored");
    }
    return -error;
}

}  // namespace kernel
