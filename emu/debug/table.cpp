#include "emu/debug/table.h"

#include <algorithm>

#include "emu/debug/debugger.h"
#include "emu/debug/vm_words.h"
#include "emu/report/story_words.h"
#include "kernel/state.h"

namespace emu {
namespace {

using kernel::KernelState, kernel::MmStruct;
using mmu::PageSize, mmu::PhysAddr, mmu::Pte;

const char* size_name(PageSize size) {
    return size == PageSize::k4K ? "4K" : size == PageSize::k2M ? "2M" : "1G";
}

Table vmas(Debugger& debugger) {
    KernelState& kernel = debugger.machine().kernel().state();
    Table table{{"start", "end", "perms", "offset", "pages", "name"}, {}};
    const MmStruct& mm = kernel.mm_of(debugger.task());
    for (const auto& [end, vma] : mm.mm_mt) {
        char permissions[5];
        vma.permissions(permissions);
        table.rows.push_back({hex(vma.vm_start), hex(vma.vm_end), permissions,
                              hex(vma.is_anonymous() ? 0 : vma.vm_pgoff << mmu::kPageShift),
                              std::to_string(vma.pages()), kernel::vma_name(kernel.system, mm, vma)});
    }
    return table;
}

Table tlb(const mmu::Mmu& mmu) {
    Table table{{"array", "set", "way", "page", "frame", "size", "rights", "pcid", "age"}, {}};
    for (const mmu::Tlb& array : mmu.tlb().arrays())
        for (mmu::u32 n = 0; n < array.size(); ++n) {
            if (!array.valid(n)) continue;
            const mmu::TlbEntry& entry = array.way(n).entry;
            const mmu::u32 set = n / array.ways_in_set();
            u64 younger = 0;  // ways of the set that were used after this one
            for (mmu::u32 way = set * array.ways_in_set(); way < (set + 1) * array.ways_in_set(); ++way)
                younger += array.valid(way) && array.stamp(way) > array.stamp(n);
            std::string rights = "r";
            rights += entry.writable ? 'w' : '-';
            rights += entry.no_execute ? '-' : 'x';
            rights += entry.user ? 'u' : 's';
            rights += entry.dirty ? 'd' : '-';
            rights += entry.global ? 'g' : '-';
            table.rows.push_back(
                {array.config().name, std::to_string(set), std::to_string(n % array.ways_in_set()),
                 hex(entry.page_number * mmu::bytes_of(entry.size)), hex(entry.frame.value),
                 size_name(entry.size), rights, std::to_string(entry.pcid), std::to_string(younger)});
        }
    return table;
}

Table faults(Debugger& debugger) {
    Table table{{"number", "instructions", "address", "rip", "error", "how", "frame", "verdict"}, {}};
    for (const FaultRecord& f : debugger.faults().faults())
        table.rows.push_back({std::to_string(f.number), std::to_string(f.instructions), hex(f.address),
                              hex(f.rip), hex(f.error_code),
                              std::string(name_in(debugger.kernel_names(), f.how)), f.pfn ? hex(f.pfn) : "",
                              f.verdict});
    return table;
}

/// Each table of the current address space with how many of its entries are in use.
void add_page_tables(Table& out, const mmu::PhysicalMemory& memory, PhysAddr table, unsigned level, u64 base,
                     unsigned address_bits) {
    std::vector<u64> used;
    for (u64 n = 0; n < 512; ++n)
        if (memory.read64(table + 8 * n)) used.push_back(n);
    const unsigned shift = 12 + 9 * (level - 1), unused = 64 - address_bits;
    base = static_cast<u64>(static_cast<mmu::i64>(base << unused) >> unused);  // canonical
    out.rows.push_back({table_name(level), hex(table.value), hex(base), std::to_string(used.size())});
    if (level == 1) return;
    for (const u64 n : used) {
        const Pte entry{memory.read64(table + 8 * n)};
        if (entry.present() && !entry.large())
            add_page_tables(out, memory, entry.address(), level - 1, base + (n << shift), address_bits);
    }
}

Table page_tables(Debugger& debugger) {
    Table table{{"table", "physical", "first-address", "entries"}, {}};
    const mmu::ControlRegisters control = debugger.control();
    add_page_tables(table, debugger.machine().memory(), control.root(), control.levels(), 0,
                    control.virtual_bits());
    return table;
}

Table buddy(const KernelState& kernel) {
    Table table{{"order", "bytes", "free-blocks"}, {}};
    for (unsigned order = 0; order <= kernel::kMaxOrder; ++order)
        table.rows.push_back({std::to_string(order), std::to_string(mmu::kPageSize << order),
                              std::to_string(kernel.system.buddy.free_blocks(order))});
    return table;
}

Table tasks(const KernelState& kernel) {
    Table table{{"pid", "tgid", "ppid", "command", "current"}, {}};
    for (const auto& [pid, task] : kernel.tasks)
        table.rows.push_back({std::to_string(pid), std::to_string(task.tgid), std::to_string(task.ppid),
                              task.comm, pid == kernel.current ? "*" : ""});
    return table;
}

Table list() {
    Table table{{"Type", "Description"}, {}};
    table.rows = {{"vmas", "the areas of the address space"},
                  {"tlb", "every valid entry of the modelled TLBs"},
                  {"faults", "the page faults so far"},
                  {"pgtables", "the page tables of the address space"},
                  {"buddy", "free blocks of the frame allocator"},
                  {"slab", "the kernel's caches of objects"},
                  {"tasks", "the guest's tasks"}};
    return table;
}

}  // namespace

std::optional<Table> debug_table(Debugger& debugger, const std::string& name) {
    KernelState& kernel = debugger.machine().kernel().state();
    if (name.empty() || name == "types") return list();
    if (name == "tlb") return tlb(debugger.machine().mmu());
    if (name == "faults") return faults(debugger);
    if (name == "buddy") return buddy(kernel);
    if (name == "slab") return slab_table(debugger);
    if (name == "pgtables") return page_tables(debugger);
    if (!debugger.has_task()) return std::nullopt;
    if (name == "vmas") return vmas(debugger);
    if (name == "tasks") return tasks(kernel);
    return std::nullopt;
}

std::string Table::text() const {
    std::vector<usize> widths;
    for (const std::string& column : columns) widths.push_back(column.size());
    for (const auto& row : rows)
        for (usize n = 0; n < row.size(); ++n) widths[n] = std::max(widths[n], row[n].size());
    std::string out;
    const auto line = [&](const std::vector<std::string>& cells) {
        std::string text;
        for (usize n = 0; n < cells.size(); ++n)
            text += (n ? "  " : "") + cells[n] + std::string(widths[n] - cells[n].size(), ' ');
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + "\n";
    };
    line(columns);
    for (const auto& row : rows) line(row);
    return out;
}

std::string xml_escape(const std::string& text) {
    std::string out;
    for (const char c : text) {
        const char* const name = c == '&'   ? "&amp;"
                                 : c == '<' ? "&lt;"
                                 : c == '>' ? "&gt;"
                                 : c == '"' ? "&quot;"
                                            : nullptr;
        if (name)
            out += name;
        else
            out += c;
    }
    return out;
}

std::string Table::osdata(const std::string& type) const {
    std::string xml = "<?xml version=\"1.0\"?>\n<!DOCTYPE osdata SYSTEM \"osdata.dtd\">\n<osdata type=\"" +
                      xml_escape(type) + "\">\n";
    for (const auto& row : rows) {
        xml += "<item>";
        for (usize n = 0; n < row.size(); ++n)
            xml += "<column name=\"" + xml_escape(columns[n]) + "\">" + xml_escape(row[n]) + "</column>";
        xml += "</item>\n";
    }
    return xml + "</osdata>\n";
}

}  // namespace emu
