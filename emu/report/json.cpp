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
    root["tasks"] = Json::array();
    for (const TaskRow& row : report.tasks) {
        const TaskCounters& n = row.counters;
        root["tasks"].push_back({{"pid", row.tgid},
                                 {"tid", row.pid},
                                 {"ppid", row.ppid},
                                 {"comm", row.comm},
                                 {"instructions", n.instructions},
                                 {"loads", n.loads},
                                 {"stores", n.stores},
                                 {"fetches", n.fetches},
                                 {"l1_dtlb_misses", n.dtlb_misses},
                                 {"l1_itlb_misses", n.itlb_misses},
                                 {"l2_tlb_hits", n.l2_hits},
                                 {"l2_tlb_misses", n.l2_misses},
                                 {"minor_faults", row.usage.min_flt},
                                 {"major_faults", row.usage.maj_flt},
                                 {"voluntary_switches", row.usage.voluntary_switches},
                                 {"involuntary_switches", row.usage.involuntary_switches},
                                 {"max_rss_kb", row.usage.max_rss_pages * 4},
                                 {"ended", row.ended},
                                 {"status", row.status}});
    }
    if (!report.state_hash.empty()) root["state_hash"] = report.state_hash;
    const double seconds = report.cpu.host_seconds;
    root["host_seconds"] = seconds;
    root["decode_seconds"] = report.cpu.decode_seconds;
    root["host_mips"] = seconds > 0 ? static_cast<double>(report.cpu.instructions) / seconds / 1e6 : 0.0;
    // A guest's arguments may hold bytes that are no UTF-8: they are shown replaced, never refused.
    return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace emu
