#include "emu/prompt/registers.h"

namespace emu {
namespace {

constexpr std::string_view kNames[] = {"rax", "rbx", "rcx", "rdx",    "rsi",     "rdi",    "rbp",
                                       "rsp", "r8",  "r9",  "r10",    "r11",     "r12",    "r13",
                                       "r14", "r15", "rip", "eflags", "fs_base", "gs_base"};
constexpr std::string_view kGprs[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

/// "eax" and "r8d" are halves of these.
std::optional<unsigned> half_number(std::string_view name) {
    for (unsigned n = 0; n < 16; ++n) {
        const std::string half = n < 8 ? "e" + std::string(kGprs[n].substr(1)) : std::string(kGprs[n]) + "d";
        if (name == half) return n;
    }
    return std::nullopt;
}

template <class Regs>
auto* place_of(Regs& registers, std::string_view name) {
    decltype(&registers.rip) none = nullptr;
    if (const auto number = general_number(name)) return &registers.gpr[*number];
    if (name == "rip" || name == "pc") return &registers.rip;
    if (name == "eflags" || name == "rflags") return &registers.rflags;
    if (name == "fs_base") return &registers.fs_base;
    if (name == "gs_base") return &registers.gs_base;
    return none;
}

}  // namespace

std::span<const std::string_view> register_names() {
    return kNames;
}

std::optional<unsigned> general_number(std::string_view name) {
    if (name == "sp") return mmu::kRsp;
    if (name == "fp") return mmu::kRbp;
    for (unsigned n = 0; n < 16; ++n)
        if (kGprs[n] == name) return n;
    return std::nullopt;
}

std::optional<u64> read_general(const mmu::Registers& registers, std::string_view name) {
    if (const auto half = half_number(name)) return registers.gpr[*half] & 0xffffffff;
    const u64* const place = place_of(registers, name);
    return place ? std::optional(*place) : std::nullopt;
}

bool write_general(mmu::Registers& registers, std::string_view name, u64 value) {
    u64* const place = place_of(registers, name);
    if (!place) return false;
    using mmu::Rflags;
    // As ptrace(2): a program cannot give itself rights.
    constexpr u64 kUsers = Rflags::kStatus | Rflags::kDf | Rflags::kAc | Rflags::kId;
    if (place == &registers.rflags) value = (*place & ~kUsers) | (value & kUsers);
    const bool base = place == &registers.fs_base || place == &registers.gs_base;
    if (base && static_cast<mmu::i64>(value << 16) >> 16 != static_cast<mmu::i64>(value)) return false;
    *place = value;
    return true;
}

std::string flags_text(u64 rflags) {
    using mmu::Rflags;
    constexpr std::pair<u64, const char*> kFlags[] = {
        {Rflags::kCf, "CF"}, {Rflags::kPf, "PF"}, {Rflags::kAf, "AF"}, {Rflags::kZf, "ZF"},
        {Rflags::kSf, "SF"}, {Rflags::kIf, "IF"}, {Rflags::kDf, "DF"}, {Rflags::kOf, "OF"}};
    std::string text = "[ ";
    for (const auto& [bit, name] : kFlags)
        if (rflags & bit) text += std::string(name) + " ";
    return text + "]";
}

}  // namespace emu
