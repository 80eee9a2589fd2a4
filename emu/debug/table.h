// A table of texts: what `info os` and `monitor vm` show.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace emu {

class Debugger;

struct Table {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;

    /// Columns side by side, numbers and words to the left.
    std::string text() const;
    /// As qXfer:osdata:read gives it.
    std::string osdata(const std::string& type) const;
};

/// "vmas", "tlb", "faults", "pgtables", "buddy", "slab", "tasks"; nothing: no such table. "" lists them.
std::optional<Table> debug_table(Debugger& debugger, const std::string& name);

/// `text` with what XML reserves replaced.
std::string xml_escape(const std::string& text);

}  // namespace emu
