// The report as one JSON object with stable keys: group -> name -> value. The door to nlohmann-json.
#include <nlohmann/json.hpp>

#include "emu/report/report.h"

namespace emu {

std::string render_json(const Report& report) {
    using Json = nlohmann::ordered_json;
    Json root;
    root["guest"] = report.arguments;
    root["exit"] = {{"status", report.exit.shell_status()},
                    {"code", report.exit.code},
                    {"signal", report.exit.killed_by}};
    root["tlb"] = {{"name", report.tlb.name}, {"arrays", describe(report.tlb)}};
    for (const Statistic& row : statistics())
        root[std::string(row.group)][std::string(row.name)] = row.value(report);
    if (!report.state_hash.empty()) root["state_hash"] = report.state_hash;
    const double seconds = report.cpu.host_seconds;
    root["host_seconds"] = seconds;
    root["decode_seconds"] = report.cpu.decode_seconds;
    root["host_mips"] = seconds > 0 ? static_cast<double>(report.cpu.instructions) / seconds / 1e6 : 0.0;
    // A guest's arguments may hold bytes that are no UTF-8: they are shown replaced, never refused.
    return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace emu
