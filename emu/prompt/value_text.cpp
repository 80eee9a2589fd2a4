// How values look. As gdb's print does it.
#include <cctype>
#include <cstring>

#include "emu/prompt/expression.h"
#include "emu/report/story_words.h"

namespace emu {
namespace {

using mmu::i64;
using Kind = TypeInfo::Kind;

constexpr u64 kMostElements = 200, kMostText = 200;
constexpr unsigned kDeepest = 4;
constexpr u64 kMostValues = 2000;  ///< of one struct or array, with all that is in it

std::string escaped(u8 c, char quote) {
    if (c == '\n') return "\\n";
    if (c == '\t') return "\\t";
    if (c == static_cast<u8>(quote) || c == '\\') return std::string("\\") + static_cast<char>(c);
    if (std::isprint(c)) return std::string(1, static_cast<char>(c));
    char text[8];
    std::snprintf(text, sizeof text, "\\%03o", c);
    return text;
}

std::string quoted(u64 address, const Modules::Read& read) {
    std::string text = "\"";
    for (u64 n = 0; n < kMostText; ++n) {
        u8 c = 0;
        if (read(address + n, std::span(&c, 1)) != 1) return n ? text + "\"..." : "<not there>";
        if (c == 0) return text + "\"";
        text += escaped(c, '"');
    }
    return text + "\"...";
}

std::string float_text(const Value& value) {
    char text[40];
    double number = 0;
    if (value.type->size == 4) {
        float narrow = 0;
        const auto bits = static_cast<mmu::u32>(value.bits);
        std::memcpy(&narrow, &bits, sizeof narrow);
        number = static_cast<double>(narrow);
    } else if (value.type->size == 8) {
        std::memcpy(&number, &value.bits, sizeof number);
    } else {
        return "<long double>";
    }
    std::snprintf(text, sizeof text, "%.*g", value.type->size == 4 ? 9 : 17, number);
    // The shortest that reads back as the same.
    for (int digits = 1; digits < 17; ++digits) {
        char shorter[40];
        std::snprintf(shorter, sizeof shorter, "%.*g", digits, number);
        const double back = std::strtod(shorter, nullptr);
        const bool same =
            value.type->size == 4 ? static_cast<float>(back) == static_cast<float>(number) : back == number;
        if (same) return shorter;
    }
    return text;
}

std::string text_of(const Value& value, const Modules::Read& read, unsigned depth, u64& left);

std::string part_text(u64 address, const Type& type, const Modules::Read& read, unsigned depth, u64& left) {
    const auto part = value_at(address, type, read);
    return part ? text_of(*part, read, depth + 1, left) : "<not there>";
}

std::string array_text(const Value& value, const Modules::Read& read, unsigned depth, u64& left) {
    const TypeInfo& type = *value.type;
    if (type.element && type.element->kind == Kind::kChar) return quoted(*value.address, read);
    std::string text = "{";
    for (u64 n = 0; n < type.count && type.element; ++n) {
        if (n == kMostElements || left == 0) return text + "...}";
        text += (n ? ", " : "") +
                part_text(*value.address + n * type.element->size, type.element, read, depth, left);
    }
    return text + "}";
}

std::string text_of(const Value& value, const Modules::Read& read, unsigned depth, u64& left) {
    if (!value.type) return std::to_string(static_cast<i64>(value.bits));
    const TypeInfo& type = *value.type;
    if (depth > kDeepest || left == 0) return "{...}";
    --left;
    switch (type.kind) {
        case Kind::kSigned:
            return std::to_string(static_cast<i64>(value.bits));
        case Kind::kUnsigned:
            return std::to_string(value.bits);
        case Kind::kBool:
            return value.bits ? "true" : "false";
        case Kind::kChar:
            return std::to_string(static_cast<i64>(value.bits)) + " '" +
                   escaped(static_cast<u8>(value.bits), '\'') + "'";
        case Kind::kFloat:
            return float_text(value);
        case Kind::kPointer:
            return hex(value.bits) + (type.element && type.element->kind == Kind::kChar && value.bits
                                          ? " " + quoted(value.bits, read)
                                          : "");
        case Kind::kArray:
            return array_text(value, read, depth, left);
        case Kind::kStruct: {
            std::string text = "{";
            for (const TypeInfo::Member& member : type.members) {
                if (left == 0) return text + ", ...}";
                text += (text.size() > 1 ? ", " : "") + member.name + " = " +
                        part_text(*value.address + member.offset, member.type, read, depth, left);
            }
            return text + "}";
        }
        case Kind::kOther:
            return hex(value.bits);
    }
    return {};
}

}  // namespace

std::string value_text(const Value& value, const Modules::Read& read) {
    u64 left = kMostValues;
    return text_of(value, read, 0, left);
}

}  // namespace emu
