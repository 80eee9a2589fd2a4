// CHECK(condition, value...): our own bugs end the program at once, in release builds too, and name their values.
// It is never used for what a guest or a user can cause.
#pragma once

#include <string_view>

#include "mmu/base/ints.h"

namespace mmu {

[[noreturn, gnu::cold]] void check_failed(const char* condition, const char* file, int line,
                                          std::string_view values = {});

/// Renders the values of a failed CHECK as "a, b, c" in hexadecimal.
template <class... Values>
[[noreturn, gnu::cold, gnu::noinline]] void check_failed_with(const char* condition, const char* file, int line,
                                                              Values... values);

void append_check_value(char* text, usize capacity, u64 value);

template <class... Values>
void check_failed_with(const char* condition, const char* file, int line, Values... values) {
    char text[256] = "";
    (append_check_value(text, sizeof text, static_cast<u64>(values)), ...);
    check_failed(condition, file, line, text);
}

}  // namespace mmu

#define CHECK(condition, ...)                                                                            \
    do {                                                                                                 \
        if (!(condition)) [[unlikely]]                                                                   \
            ::mmu::check_failed_with(#condition, __FILE__, __LINE__ __VA_OPT__(, ) __VA_ARGS__);         \
    } while (false)
