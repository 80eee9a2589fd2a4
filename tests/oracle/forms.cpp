#include "tests/oracle/forms.h"

#include <cstdio>
#include <string_view>
#include <vector>

#include "emu/cpu/cpu.h"

namespace tests {
namespace {

using emu::Fields, emu::Map, emu::OpcodeRow, emu::Prefix;
using mmu::u8;

/// The parts of an encoding that make a form.
struct Shape {
    unsigned opcode;   ///< of the row's `count`
    bool wide, other;  ///< REX.W or VEX.W; 66h or VEX.L
    bool lock, repeat;
    unsigned modrm;
};

std::vector<u8> encoding(const OpcodeRow& row, const Shape& shape) {
    std::vector<u8> bytes;
    const unsigned pp = row.prefix == Prefix::k66   ? 1
                        : row.prefix == Prefix::kF3 ? 2
                        : row.prefix == Prefix::kF2 ? 3
                                                    : 0;
    if (row.encoding == emu::Encoding::kVex) {
        constexpr unsigned kNoVvvv = 15u << 3, kNoRxb = 7u << 5;
        bytes = {0xc4, static_cast<u8>(kNoRxb | static_cast<unsigned>(row.map)),
                 static_cast<u8>(unsigned{shape.wide} << 7 | kNoVvvv | unsigned{shape.other} << 2 | pp)};
    } else {
        if (shape.lock) bytes.push_back(0xf0);
        if (pp == 1 || shape.other) bytes.push_back(0x66);
        if (pp >= 2 || shape.repeat) bytes.push_back(pp == 3 ? 0xf2 : 0xf3);
        if (shape.wide) bytes.push_back(0x48);
        if (row.map != Map::kOne) bytes.push_back(0x0f);
        if (row.map == Map::k0F38) bytes.push_back(0x38);
        if (row.map == Map::k0F3A) bytes.push_back(0x3a);
    }
    bytes.push_back(static_cast<u8>(row.opcode + shape.opcode));
    bytes.push_back(static_cast<u8>(shape.modrm));
    bytes.resize(24);
    return bytes;
}

void add_form(const OpcodeRow& row, const Shape& shape, std::set<std::string>& forms) {
    Fields fields;
    if (emu::split_fields(encoding(row, shape), fields) != emu::Split::kComplete) return;
    if (emu::find_row(fields) == &row && builds(row, fields)) forms.insert(form_of(row, fields));
}

struct NotDrawn {
    std::string_view row, form;  ///< a part of the form's name
    const char* reason;
};
constexpr const char* k66 = "with 66h AMD's CPUs cut RIP to 16 bits, Intel's ignore it";
constexpr NotDrawn kNotDrawn[] = {
    {"jcc", "16", k66},
    {"jmp", "16", k66},
    {"call", "16", k66},
    {"ret", "16", k66},
    {"jrcxz", "16", k66},
    {"loop", "16", k66},
    {"loope", "16", k66},
    {"loopne", "16", k66},
    {"movsxd", "16", "with 66h Intel's CPUs read 16 bits, AMD's 32"},
    {"prefetchw", "reg", "AMD's CPUs raise #UD, Intel's do nothing"},
};

}  // namespace

bool is_string(const OpcodeRow& row) {
    return row.map == Map::kOne &&
           ((row.opcode >= 0xa4 && row.opcode <= 0xa7) || (row.opcode >= 0xaa && row.opcode <= 0xaf));
}

bool builds(const OpcodeRow& row, const Fields& fields) {
    if (fields.lock && !(row.lockable && fields.memory())) return false;
    emu::Insn insn;
    insn.base = insn.index = insn.segment = emu::Slot::kZero;
    return row.build(fields, insn);
}

std::string form_of(const OpcodeRow& row, const Fields& f) {
    char text[64];
    int n = 0;
    if (row.count > 1) n = std::snprintf(text, sizeof text, "%02x ", f.opcode);
    const char* const operand = !f.has_modrm ? "" : f.memory() ? "mem " : "reg ";
    if (f.vex)
        std::snprintf(text + n, sizeof text - static_cast<unsigned>(n), "%sVEX.%u.W%d", operand,
                      f.vex_l ? 256 : 128, f.rex_w());
    else
        std::snprintf(text + n, sizeof text - static_cast<unsigned>(n), "%s%u%s", operand, 8 * f.width(),
                      f.lock                                   ? " lock"
                      : f.repeat && row.prefix == Prefix::kAny ? " rep"
                                                               : "");
    return text;
}

std::set<std::string> forms_of(const OpcodeRow& row) {
    std::set<std::string> forms;
    const bool any = row.prefix == Prefix::kAny || row.encoding == emu::Encoding::kVex;
    for (unsigned bits = 0; bits < 16; ++bits) {
        Shape shape{0, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, 0};
        if ((shape.other && !any) || (shape.lock && !row.lockable) || (shape.repeat && !is_string(row)))
            continue;
        for (; shape.opcode < row.count; ++shape.opcode)
            for (shape.modrm = 0; shape.modrm < 256; ++shape.modrm) add_form(row, shape, forms);
    }
    return forms;
}

const char* reason_not_drawn(const OpcodeRow& row, const std::string& form) {
    for (const NotDrawn& each : kNotDrawn)
        if (each.row == row.name && form.find(each.form) != std::string::npos) return each.reason;
    return nullptr;
}

}  // namespace tests
