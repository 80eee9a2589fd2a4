// Expressions as people type them: numbers, $registers, names of variables and functions, C's operators,
// casts to C's own types, *, &, ->, . and []. Values are words; memory is read through a function. It knows
// no guest and no commands.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "emu/prompt/modules.h"
#include "mmu/base/expected.h"

namespace emu {

struct Value {
    u64 bits =
        0;      ///< extended to 64 bits by its type; of a struct or an array nothing: they are at `address`
    Type type;  ///< null: a plain number
    std::optional<u64> address;   ///< where it is in memory
    std::optional<unsigned> gpr;  ///< or in which register
};

struct Names {
    /// A variable, a function or anything else with a name; nothing: there is none.
    std::function<std::optional<Value>(const std::string&)> name;
    /// A register or a number of the history, without the $.
    std::function<std::optional<Value>(const std::string&)> dollar;
    Modules::Read read;
};

/// What is wrong, in words, when it is no expression or memory is not there.
mmu::Expected<Value, std::string> evaluate(const std::string& text, const Names& names);

/// The value that `type` has at `address`; nothing: memory that is not there. Structs and arrays are not
/// read.
std::optional<Value> value_at(u64 address, const Type& type, const Modules::Read& read);

/// As gdb's print shows it: {left = 7, right = 2.5}, 0x4012f0 "text", 97 'a'.
std::string value_text(const Value& value, const Modules::Read& read);

/// C's own types.
Type number_type(u64 bytes, bool is_signed);
Type pointer_to(const Type& element);

}  // namespace emu
