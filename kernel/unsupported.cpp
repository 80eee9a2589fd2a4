// Purpose: see unsupported.h.
#include "kernel/unsupported.h"

#include <cstring>

#include "kernel/state.h"
#include "mmu/base/log.h"

namespace kernel {

mmu::i64 refuse_unsupported(KernelState& kernel, std::string_view what, mmu::u64 request, int error) {
    if (kernel.logged_requests.emplace(what, request).second) {
        const char* answer = error ? strerrorname_np(error) : "ignored";
        LOG(warn, "{} {:#x} is not supported: {}", what, request, answer ? answer : "refused");
    }
    return -error;
}

}  // namespace kernel
