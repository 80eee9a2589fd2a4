// The door to spdlog: levelled log lines on stderr, "mmuscope: level: text". Costs one compare when a level is off.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

namespace mmu {

/// Routes the log to stderr in the tool's own format. Call once, at start.
void init_log();

/// One of trace, debug, info, warn, error, off. False when `level` is none of them.
[[nodiscard]] bool set_log_level(std::string_view level);

}  // namespace mmu

#define LOG(level, ...) ::spdlog::level(__VA_ARGS__)
