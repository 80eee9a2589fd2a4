// The guest's program and libraries: symbols, source lines, variables, callers. The door to elfutils' libdwfl
// (modules*.cpp alone). It reads the files that the guest has mapped, and the guest's memory through a
// function; it knows no commands and no terminal. Debug information in files of its own is not looked for.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mmu/arch/registers.h"
#include "mmu/base/ints.h"

namespace emu {

using mmu::u64, mmu::u8, mmu::usize;

struct Symbol {
    std::string name;
    u64 address = 0, size = 0;
    bool function = false;
};

/// A row of the line table: the instructions [start, end).
struct SourceLine {
    std::string file;  ///< as the compiler saw it
    unsigned line = 0;
    u64 start = 0, end = 0;
};

struct GuestFrame {
    mmu::Registers registers;  ///< those that could be recovered
    u64 cfa = 0;               ///< the stack pointer before the call; 0: unknown
    bool signal = false;       ///< interrupted by one
};

/// What is known of a variable's type: enough to print it.
struct TypeInfo {
    enum class Kind : u8 { kSigned, kUnsigned, kFloat, kBool, kChar, kPointer, kStruct, kArray, kOther };
    Kind kind = Kind::kOther;
    std::string name;
    u64 size = 0;
    bool negative = true;                     ///< a char may be below 0
    u64 count = 0;                            ///< of an array's elements
    std::shared_ptr<const TypeInfo> element;  ///< of arrays and pointers; null: void
    struct Member;
    std::vector<Member> members;
};
struct TypeInfo::Member {
    std::string name;
    u64 offset = 0;
    std::shared_ptr<const TypeInfo> type;
};
using Type = std::shared_ptr<const TypeInfo>;

struct Variable {
    std::string name;
    Type type;
    std::optional<u64> address;   ///< in memory; otherwise:
    std::optional<unsigned> gpr;  ///< in this register (mmu::Gpr)
    bool argument = false;
};

class Modules {
  public:
    using Read = std::function<usize(u64 address, std::span<u8> bytes)>;
    /// `open`: a descriptor of the guest's file of this name, or -1.
    explicit Modules(std::function<int(const std::string&)> open);
    ~Modules();
    Modules(const Modules&) = delete;
    Modules& operator=(const Modules&) = delete;

    /// What is mapped now, as /proc/PID/maps tells it. Cheap when no file has come or gone.
    void update(const std::string& maps);

    /// The symbol that holds `address`, or the last one before it in the same file.
    std::optional<Symbol> symbol_at(u64 address) const;
    std::optional<Symbol> find(const std::string& name) const;
    std::vector<std::string> names_with(const std::string& prefix, usize most) const;

    /// The files that are known, with the address of the first byte of each.
    std::string files_text() const;

    std::optional<SourceLine> line_at(u64 address) const;
    /// The first instruction of the line, or of the next one that has code; `file` may be the end of its
    /// path.
    std::optional<u64> address_of(const std::string& file, unsigned line) const;
    /// Behind a function's prologue: where its second line begins.
    u64 behind_prologue(const Symbol& function) const;

    /// The callers of the code at `registers`, itself first.
    std::vector<GuestFrame> unwind(const mmu::Registers& registers, const Read& read, usize most) const;
    /// Those visible at a frame, inner scopes first; at a call site the address lies before the return's.
    std::vector<Variable> locals(const GuestFrame& frame, bool innermost) const;
    std::optional<Variable> global(const std::string& name) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace emu
