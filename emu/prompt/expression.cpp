#include "emu/prompt/expression.h"

#include <cctype>
#include <cstring>

#include "emu/report/story_words.h"

namespace emu {

using mmu::Expected, mmu::Unexpected, mmu::i64;
using Kind = TypeInfo::Kind;

Type number_type(u64 bytes, bool is_signed) {
    const char* const name = bytes == 1 ? "char" : bytes == 2 ? "short" : bytes == 4 ? "int" : "long";
    TypeInfo type;
    type.kind = bytes == 1 ? Kind::kChar : is_signed ? Kind::kSigned : Kind::kUnsigned;
    type.name = is_signed ? name : std::string("unsigned ") + name;
    type.size = bytes;
    type.negative = is_signed;
    return std::make_shared<TypeInfo>(std::move(type));
}

Type pointer_to(const Type& element) {
    TypeInfo type;
    type.kind = Kind::kPointer;
    type.name = (element ? element->name : "void") + " *";
    type.size = 8;
    type.element = element;
    return std::make_shared<TypeInfo>(std::move(type));
}

namespace {

constexpr unsigned kDeepest = 64;  ///< brackets within brackets

bool aggregate(const Type& type) {
    return type && (type->kind == Kind::kStruct || type->kind == Kind::kArray);
}

u64 extended(u64 bits, const Type& type) {
    if (!type || type->size >= 8 || type->size == 0) return bits;
    const unsigned shift = 64 - 8 * static_cast<unsigned>(type->size);
    const bool is_signed = type->kind == Kind::kSigned || (type->kind == Kind::kChar && type->negative);
    return is_signed ? static_cast<u64>(static_cast<i64>(bits << shift) >> shift) : bits << shift >> shift;
}

class Parser {
  public:
    Parser(const std::string& text, const Names& names) : text_(text), names_(names) {}

    Expected<Value, std::string> whole() {
        Value value = binary(0);
        space();
        if (error_.empty() && at_ != text_.size()) fail("unexpected: " + text_.substr(at_, 40));
        if (!error_.empty()) return Unexpected{error_};
        return value;
    }

  private:
    void fail(const std::string& why) {
        if (error_.empty()) error_ = why;
        at_ = text_.size();
    }
    void space() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    }
    bool take(const char* word) {
        space();
        if (text_.compare(at_, std::strlen(word), word) != 0) return false;
        at_ += std::strlen(word);
        return true;
    }
    std::string word() {
        space();
        const usize start = at_;
        while (at_ < text_.size() &&
               (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
            ++at_;
        return text_.substr(start, at_ - start);
    }

    /// The operator here of a level of C's table; the longer ones first.
    const char* operation(unsigned level) {
        static constexpr const char* kLevels[][5] = {
            {"||"},       {"&&"},     {"|"},          {"^"}, {"&"}, {"==", "!="}, {"<=", ">=", "<", ">"},
            {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}};
        space();
        for (const char* const name : kLevels[level]) {
            if (!name) break;
            const usize size = std::strlen(name);
            if (text_.compare(at_, size, name) != 0) continue;
            // "&" is not half of "&&", "<" not half of "<<".
            const char next = at_ + size < text_.size() ? text_[at_ + size] : '\0';
            if (size == 1 && std::strchr("|&<>", name[0]) && next == name[0]) continue;
            at_ += size;
            return name;
        }
        return nullptr;
    }

    Value binary(unsigned level) {
        if (level == 10) return unary();
        if (++depth_ > kDeepest * 10) fail("too deep");
        Value left = binary(level + 1);
        while (const char* const name = error_.empty() ? operation(level) : nullptr) {
            const Value right = binary(level + 1);
            left = combine(left, name, right);
        }
        --depth_;
        return left;
    }

    /// Of pointers and arrays + and - count elements.
    Value combine(const Value& left, const std::string& name, const Value& right) {
        for (const Value* side : {&left, &right})
            if (side->type && (side->type->kind == Kind::kFloat || side->type->kind == Kind::kStruct))
                fail("arithmetic is on whole numbers alone");
        const u64 a = word_of(left), b = word_of(right);
        Value out;
        const Type element =
            left.type && (left.type->kind == Kind::kPointer || left.type->kind == Kind::kArray)
                ? left.type->element
                : nullptr;
        const u64 scale = element && element->size ? element->size : 1;
        const bool is_pointer = left.type && left.type->kind != Kind::kSigned && element;
        if (is_pointer && (name == "+" || name == "-")) out.type = pointer_to(element);
        const auto sa = static_cast<i64>(a), sb = static_cast<i64>(b);
        if ((name == "/" || name == "%") && (b == 0 || (sa == INT64_MIN && sb == -1))) {
            fail("division by zero");
            return out;
        }
        const bool both_signed = !is_unsigned(left) && !is_unsigned(right);
        if (name == "+") out.bits = a + b * scale;
        if (name == "-") out.bits = a - b * (right.type && right.type->kind == Kind::kPointer ? 1 : scale);
        if (name == "*") out.bits = a * b;
        if (name == "/") out.bits = both_signed ? static_cast<u64>(sa / sb) : a / b;
        if (name == "%") out.bits = both_signed ? static_cast<u64>(sa % sb) : a % b;
        if (name == "<<") out.bits = b < 64 ? a << b : 0;
        if (name == ">>") out.bits = b < 64 ? a >> b : 0;
        if (name == "&") out.bits = a & b;
        if (name == "|") out.bits = a | b;
        if (name == "^") out.bits = a ^ b;
        if (name == "&&") out.bits = a && b;
        if (name == "||") out.bits = a || b;
        if (name == "==") out.bits = a == b;
        if (name == "!=") out.bits = a != b;
        if (name == "<") out.bits = both_signed ? sa < sb : a < b;
        if (name == ">") out.bits = both_signed ? sa > sb : a > b;
        if (name == "<=") out.bits = both_signed ? sa <= sb : a <= b;
        if (name == ">=") out.bits = both_signed ? sa >= sb : a >= b;
        return out;
    }

    static bool is_unsigned(const Value& value) {
        return value.type && (value.type->kind == Kind::kPointer || value.type->kind == Kind::kArray ||
                              (value.type->kind == Kind::kUnsigned && value.type->size == 8));
    }

    /// An array stands for its address, a function as well.
    static u64 word_of(const Value& value) {
        return aggregate(value.type) ? value.address.value_or(0) : value.bits;
    }

    Value unary() {
        if (++depth_ > kDeepest * 10) fail("too deep");
        Value out;
        if (take("-")) {
            out.bits = u64{0} - word_of(unary());
        } else if (take("~")) {
            out.bits = ~word_of(unary());
        } else if (take("!")) {
            out.bits = !word_of(unary());
        } else if (take("+")) {
            out = unary();
        } else if (take("*")) {
            out = dereference(unary());
        } else if (take("&")) {
            const Value of = unary();
            if (!of.address)
                fail("this has no address");
            else
                out = {*of.address, pointer_to(of.type), {}, {}};
        } else if (const auto type = cast()) {
            out = converted(unary(), *type);
        } else {
            out = postfix(primary());
        }
        --depth_;
        return out;
    }

    /// "(unsigned char *)", or nothing and nothing taken.
    std::optional<Type> cast() {
        const usize start = at_;
        if (!take("(")) return std::nullopt;
        u64 size = 0;
        bool is_signed = true, any = false, is_void = false;
        while (true) {
            const usize before = at_;
            const std::string name = word();
            if (name == "unsigned") is_signed = false;
            if (name == "void") is_void = true;
            if (name == "char") size = 1;
            if (name == "short") size = 2;
            if (name == "int" && size == 0) size = 4;
            if (name == "long") size = 8;
            if (name == "unsigned" || name == "signed" || name == "void" || name == "char" ||
                name == "short" || name == "int" || name == "long" || name == "const" || name == "volatile") {
                any = true;
                continue;
            }
            at_ = before;
            break;
        }
        Type type = is_void ? nullptr : number_type(size ? size : 4, is_signed);
        unsigned stars = 0;
        while (any && take("*")) ++stars, type = pointer_to(type);
        if (!any || !take(")") || (is_void && !stars)) {
            at_ = start;
            return std::nullopt;
        }
        return type;
    }

    static Value converted(const Value& from, const Type& type) {
        return {extended(word_of(from), type), type, {}, {}};
    }

    Value dereference(const Value& pointer) {
        if (!error_.empty()) return {};
        Type element = pointer.type ? pointer.type->element : nullptr;
        // Whatever has no type is read as a word.
        return load(word_of(pointer), element ? element : number_type(8, true));
    }

    Value load(u64 address, const Type& type) {
        const auto value = value_at(address, type, names_.read);
        if (value) return *value;
        fail("cannot access memory at address " + hex(address));
        return {};
    }

    Value postfix(Value value) {
        while (error_.empty()) {
            if (take("[")) {
                const Value index = binary(0);
                if (!take("]")) fail("] is missing");
                value = dereference(combine(value, "+", index));
            } else if (take("->")) {
                value = member(dereference(value));
            } else if (take(".")) {
                value = member(value);
            } else {
                break;
            }
        }
        return value;
    }

    Value member(const Value& of) {
        const std::string name = word();
        if (!of.type || of.type->kind != Kind::kStruct || !of.address) {
            fail("this is no structure: ." + name);
            return {};
        }
        for (const TypeInfo::Member& member : of.type->members)
            if (member.name == name) return load(*of.address + member.offset, member.type);
        fail("there is no member named " + name);
        return {};
    }

    Value primary() {
        if (!error_.empty()) return {};
        if (take("(")) {
            const Value inner = binary(0);
            if (!take(")")) fail(") is missing");
            return inner;
        }
        if (take("$")) {
            const std::string name = word();
            if (const auto value = names_.dollar(name)) return *value;
            fail("no register named $" + name);
            return {};
        }
        if (take("'")) {
            const char c = at_ < text_.size() ? text_[at_++] : '\0';
            if (!take("'")) fail("' is missing");
            return {static_cast<u64>(c), number_type(1, true), {}, {}};
        }
        const std::string name = word();
        if (name.empty()) {
            fail(at_ < text_.size() ? "unexpected: " + text_.substr(at_, 40) : "an expression is missing");
            return {};
        }
        if (std::isdigit(static_cast<unsigned char>(name[0]))) return number(name);
        if (const auto value = names_.name(name)) return *value;
        fail("no symbol \"" + name.substr(0, 80) + "\" here");
        return {};
    }

    Value number(const std::string& digits) {
        char* end = nullptr;
        errno = 0;
        const u64 bits = std::strtoull(digits.c_str(), &end, 0);
        while (*end && std::strchr("uUlL", *end)) ++end;
        if (errno || *end) fail("no number: " + digits.substr(0, 80));
        return {bits, {}, {}, {}};
    }

    const std::string& text_;
    const Names& names_;
    usize at_ = 0;
    unsigned depth_ = 0;
    std::string error_;
};

}  // namespace

Expected<Value, std::string> evaluate(const std::string& text, const Names& names) {
    if (text.size() > 4096) return Unexpected{std::string("the expression is too long")};
    return Parser(text, names).whole();
}

std::optional<Value> value_at(u64 address, const Type& type, const Modules::Read& read) {
    Value value{0, type, address, {}};
    if (aggregate(type)) return value;
    const usize size = type && type->size && type->size <= 8 ? type->size : 8;
    u8 bytes[8] = {};
    if (read(address, std::span(bytes, size)) != size) return std::nullopt;
    std::memcpy(&value.bits, bytes, sizeof bytes);
    value.bits = extended(value.bits, type);
    return value;
}

}  // namespace emu
