#include "mmu/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>

namespace mmu {

void init_log() {
    auto logger = std::make_shared<spdlog::logger>("mmuscope", std::make_shared<spdlog::sinks::stderr_sink_st>());
    logger->set_pattern("mmuscope: %l: %v");
    logger->set_level(spdlog::level::warn);
    spdlog::set_default_logger(std::move(logger));
}

bool set_log_level(std::string_view level) {
    for (const auto known : {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                             spdlog::level::warn, spdlog::level::err, spdlog::level::off}) {
        const auto name = spdlog::level::to_string_view(known);
        const bool same = level == std::string_view(name.data(), name.size()) ||
                          (known == spdlog::level::warn && level == "warn");
        if (same) {
            spdlog::set_level(known);
            return true;
        }
    }
    return false;
}

}  // namespace mmu
