#include "tests/fuzz/mnemonics.h"

#include <algorithm>
#include <initializer_list>

namespace tests {
namespace {

struct Alias {
    std::string_view row, mnemonic;
};
/// Where one row has several names, by width or by history.
constexpr Alias kAliases[] = {
    {"pinsrd", "pinsrq"},
    {"pextrd", "pextrq"},
    {"vpinsrd", "vpinsrq"},
    {"vpextrd", "vpextrq"},
    {"rdpid", "rdseed"},   // Capstone 4.0.2 takes it for that
    {"clwb", "xsaveopt"},  // the same
    {"clwb", "xsaveopt64"},
    {"bsf", "tzcnt"},
    {"bsr", "lzcnt"},  // F3 means nothing to a CPU without them
    {"call", "lcall"},
    {"jmp", "ljmp"},
    {"cbw", "cwde"},
    {"cbw", "cdqe"},
    {"cwd", "cdq"},
    {"cwd", "cqo"},
    {"mov", "movabs"},
    {"mov cr", "mov"},
    {"mov dr", "mov"},
    {"movd", "movq"},
    {"movq", "movd"},
    {"vmovd", "vmovq"},
    {"vmovq", "vmovd"},
    {"shl", "sal"},
    {"xlat", "xlatb"},
    {"fwait", "wait"},
    {"iret", "iretd"},
    {"iret", "iretq"},
    {"jrcxz", "jecxz"},
    {"popf", "popfq"},
    {"pushf", "pushfq"},
    {"ud1", "ud2b"},
    {"xchg", "nop"},
    {"xchg", "pause"},
    {"retf", "retfq"},
    {"fstp1", "fstpnce"},
    {"fxsave", "fxsave64"},
    {"fxrstor", "fxrstor64"},
    {"xsave", "xsave64"},
    {"xrstor", "xrstor64"},
    {"nop", "endbr64"},
    {"nop", "pause"},
    {"fnclex fninit", "fdisi8087_nop"},
    {"fnclex fninit", "feni8087_nop"},
    {"fnclex fninit", "fsetpm"},
};

std::string_view without_prefixes(std::string_view mnemonic) {
    for (const std::string_view prefix : {"lock ", "rep ", "repe ", "repne ", "repz ", "repnz ", "bnd ",
                                          "xacquire ", "xrelease ", "notrack "})
        if (mnemonic.starts_with(prefix)) return without_prefixes(mnemonic.substr(prefix.size()));
    return mnemonic;
}

/// "fchs fabs": a row of several.
bool is_listed(std::string_view row, std::string_view mnemonic) {
    for (std::size_t from = 0; from <= row.size();) {
        const std::size_t space = std::min(row.find(' ', from), row.size());
        if (row.substr(from, space - from) == mnemonic) return true;
        from = space + 1;
    }
    return false;
}

/// "movs" is movsb, movsw, movsd and movsq.
bool is_string(std::string_view row, std::string_view mnemonic) {
    for (const std::string_view name : {"movs", "cmps", "stos", "lods", "scas", "ins", "outs"})
        if (row == name)
            return mnemonic.size() == row.size() + 1 && mnemonic.starts_with(row) &&
                   std::string_view("bwdq").find(mnemonic.back()) != std::string_view::npos;
    return false;
}

/// "cmpps" with an immediate of its own name: cmpltps; pclmulqdq: pclmullqlqdq.
bool is_pseudo(std::string_view row, std::string_view mnemonic) {
    for (const std::string_view name :
         {"cmpps", "cmppd", "cmpss", "cmpsd", "vcmpps", "vcmppd", "vcmpss", "vcmpsd"})
        if (row == name)
            return mnemonic.starts_with(row.substr(0, row.size() - 2)) &&
                   mnemonic.ends_with(row.substr(row.size() - 2));
    if (row == "pclmulqdq" || row == "vpclmulqdq")
        return mnemonic.starts_with(row.substr(0, row.size() - 3)) && mnemonic.ends_with("dq");
    return false;
}

bool is_condition(std::string_view row, std::string_view mnemonic) {
    return (row == "jcc" && mnemonic.starts_with("j") && mnemonic != "jmp") ||
           (row == "setcc" && mnemonic.starts_with("set")) ||
           (row == "cmovcc" && mnemonic.starts_with("cmov"));
}

}  // namespace

bool is_name_of(std::string_view row, std::string_view mnemonic) {
    mnemonic = without_prefixes(mnemonic);
    if (row == mnemonic || is_listed(row, mnemonic) || is_string(row, mnemonic) || is_pseudo(row, mnemonic) ||
        is_condition(row, mnemonic))
        return true;
    for (const Alias& alias : kAliases)
        if (alias.row == row && alias.mnemonic == mnemonic) return true;
    if (row == "nop" && mnemonic.starts_with("prefetch")) return true;
    // "fcom2": an encoding of its own of fcom.
    const std::size_t digits = row.find_last_not_of("0123456789");
    return row.starts_with("f") && digits + 1 < row.size() && row.substr(0, digits + 1) == mnemonic;
}

}  // namespace tests
