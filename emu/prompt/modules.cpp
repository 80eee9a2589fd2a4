#include "emu/prompt/modules.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <sstream>

#include "emu/prompt/modules_state.h"

namespace emu {
namespace {

/// DWARF's numbers of the general-purpose registers (System V ABI, AMD64, figure 3.36), as mmu::Gpr.
constexpr mmu::Gpr kDwarfGpr[16] = {mmu::kRax, mmu::kRdx, mmu::kRcx, mmu::kRbx, mmu::kRsi, mmu::kRdi,
                                    mmu::kRbp, mmu::kRsp, mmu::kR8,  mmu::kR9,  mmu::kR10, mmu::kR11,
                                    mmu::kR12, mmu::kR13, mmu::kR14, mmu::kR15};

/// Each module is reported with its file.
int find_elf(Dwfl_Module*, void**, const char* name, Dwarf_Addr, char** file_name, Elf** elf) {
    *elf = nullptr;
    *file_name = name ? strdup(name) : nullptr;
    return -1;
}
int find_no_debuginfo(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word,
                      char**) {
    return -1;
}

struct MappedFile {
    std::string path;
    u64 start = 0;  ///< of its first byte
};

/// The files that have code, in order, each with the address of its first byte.
std::vector<MappedFile> mapped_files(const std::string& maps) {
    std::vector<MappedFile> files;
    std::istringstream lines(maps);
    MappedFile last;
    for (std::string line; std::getline(lines, line);) {
        unsigned long long start = 0, end = 0, offset = 0;
        char rights[8] = {};
        int path_at = 0;
        if (std::sscanf(line.c_str(), "%llx-%llx %7s %llx %*s %*s %n", &start, &end, rights, &offset,
                        &path_at) < 4)
            continue;
        const std::string path = path_at > 0 && static_cast<usize>(path_at) < line.size()
                                     ? line.substr(static_cast<usize>(path_at))
                                     : "";
        if (path.empty() || path[0] != '/') continue;
        if (offset == 0) last = {path, start};
        if (rights[2] == 'x' && last.path == path && (files.empty() || files.back().path != path))
            files.push_back(last);
    }
    return files;
}

pid_t next_thread(Dwfl*, void* state, void** thread) {
    if (*thread) return 0;
    *thread = state;
    return 1;
}

}  // namespace

Modules::Modules(std::function<int(const std::string&)> open) : state_(std::make_unique<State>()) {
    state_->open = std::move(open);
    state_->callbacks.find_elf = find_elf;
    state_->callbacks.find_debuginfo = find_no_debuginfo;
    state_->callbacks.section_address = dwfl_offline_section_address;
}

Modules::~Modules() = default;

void Modules::update(const std::string& maps) {
    const std::vector<MappedFile> files = mapped_files(maps);
    std::string names;
    for (const MappedFile& file : files) names += file.path + " " + std::to_string(file.start) + "\n";
    if (state_->dwfl && names == state_->files) return;
    state_->files = names;
    if (state_->dwfl) dwfl_end(state_->dwfl);
    state_->attached = false;
    state_->types.clear();
    state_->dwfl = dwfl_begin(&state_->callbacks);
    if (!state_->dwfl) return;
    dwfl_report_begin(state_->dwfl);
    for (const MappedFile& file : files) {
        const int fd = state_->open(file.path);
        if (fd < 0) continue;
        // A fixed program's addresses are its own; others are where their first byte is.
        Elf64_Ehdr header{};
        const bool read = ::pread(fd, &header, sizeof header, 0) == sizeof header;
        const bool elf = read && std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0;
        const u64 base = header.e_type == ET_EXEC ? 0 : file.start;
        if (!elf || !dwfl_report_elf(state_->dwfl, file.path.c_str(), file.path.c_str(), fd, base, true))
            ::close(fd);
    }
    dwfl_report_end(state_->dwfl, nullptr, nullptr);
    state_->collect_symbols();
}

void Modules::State::collect_symbols() {
    symbols.clear();
    const auto each = [](Dwfl_Module* module, void**, const char*, Dwarf_Addr, void* self) {
        auto& all = static_cast<State*>(self)->symbols;
        const int count = dwfl_module_getsymtab(module);
        for (int n = 1; n < count; ++n) {
            GElf_Sym symbol;
            GElf_Addr address = 0;
            const char* const name =
                dwfl_module_getsym_info(module, n, &symbol, &address, nullptr, nullptr, nullptr);
            const int type = GELF_ST_TYPE(symbol.st_info);
            const bool function = type == STT_FUNC || type == STT_GNU_IFUNC;
            if (!name || !*name || symbol.st_shndx == SHN_UNDEF) continue;
            if (!function && type != STT_OBJECT && type != STT_NOTYPE) continue;
            all.emplace(name,
                        Symbol{name, address, symbol.st_size, function});  // the program's own come first
        }
        return static_cast<int>(DWARF_CB_OK);
    };
    dwfl_getmodules(dwfl, each, this, 0);
}

std::optional<Symbol> Modules::symbol_at(u64 address) const {
    Dwfl_Module* const module = state_->dwfl ? dwfl_addrmodule(state_->dwfl, address) : nullptr;
    if (!module) return std::nullopt;
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char* const name =
        dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
    if (!name) return std::nullopt;
    return Symbol{name, address - offset, symbol.st_size, GELF_ST_TYPE(symbol.st_info) == STT_FUNC};
}

std::optional<Symbol> Modules::find(const std::string& name) const {
    const auto found = state_->symbols.find(name);
    return found == state_->symbols.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> Modules::names_with(const std::string& prefix, usize most) const {
    std::vector<std::string> names;
    for (auto at = state_->symbols.lower_bound(prefix); at != state_->symbols.end(); ++at) {
        if (!at->first.starts_with(prefix) || names.size() == most) break;
        names.push_back(at->first);
    }
    return names;
}

std::string Modules::files_text() const {
    std::string text;
    if (!state_->dwfl) return text;
    const auto each = [](Dwfl_Module* module, void**, const char* name, Dwarf_Addr start, void* out) {
        Dwarf_Addr bias = 0;
        char where[32];
        std::snprintf(where, sizeof where, "0x%016llx  ", static_cast<unsigned long long>(start));
        *static_cast<std::string*>(out) +=
            where + std::string(name) +
            (dwfl_module_getdwarf(module, &bias) ? "" : " (no line information)") + "\n";
        return static_cast<int>(DWARF_CB_OK);
    };
    dwfl_getmodules(state_->dwfl, each, &text, 0);
    return text;
}

std::optional<SourceLine> Modules::line_at(u64 address) const {
    Dwfl_Module* const module = state_->dwfl ? dwfl_addrmodule(state_->dwfl, address) : nullptr;
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = module ? dwfl_module_addrdie(module, address, &bias) : nullptr;
    Dwarf_Lines* lines = nullptr;
    usize count = 0;
    if (!unit || dwarf_getsrclines(unit, &lines, &count) != 0) return std::nullopt;
    const u64 wanted = address - bias;
    std::optional<SourceLine> found;
    for (usize n = 0; n + 1 < count; ++n) {
        Dwarf_Line* const line = dwarf_onesrcline(lines, n);
        Dwarf_Addr start = 0, end = 0;
        int number = 0;
        bool sequence_ends = false;
        dwarf_lineaddr(line, &start);
        dwarf_lineaddr(dwarf_onesrcline(lines, n + 1), &end);
        dwarf_lineendsequence(line, &sequence_ends);
        if (sequence_ends || start > wanted || wanted >= end) continue;
        dwarf_lineno(line, &number);
        const char* const file = dwarf_linesrc(line, nullptr, nullptr);
        if (!file || number <= 0) return std::nullopt;
        found = SourceLine{file, static_cast<unsigned>(number), start + bias, end + bias};
        // Rows of one line in a row are one piece of code.
        for (usize next = n + 1; next + 1 < count; ++next) {
            int same = 0;
            Dwarf_Addr stop = 0;
            dwarf_lineno(dwarf_onesrcline(lines, next), &same);
            dwarf_lineendsequence(dwarf_onesrcline(lines, next), &sequence_ends);
            if (same != number || sequence_ends) break;
            dwarf_lineaddr(dwarf_onesrcline(lines, next + 1), &stop);
            found->end = stop + bias;
        }
        return found;
    }
    return found;
}

std::optional<u64> Modules::address_of(const std::string& file, unsigned line) const {
    std::optional<u64> best;
    unsigned best_line = ~0u;
    if (!state_->dwfl) return best;
    Dwarf_Die* unit = nullptr;
    Dwarf_Addr bias = 0;
    while ((unit = dwfl_nextcu(state_->dwfl, unit, &bias))) {
        Dwarf_Lines* lines = nullptr;
        usize count = 0;
        if (dwarf_getsrclines(unit, &lines, &count) != 0) continue;
        for (usize n = 0; n < count; ++n) {
            Dwarf_Line* const row = dwarf_onesrcline(lines, n);
            int number = 0;
            bool statement = false, ends = false;
            Dwarf_Addr address = 0;
            dwarf_lineno(row, &number);
            dwarf_linebeginstatement(row, &statement);
            dwarf_lineendsequence(row, &ends);
            const auto at = static_cast<unsigned>(number);
            if (ends || !statement || number <= 0 || at < line || at > best_line) continue;
            const char* const source = dwarf_linesrc(row, nullptr, nullptr);
            const std::string path = source ? source : "";
            const bool same = path == file || path.ends_with("/" + file);
            if (!same || dwarf_lineaddr(row, &address) != 0) continue;
            if (at < best_line || address + bias < *best) best = address + bias;
            best_line = at;
        }
    }
    return best;
}

u64 Modules::behind_prologue(const Symbol& function) const {
    const auto first = line_at(function.address);
    if (!first) return function.address;
    // The opening line may have two rows of its own: the second is behind the prologue (as gdb has it).
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit =
        dwfl_module_addrdie(dwfl_addrmodule(state_->dwfl, function.address), function.address, &bias);
    Dwarf_Lines* lines = nullptr;
    usize count = 0;
    if (!unit || dwarf_getsrclines(unit, &lines, &count) != 0) return function.address;
    u64 best = function.address + function.size;
    for (usize n = 0; n < count; ++n) {
        Dwarf_Addr address = 0;
        dwarf_lineaddr(dwarf_onesrcline(lines, n), &address);
        if (address + bias > function.address) best = std::min<u64>(best, address + bias);
    }
    return best < function.address + function.size ? best : function.address;
}

namespace {

struct Unwinding {
    const mmu::Registers* registers;
    const Modules::Read* read;
};

bool read_word(Dwfl*, Dwarf_Addr address, Dwarf_Word* word, void* argument) {
    const auto& now = *static_cast<Unwinding*>(*static_cast<void**>(argument));
    u8 bytes[8];
    if ((*now.read)(address, bytes) != sizeof bytes) return false;
    std::memcpy(word, bytes, sizeof bytes);
    return true;
}

bool set_registers(Dwfl_Thread* thread, void* argument) {
    const auto& now = *static_cast<Unwinding*>(*static_cast<void**>(argument));
    Dwarf_Word values[17];
    for (unsigned n = 0; n < 16; ++n) values[n] = now.registers->gpr[kDwarfGpr[n]];
    values[16] = now.registers->rip;
    return dwfl_thread_state_registers(thread, 0, 17, values);
}

struct Collector {
    std::vector<GuestFrame> frames;
    usize most = 0;
};

int collect(Dwfl_Frame* frame, void* argument) {
    auto& out = *static_cast<Collector*>(argument);
    GuestFrame result;
    Dwarf_Addr pc = 0;
    bool activation = false;
    if (!dwfl_frame_pc(frame, &pc, &activation)) return DWARF_CB_ABORT;
    result.registers.rip = pc;
    result.signal = activation && !out.frames.empty();
    for (unsigned n = 0; n < 16; ++n) {
        Dwarf_Word value = 0;
        if (dwfl_frame_reg(frame, n, &value) == 0) result.registers.gpr[kDwarfGpr[n]] = value;
    }
    if (!out.frames.empty()) out.frames.back().cfa = result.registers.gpr[mmu::kRsp];
    out.frames.push_back(result);
    return out.frames.size() < out.most ? DWARF_CB_OK : DWARF_CB_ABORT;
}

}  // namespace

std::vector<GuestFrame> Modules::unwind(const mmu::Registers& registers, const Read& read, usize most) const {
    static constexpr Dwfl_Thread_Callbacks kCallbacks = {next_thread,   nullptr, read_word,
                                                         set_registers, nullptr, nullptr};
    Unwinding now{&registers, &read};
    Collector out;
    out.most = most;
    state_->unwinding = &now;
    if (state_->dwfl && !state_->attached)
        state_->attached = dwfl_attach_state(state_->dwfl, nullptr, 1, &kCallbacks, &state_->unwinding);
    if (state_->attached) (void)dwfl_getthread_frames(state_->dwfl, 1, collect, &out);
    state_->unwinding = nullptr;
    if (out.frames.empty()) {
        GuestFrame here;
        here.registers = registers;
        out.frames.push_back(here);
    }
    out.frames[0].registers = registers;
    return std::move(out.frames);
}

}  // namespace emu
