#include "emu/debug/symbol_file.h"

#include <elf.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "emu/debug/kernel_functions.h"
#include "emu/debug/stage_frames.h"
#include "kernel/page.h"

namespace emu {
namespace {

using mmu::u16, mmu::u32;

/// Bytes of a section, little-endian.
class Bytes {
  public:
    template <class T>
    Bytes& put(T value) {
        data_.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    Bytes& byte(u8 value) { return put(value); }
    Bytes& text(std::string_view value) {
        data_.append(value);
        return byte(0);
    }
    Bytes& raw(const std::string& value) {
        data_ += value;
        return *this;
    }
    Bytes& uleb(u64 value) {
        do {
            const u8 low = value & 0x7f;
            value >>= 7;
            byte(static_cast<u8>(low | (value ? 0x80 : 0)));
        } while (value);
        return *this;
    }
    Bytes& sleb(mmu::i64 value) {
        while (true) {
            const u8 low = value & 0x7f;
            value >>= 7;
            const bool last = (value == 0 && !(low & 0x40)) || (value == -1 && (low & 0x40));
            byte(static_cast<u8>(low | (last ? 0 : 0x80)));
            if (last) return *this;
        }
    }
    usize size() const { return data_.size(); }
    const std::string& data() const { return data_; }

  private:
    std::string data_;
};

/// `content` behind its own length.
std::string with_length(const Bytes& content) {
    return Bytes{}.put(static_cast<u32>(content.size())).raw(content.data()).data();
}

// DWARF's numbers that are used here.
enum : u8 {
    kTagFormal = 0x05,
    kTagMember = 0x0d,
    kTagPointer = 0x0f,
    kTagUnit = 0x11,
    kTagStruct = 0x13,
    kTagBase = 0x24,
    kTagSubprogram = 0x2e,
    kTagVariable = 0x34,
    kAtLocation = 0x02,
    kAtName = 0x03,
    kAtByteSize = 0x0b,
    kAtStmtList = 0x10,
    kAtLowPc = 0x11,
    kAtHighPc = 0x12,
    kAtLanguage = 0x13,
    kAtCompDir = 0x1b,
    kAtProducer = 0x25,
    kAtPrototyped = 0x27,
    kAtMember = 0x38,
    kAtDeclFile = 0x3a,
    kAtDeclLine = 0x3b,
    kAtEncoding = 0x3e,
    kAtExternal = 0x3f,
    kAtFrameBase = 0x40,
    kAtType = 0x49,
    kFormAddr = 0x01,
    kFormData2 = 0x05,
    kFormData8 = 0x07,
    kFormString = 0x08,
    kFormData1 = 0x0b,
    kFormRef4 = 0x13,
    kFormSec = 0x17,
    kFormExpr = 0x18,
    kFormPresent = 0x19,
};

/// Lines: a heading of two, then four a function (its name, its body, where callees return to, an empty one).
u16 line_of(usize function) {
    return static_cast<u16>(3 + 4 * function);
}

std::string abbreviations() {
    Bytes b;
    const auto entry = [&](u8 number, u8 tag, bool children,
                           std::initializer_list<std::pair<u8, u8>> attributes) {
        b.uleb(number).uleb(tag).byte(children);
        for (const auto& [attribute, form] : attributes) b.uleb(attribute).uleb(form);
        b.byte(0).byte(0);
    };
    entry(1, kTagUnit, true,
          {{kAtProducer, kFormString},
           {kAtLanguage, kFormData1},
           {kAtName, kFormString},
           {kAtCompDir, kFormString},
           {kAtLowPc, kFormAddr},
           {kAtHighPc, kFormData8},
           {kAtStmtList, kFormSec}});
    entry(2, kTagBase, false, {{kAtName, kFormString}, {kAtByteSize, kFormData1}, {kAtEncoding, kFormData1}});
    entry(3, kTagSubprogram, true,
          {{kAtExternal, kFormPresent},
           {kAtName, kFormString},
           {kAtDeclFile, kFormData1},
           {kAtDeclLine, kFormData2},
           {kAtPrototyped, kFormPresent},
           {kAtType, kFormRef4},
           {kAtLowPc, kFormAddr},
           {kAtHighPc, kFormData8},
           {kAtFrameBase, kFormExpr}});
    entry(4, kTagFormal, false, {{kAtName, kFormString}, {kAtType, kFormRef4}, {kAtLocation, kFormExpr}});
    entry(5, kTagPointer, false, {{kAtByteSize, kFormData1}, {kAtType, kFormRef4}});
    entry(6, kTagStruct, true, {{kAtName, kFormString}, {kAtByteSize, kFormData1}});
    entry(7, kTagMember, false, {{kAtName, kFormString}, {kAtType, kFormRef4}, {kAtMember, kFormData1}});
    entry(8, kTagVariable, false, {{kAtName, kFormString}, {kAtType, kFormRef4}, {kAtLocation, kFormExpr}});
    return b.byte(0).data();
}

struct Member {
    const char* name;
    u8 bytes;
};

constexpr Member kAreaMembers[] = {{"vm_start", 8}, {"vm_end", 8}, {"vm_flags", 8}, {"vm_pgoff", 8}};
static_assert(sizeof(AreaImage) == 32);
/// kernel::Page, which is read as it is.
constexpr Member kPageMembers[] = {{"flags", 2},    {"order", 1},    {"page_type", 1},
                                   {"refcount", 4}, {"mapcount", 4}, {"mapping", 4},
                                   {"next", 4},     {"prev", 4},     {"index", 8}};
static_assert(sizeof(kernel::Page) == 32 && offsetof(kernel::Page, refcount) == 4 &&
              offsetof(kernel::Page, prev) == 20 && offsetof(kernel::Page, index) == 24);

/// The types that functions, their arguments and their variables have: where they are in .debug_info.
struct Types {
    u32 word = 0, area_pointer = 0, page_pointer = 0;
};

Types describe_types(Bytes& b) {
    const auto here = [&] { return static_cast<u32>(b.size() + 4); };
    u32 numbers[9] = {};  // by size
    const auto number = [&](const char* name, u8 bytes) {
        numbers[bytes] = here();
        b.uleb(2).text(name).byte(bytes).byte(7);
    };
    number("unsigned char", 1);
    number("unsigned short", 2);
    number("unsigned int", 4);
    number("unsigned long", 8);
    const auto pointer_to = [&](const char* name, std::span<const Member> members) {
        const u32 structure = here();
        b.uleb(6).text(name).byte(32);
        u8 offset = 0;
        for (const Member& member : members) {
            b.uleb(7).text(member.name).put(numbers[member.bytes]).byte(offset);
            offset = static_cast<u8>(offset + member.bytes);
        }
        b.byte(0);
        const u32 pointer = here();
        b.uleb(5).byte(8).put(structure);
        return pointer;
    };
    return {numbers[8], pointer_to("vm_area_struct", kAreaMembers), pointer_to("page", kPageMembers)};
}

/// DW_OP_fbreg: where an argument is.
Bytes place_of_argument(usize argument) {
    return Bytes{}.byte(0x91).sleb(-8 * static_cast<mmu::i64>(argument + 1));
}

/// The structures of frames that arguments number: pfn has `page`, old_pfn has `old_page`.
void describe_pages(Bytes& b, const KernelFunction& function, const Types& types) {
    for (usize a = 0; a < 4; ++a) {
        const std::string_view name = function.arguments[a];
        if (!name.ends_with("pfn")) continue;
        // DW_OP_deref, const1u, mul, const8u, plus, stack_value
        const std::string value = place_of_argument(a)
                                      .byte(0x06)
                                      .byte(0x08)
                                      .byte(sizeof(kernel::Page))
                                      .byte(0x1e)
                                      .byte(0x0e)
                                      .put(kVmemmap)
                                      .byte(0x22)
                                      .byte(0x9f)
                                      .data();
        b.uleb(8).text(std::string(name.substr(0, name.size() - 3)) + "page").put(types.page_pointer);
        b.uleb(value.size()).raw(value);
    }
}

std::string information(const std::string& folder, KernelNames names) {
    constexpr u32 kHeader = 11;  // unit_length .. address_size
    const auto functions = kernel_functions();
    Bytes b;
    b.put(u16{4}).put(u32{0}).byte(8);
    static_assert(kHeader == 4 + 2 + 4 + 1);
    // GDB finds a body's beginning by line numbers where it believes that clang has made the code.
    b.uleb(1).text("clang version 14 (mmuscope)").byte(0x0c).text(kKernelSourceName).text(folder);
    b.put(kKernelText).put(u64{functions.size() * kFunctionBytes}).put(u32{0});
    const Types types = describe_types(b);
    const u32 returned[] = {types.word, types.page_pointer, types.area_pointer};
    for (usize n = 0; n < functions.size(); ++n) {
        b.uleb(3)
            .text(name_in(names, functions[n].name))
            .byte(1)
            .put(line_of(n))
            .put(returned[static_cast<usize>(functions[n].returns)])
            .put(address_of(n))
            .put(kFunctionBytes);
        b.uleb(2).byte(0x76).sleb(0);  // DW_OP_breg6: RBP
        for (usize a = 0; a < 4 && !functions[n].arguments[a].empty(); ++a) {
            const std::string place = place_of_argument(a).data();
            b.uleb(4)
                .text(functions[n].arguments[a])
                .put(functions[n].arguments[a] == "vma" ? types.area_pointer : types.word);
            b.uleb(place.size()).raw(place);
        }
        describe_pages(b, functions[n], types);
        b.byte(0);
    }
    b.byte(0);
    return with_length(b);
}

std::string lines() {
    constexpr u8 kLengths[] = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};  // of the standard operations' operands
    Bytes after;
    after.byte(1).byte(1).byte(1).byte(static_cast<u8>(-5)).byte(14).byte(13);
    for (const u8 length : kLengths) after.byte(length);
    after.byte(0).text(kKernelSourceName).uleb(0).uleb(0).uleb(0).byte(0);
    Bytes b;
    b.put(u16{4}).put(static_cast<u32>(after.size())).raw(after.data());
    u64 line = 1;
    b.byte(0).uleb(9).byte(2).put(kKernelText);  // DW_LNE_set_address
    const usize count = kernel_functions().size();
    for (usize n = 0; n < count; ++n)
        for (u64 part = 0; part < 3; ++part) {
            const u64 next = line_of(n) + part;
            b.byte(3).sleb(static_cast<mmu::i64>(next - line)).byte(1);  // DW_LNS_advance_line, DW_LNS_copy
            line = next;
            b.byte(2).uleb(part == 2 ? kFunctionBytes - kReturnSite : kBody);  // DW_LNS_advance_pc
        }
    return with_length(b.byte(0).uleb(1).byte(1));  // DW_LNE_end_sequence
}

/// The call frames: RBP leads to the caller's RBP and to the return address behind it. A trap's frame has the
/// guest's RSP behind that.
std::string frames() {
    const auto cie = [](std::string_view augmentation, bool trap) {
        Bytes b;
        b.put(~u32{0}).byte(4).text(augmentation).byte(8).byte(0).uleb(1).sleb(-8).uleb(16);
        b.byte(0x0c).uleb(6).uleb(16);           // DW_CFA_def_cfa: RBP + 16
        b.byte(0x80 | 16).uleb(1);               // RIP at CFA - 8
        b.byte(0x80 | 6).uleb(2);                // RBP at CFA - 16
        if (trap) b.byte(0x11).uleb(7).sleb(0);  // DW_CFA_offset_extended_sf: RSP at CFA
        while ((b.size() + 4) % 8) b.byte(0);
        return with_length(b);
    };
    Bytes b;
    const std::string plain = cie("", false);
    b.raw(plain).raw(cie("S", true));
    const auto functions = kernel_functions();
    for (usize n = 0; n < functions.size(); ++n) {
        Bytes fde;
        fde.put(static_cast<u32>(functions[n].trap ? plain.size() : 0))
            .put(address_of(n))
            .put(kFunctionBytes);
        while ((fde.size() + 4) % 8) fde.byte(0);
        b.raw(with_length(fde));
    }
    return b.data();
}

struct Section {
    const char* name;
    u32 type;
    u64 flags, address;
    std::string content;
    u32 link = 0, info = 0;
    u64 entry = 0;
};

std::string symbols(std::string& names) {
    std::string table(sizeof(Elf64_Sym), '\0');
    names.assign(1, '\0');
    const auto functions = kernel_functions();
    const auto add = [&](std::string_view name, usize n) {
        Elf64_Sym symbol{};
        symbol.st_name = static_cast<u32>(names.size());
        symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
        symbol.st_shndx = 1;
        symbol.st_value = address_of(n);
        symbol.st_size = kFunctionBytes;
        names += name;
        names += '\0';
        table.append(reinterpret_cast<const char*>(&symbol), sizeof symbol);
    };
    for (usize n = 0; n < functions.size(); ++n) add(functions[n].name, n);
    for (const auto& [current, old] : renamed_functions())
        if (const usize n = kernel_function(current); n < functions.size()) add(old, n);
    return table;
}

/// The sections one behind the other, from behind the ELF header and one program header on; the last one is
/// given their names.
struct Layout {
    std::string body;
    std::vector<Elf64_Shdr> headers;
};

Layout lay_out(std::vector<Section>& sections) {
    std::string& names = sections.back().content;
    Layout layout;
    for (const Section& section : sections) {
        Elf64_Shdr header{};
        header.sh_name = static_cast<u32>(names.size());
        header.sh_type = section.type;
        header.sh_flags = section.flags;
        header.sh_addr = section.address;
        header.sh_link = section.link;
        header.sh_info = section.info;
        header.sh_entsize = section.entry;
        layout.headers.push_back(header);
        names += section.name;
        names += '\0';
    }
    layout.body.assign(sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), '\0');
    const auto align = [&] { layout.body.resize((layout.body.size() + 15) / 16 * 16); };
    for (usize n = 1; n < sections.size(); ++n) {
        align();
        layout.headers[n].sh_offset = layout.body.size();
        layout.headers[n].sh_size = sections[n].content.size();
        layout.headers[n].sh_addralign = 16;
        layout.body += sections[n].content;
    }
    align();
    return layout;
}

/// A program of one segment, the first section behind the empty one, which is never run.
std::string elf_file(std::vector<Section> sections) {
    Layout layout = lay_out(sections);
    const Elf64_Shdr& text = layout.headers[1];
    Elf64_Ehdr elf{};
    std::memcpy(elf.e_ident, ELFMAG, SELFMAG);
    elf.e_ident[EI_CLASS] = ELFCLASS64;
    elf.e_ident[EI_DATA] = ELFDATA2LSB;
    elf.e_ident[EI_VERSION] = EV_CURRENT;
    elf.e_type = ET_EXEC;
    elf.e_machine = EM_X86_64;
    elf.e_version = EV_CURRENT;
    elf.e_phoff = sizeof elf;
    elf.e_shoff = layout.body.size();
    elf.e_ehsize = sizeof elf;
    elf.e_phentsize = sizeof(Elf64_Phdr);
    elf.e_phnum = 1;
    elf.e_shentsize = sizeof(Elf64_Shdr);
    elf.e_shnum = static_cast<u16>(sections.size());
    elf.e_shstrndx = static_cast<u16>(sections.size() - 1);
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_flags = PF_R | PF_X;
    segment.p_offset = text.sh_offset;
    segment.p_vaddr = segment.p_paddr = text.sh_addr;
    segment.p_filesz = segment.p_memsz = text.sh_size;
    std::memcpy(layout.body.data(), &elf, sizeof elf);
    std::memcpy(layout.body.data() + sizeof elf, &segment, sizeof segment);
    for (const Elf64_Shdr& header : layout.headers)
        layout.body.append(reinterpret_cast<const char*>(&header), sizeof header);
    return layout.body;
}

}  // namespace

std::string kernel_text() {
    return std::string(kernel_functions().size() * kFunctionBytes, '\x90');
}

std::string kernel_source(KernelNames names) {
    std::string text = "// What the kernel and the MMU do, as stages: there is no code here to run.\n\n";
    for (const KernelFunction& f : kernel_functions()) {
        text += "unsigned long " + std::string(name_in(names, f.name)) + "(";
        for (usize n = 0; n < 4 && !f.arguments[n].empty(); ++n)
            text += std::string(n ? ", " : "") + std::string(f.arguments[n]);
        text += ") {  // " + std::string(f.file) + "\n    " + std::string(f.does) +
                ";\n    return to the caller;\n}\n";
    }
    return text;
}

std::string kernel_symbol_file(const std::string& folder, KernelNames shown) {
    std::string names;
    const std::string table = symbols(names);
    return elf_file({
        {"", SHT_NULL, 0, 0, {}},
        {".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, kKernelText, kernel_text()},
        {".debug_abbrev", SHT_PROGBITS, 0, 0, abbreviations()},
        {".debug_info", SHT_PROGBITS, 0, 0, information(folder, shown)},
        {".debug_line", SHT_PROGBITS, 0, 0, lines()},
        {".debug_frame", SHT_PROGBITS, 0, 0, frames()},
        {".symtab", SHT_SYMTAB, 0, 0, table, 7, 1, sizeof(Elf64_Sym)},
        {".strtab", SHT_STRTAB, 0, 0, names},
        {".shstrtab", SHT_STRTAB, 0, 0, {}},
    });
}

}  // namespace emu
