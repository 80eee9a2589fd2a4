#include "mmu/base/check.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace mmu {

void check_failed(const char* condition, const char* file, int line, std::string_view values) {
    std::fprintf(stderr, "mmuscope: internal error at %s:%d: %s does not hold%s%.*s\n", file, line, condition,
                 values.empty() ? "" : "; values: ", static_cast<int>(values.size()), values.data());
    std::abort();
}

void append_check_value(char* text, usize capacity, u64 value) {
    const usize used = std::strlen(text);
    std::snprintf(text + used, capacity - used, "%s%#llx", used ? ", " : "",
                  static_cast<unsigned long long>(value));
}

}  // namespace mmu
