// Commands that show and change values, code and frames.
#include <algorithm>
#include <cctype>
#include <cstring>

#include "emu/decode/decoder.h"
#include "emu/prompt/debug_session.h"
#include "emu/prompt/registers.h"
#include "emu/report/story_words.h"

namespace emu {

using Answer = DebugSession::Answer;
using mmu::i64;

namespace {

constexpr u64 kMostUnits = 4096;
constexpr unsigned kListLines = 10;

/// "/4xg rest": how often, in which format, what size; the rest goes back.
struct Format {
    u64 count = 1;
    bool counted = false;
    char letter = '\0';
    unsigned size = 0;
    std::string rest, problem;
};

Format split_format(const std::string& arguments) {
    Format out;
    if (arguments.empty() || arguments[0] != '/') {
        out.rest = arguments;
        return out;
    }
    const auto end = std::min(arguments.find_first_of(" \t"), arguments.size());
    const std::string word = arguments.substr(1, end - 1);
    const auto rest = arguments.find_first_not_of(" \t", end);
    if (rest != std::string::npos) out.rest = arguments.substr(rest);
    usize at = 0;
    while (at < word.size() && std::isdigit(static_cast<unsigned char>(word[at])) && at < 9) ++at;
    if (at > 0) out.count = std::stoull(word.substr(0, at)), out.counted = true;
    for (; at < word.size(); ++at) {
        const char c = word[at];
        if (std::strchr("bhwg", c))
            out.size = c == 'b' ? 1 : c == 'h' ? 2 : c == 'w' ? 4 : 8;
        else if (std::strchr("xduotacsi", c))
            out.letter = c;
        else
            out.problem = std::string("no format: ") + c + " (x d u o t a c s i, sizes b h w g)\n";
    }
    if (out.count > kMostUnits) out.problem = "4096 at the most\n";
    return out;
}

/// The "=" of an assignment, not one of "==", "<=" and their like.
usize find_assignment(const std::string& text) {
    for (usize n = 1; n + 1 < text.size(); ++n)
        if (text[n] == '=' && text[n + 1] != '=' && !std::strchr("=!<>", text[n - 1])) return n;
    return std::string::npos;
}

}  // namespace

/// One value as a letter of x and print wants it; 'z' is hexadecimal with all its digits.
std::string DebugSession::formatted(u64 value, char format, unsigned size) {
    const unsigned bits = 8 * size;
    if (bits < 64) value &= (u64{1} << bits) - 1;
    const i64 number =
        bits < 64 ? static_cast<i64>(value << (64 - bits)) >> (64 - bits) : static_cast<i64>(value);
    char text[72];
    switch (format) {
        case 'd':
            return std::to_string(number);
        case 'u':
            return std::to_string(value);
        case 'o':
            std::snprintf(text, sizeof text, "%s%llo", value ? "0" : "",
                          static_cast<unsigned long long>(value));
            return text;
        case 't': {
            std::string digits;
            do digits.insert(digits.begin(), static_cast<char>('0' + (value & 1)));
            while (value >>= 1);
            return digits;
        }
        case 'a': {
            const std::string name = symbolic(value);
            return hex(value) + (name.empty() ? "" : " " + name);
        }
        case 'c': {
            const auto c = static_cast<unsigned char>(value);
            return std::to_string(static_cast<signed char>(c)) + " '" +
                   (std::isprint(c) ? std::string(1, static_cast<char>(c)) : "\\" + formatted(c, 'o', 1)) +
                   "'";
        }
        case 'z':
            std::snprintf(text, sizeof text, "0x%0*llx", static_cast<int>(2 * size),
                          static_cast<unsigned long long>(value));
            return text;
        default:
            return hex(value);
    }
}

Answer DebugSession::print(Arguments arguments) {
    const Format format = split_format(arguments);
    if (!format.problem.empty()) return {format.problem, true};
    if (const usize at = find_assignment(format.rest); at != std::string::npos) {
        std::string problem;
        if (!assign(format.rest.substr(0, at), format.rest.substr(at + 1), problem))
            return {problem + "\n", true};
        return print(format.rest.substr(0, at));
    }
    const auto value = value_of(format.rest.empty() ? "$" : format.rest);
    if (!value) return {value.error() + "\n", true};
    const auto read = [this](u64 address, std::span<u8> bytes) { return debugger_.read(address, bytes); };
    const bool aggregate = value->type && (value->type->kind == TypeInfo::Kind::kStruct ||
                                           value->type->kind == TypeInfo::Kind::kArray);
    const bool function = value->type && value->type->kind == TypeInfo::Kind::kOther && value->address;
    const unsigned size = value->type && value->type->size && value->type->size <= 8
                              ? static_cast<unsigned>(value->type->size)
                              : 8;
    std::string text = value_text(*value, read);
    if (function) text = "{function} " + hex(value->bits) + " " + symbolic(value->bits);
    if (format.letter == 's' && value->type && value->type->kind == TypeInfo::Kind::kPointer)
        text = value_text({value->bits, pointer_to(number_type(1, true)), {}, {}}, read);
    else if (format.letter && format.letter != 's' && !aggregate)
        text = formatted(value->bits, format.letter, size);
    state_.values.push_back(aggregate ? value->address.value_or(0) : value->bits);
    return {"$" + std::to_string(state_.values.size()) + " = " + text + "\n"};
}

/// x/COUNT FORMAT SIZE ADDRESS
Answer DebugSession::examine(Arguments arguments) {
    const Format format = split_format(arguments);
    if (!format.problem.empty()) return {format.problem, true};
    if (format.letter) examine_format_ = format.letter;
    if (format.size) examine_size_ = format.size;
    const char letter = examine_format_[0];
    const unsigned size = letter == 'a' ? 8 : letter == 'c' && !format.size ? 1 : examine_size_;
    auto address = format.rest.empty()
                       ? mmu::Expected<u64, std::string>(examine_next_.value_or(registers().rip))
                       : word_of(format.rest);
    if (!address) return {address.error() + "\n", true};
    u64 at = *address;
    std::string text;
    if (letter == 'i') {
        for (u64 n = 0; n < format.count; ++n) {
            u8 bytes[15] = {};
            const usize got = debugger_.read(at, bytes);
            text += disassembly(at, 1, true);
            if (got == 0) return {text, true};
            const auto gap = decoder_->describe({bytes, got}, at).find("  ");
            at += gap == std::string::npos ? 1 : (gap + 1) / 3;
        }
        examine_next_ = at;
        return {text};
    }
    const auto read = [this](u64 where, std::span<u8> bytes) { return debugger_.read(where, bytes); };
    const u64 on_a_line = letter == 's'   ? 1
                          : letter == 'a' ? 2
                          : letter == 'c' ? 8
                                          : std::max(2u, size == 1 ? 8u : 16 / size);
    for (u64 n = 0; n < format.count; ++n) {
        u8 bytes[8] = {};
        if (n % on_a_line == 0) {
            const std::string name = symbolic(at);
            text += (n ? "\n" : "") + hex(at) + (name.empty() ? "" : " " + name) + ":";
        }
        if (letter == 's') {
            const std::string words = value_text({at, pointer_to(number_type(1, true)), {}, {}}, read);
            text += "\t" + words.substr(std::min(words.size(), words.find(' ') + 1));
            u8 c = 1;
            for (u64 most = 0; most < 200 && read(at, std::span(&c, 1)) == 1 && c; ++most) ++at;
            at += c == 0;
            continue;
        }
        if (read(at, std::span(bytes, size)) != size)
            return {text + "\tCannot access memory at address " + hex(at) + "\n", true};
        u64 value = 0;
        std::memcpy(&value, bytes, size);
        text += "\t" + formatted(value, letter == 'x' ? 'z' : letter, size);
        at += size;
    }
    examine_next_ = at;
    return {text + "\n"};
}

bool DebugSession::assign(const std::string& left, const std::string& right, std::string& problem) {
    const auto value = word_of(right);
    if (!value) return problem = value.error(), false;
    if (ended()) return problem = "there is no guest any more", false;
    if (const auto why = why_not_write()) return problem = *why, false;
    if (debugger_.in_stage())
        return problem = "nothing can be written while the kernel is at work: finish first", false;
    const auto first = left.find_first_not_of(" \t");
    const auto last = left.find_last_not_of(" \t");
    const std::string name = first == std::string::npos ? "" : left.substr(first, last - first + 1);
    if (name.starts_with("$")) {
        if (selected_ != 0) return problem = "registers are written in frame 0", false;
        if (!write_general(registers(), name.substr(1), *value))
            return problem = name + " cannot be written to " + hex(*value), false;
        frames_.reset();
        return true;
    }
    const auto place = value_of(name);
    if (!place) return problem = place.error(), false;
    frames_.reset();
    if (place->gpr && selected_ == 0) {
        registers().gpr[*place->gpr] = *value;
        return true;
    }
    const u64 size = place->type && place->type->size ? place->type->size : 8;
    const bool function = place->type && place->type->kind == TypeInfo::Kind::kOther;
    if (!place->address || size > 8 || function) return problem = name + " cannot be assigned to", false;
    u8 bytes[8];
    std::memcpy(bytes, &*value, sizeof bytes);
    if (!debugger_.write(*place->address, std::span<const u8>(bytes, size)))
        return problem = "cannot write to address " + hex(*place->address), false;
    return true;
}

/// set [var] PLACE = EXPRESSION
Answer DebugSession::set(Arguments arguments) {
    std::string text = arguments;
    for (const char* const word : {"variable ", "var "})
        if (text.starts_with(word)) {
            text.erase(0, std::strlen(word));
            break;
        }
    const usize at = find_assignment(text);
    if (at == std::string::npos)
        return {"set var PLACE = EXPRESSION, where PLACE is $register, a variable or *ADDRESS\n", true};
    std::string problem;
    if (!assign(text.substr(0, at), text.substr(at + 1), problem)) return {problem + "\n", true};
    return {};
}

std::string DebugSession::display_one(const Display& display) {
    const bool examines = display.format.find_first_of("is") != std::string::npos ||
                          display.format.find_first_of("0123456789") != std::string::npos;
    if (examines)
        return "x" + display.format + " " + display.expression + "\n" +
               examine(display.format + " " + display.expression).text;
    const usize values = state_.values.size();
    Answer answer = print(display.format + (display.format.empty() ? "" : " ") + display.expression);
    state_.values.resize(std::min(values, state_.values.size()));
    const auto equals = answer.text.find(" = ");
    return display.expression +
           (answer.failed || equals == std::string::npos ? ": " + answer.text : answer.text.substr(equals));
}

Answer DebugSession::display(Arguments arguments) {
    if (arguments.empty()) return {display_text()};
    const Format format = split_format(arguments);
    if (!format.problem.empty()) return {format.problem, true};
    if (format.rest.empty()) return {"display what?\n", true};
    Display display{state_.next_display++, "", format.rest};
    if (arguments[0] == '/') display.format = arguments.substr(0, arguments.find_first_of(" \t"));
    state_.displays.push_back(display);
    return {ended() ? "" : std::to_string(display.number) + ": " + display_one(display)};
}

Answer DebugSession::remove_display(Arguments arguments) {
    if (arguments.empty()) {
        state_.displays.clear();
        return {};
    }
    const usize before = state_.displays.size();
    std::erase_if(state_.displays,
                  [&](const Display& each) { return std::to_string(each.number) == arguments; });
    if (state_.displays.size() == before) return {"no display of this number\n", true};
    return {};
}

/// list [FILE:LINE | LINE | FUNCTION]
Answer DebugSession::list(Arguments arguments) {
    u64 first = state_.list_line;
    std::string file = state_.list_file;
    if (!arguments.empty() || first == 0) {
        std::optional<SourceLine> line;
        if (!arguments.empty()) {
            const auto address = place(arguments);
            if (!address) return {address.error() + "\n", true};
            line = modules_.line_at(*address);
        } else if (selected_ < frames().size()) {
            line = frames()[selected_].line;
        }
        if (!line) return {"No line information here; `disassemble` shows the code.\n", true};
        file = line->file;
        first = line->line > 5 ? line->line - 5 : 1;
    }
    std::string text;
    for (u64 n = first; n < first + kListLines; ++n) {
        const auto source = source_line(file, static_cast<unsigned>(n));
        if (!source) break;
        text += std::to_string(n) + "\t" + *source + "\n";
    }
    if (text.empty())
        return {source_line(file, 1)
                    ? "Line number " + std::to_string(first) + " out of range; " + file + " ends before.\n"
                    : file + ": cannot be read.\n",
                true};
    state_.list_file = file;
    state_.list_line = first + kListLines;
    return {text};
}

Answer DebugSession::disassemble(Arguments arguments) {
    if (ended()) return {"there is no guest any more\n", true};
    const auto address = arguments.empty()
                             ? mmu::Expected<u64, std::string>(
                                   selected_ < frames().size() ? frames()[selected_].pc : registers().rip)
                             : word_of(arguments);
    if (!address) return {address.error() + "\n", true};
    if (*address >= u64{1} << 63) return {"The kernel's and the MMU's functions have no code here.\n", true};
    const auto symbol = modules_.symbol_at(*address);
    if (!symbol || symbol->size == 0 || symbol->size > 65536) return {disassembly(*address, 16, true)};
    std::string text = "Dump of assembler code for function " + symbol->name + ":\n";
    for (u64 at = symbol->address; at < symbol->address + symbol->size;) {
        u8 bytes[15] = {};
        const usize got = debugger_.read(at, bytes);
        text += disassembly(at, 1, true);
        if (got == 0) break;
        const auto gap = decoder_->describe({bytes, got}, at).find("  ");
        at += gap == std::string::npos ? 1 : (gap + 1) / 3;
    }
    return {text + "End of assembler dump.\n"};
}

Answer DebugSession::backtrace(Arguments arguments) {
    if (ended()) return {"No stack.\n", true};
    u64 most = ~u64{0};
    if (!arguments.empty()) {
        const auto count = word_of(arguments);
        if (!count) return {count.error() + "\n", true};
        most = *count;
    }
    std::string text;
    for (unsigned n = 0; n < frames().size() && n < most; ++n) text += frame_text(n, frames()[n]);
    if (most < frames().size()) text += "(More stack frames follow...)\n";
    return {text};
}

Answer DebugSession::select_frame(Arguments arguments) {
    if (ended()) return {"No stack.\n", true};
    const auto number = arguments.empty() ? mmu::Expected<u64, std::string>(selected_) : word_of(arguments);
    if (!number) return {number.error() + "\n", true};
    if (*number >= frames().size()) return {"No frame at level " + std::to_string(*number) + ".\n", true};
    selected_ = static_cast<unsigned>(*number);
    state_.list_line = 0;
    const Frame& frame = frames()[selected_];
    std::string text = frame_text(selected_, frame);
    if (frame.kernel) return {text + "\t" + frame.does + "\n"};
    if (frame.line)
        text += std::to_string(frame.line->line) + "\t" +
                source_line(frame.line->file, frame.line->line).value_or("in " + frame.line->file) + "\n";
    return {text};
}

Answer DebugSession::up(Arguments) {
    if (selected_ + 1 >= frames().size()) return {"Initial frame selected; you cannot go up.\n", true};
    return select_frame(std::to_string(selected_ + 1));
}

Answer DebugSession::down(Arguments) {
    if (selected_ == 0) return {"Bottom (innermost) frame selected; you cannot go down.\n", true};
    return select_frame(std::to_string(selected_ - 1));
}

}  // namespace emu
