#include "tests/oracle/compare.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace tests {
namespace {

using emu::Fields, emu::Map, emu::OpcodeRow;
using mmu::Registers, mmu::Rflags;

constexpr const char* kSystemCall = "the host would enter its kernel";
constexpr const char* kSegments = "it would load the host program's segment registers";
constexpr const char* kModel = "the modelled CPU and its time are not the host's";
constexpr const char* kDescriptors =
    "the host's descriptor tables are its own, or its kernel answers for them";

struct Skip {
    std::string_view name;
    const char* reason;
    int opcode = -1;  ///< -1: all rows of this name
    int extension = -1;
};
constexpr Skip kSkips[] = {
    {"syscall", kSystemCall},
    {"sysenter", kSystemCall},
    {"int", kSystemCall},
    {"int1", "the host's kernel takes it for a debugger's"},
    {"int3", "the code window is filled with it"},
    {"iret", kSegments},
    {"retf", kSegments},
    {"jmp", kSegments, 0xff, 5},
    {"call", kSegments, 0xff, 3},
    {"mov", kSegments, 0x8e},
    {"pop", kSegments, 0xa1},
    {"pop", kSegments, 0xa9},
    {"lss", kSegments},
    {"lfs", kSegments},
    {"lgs", kSegments},
    {"cpuid", kModel},
    {"rdtsc", kModel},
    {"rdtscp", kModel},
    {"rdpid", kModel},
    {"xgetbv", kModel},
    {"rdrand", "no two are alike"},
    {"rdseed", "no two are alike"},
    {"wrpkru", "it would take away the host program's rights to its own memory"},
    {"lar", kDescriptors},
    {"lsl", kDescriptors},
    {"verr", kDescriptors},
    {"verw", kDescriptors},
    {"sldt", kDescriptors},
    {"str", kDescriptors},
    {"sgdt", kDescriptors},
    {"sidt", kDescriptors},
    {"smsw", kDescriptors},
};

/// Privileged, or made to be undefined.
constexpr std::string_view kAlwaysFault[] = {
    "cli",  "clts",    "hlt",    "in",     "ins",    "invd", "invlpg", "invpcid", "lgdt",  "lidt",
    "lldt", "lmsw",    "ltr",    "mov cr", "mov dr", "out",  "outs",   "rdmsr",   "rdpmc", "swapgs",
    "sti",  "sysexit", "sysret", "ud0",    "ud1",    "ud2",  "wbinvd", "wrmsr"};

/// Flags that the manual leaves undefined after an instruction (SDM Vol. 1 appendix A, Vol. 2).
constexpr u64 kAllButZf = Rflags::kStatus & ~Rflags::kZf;
constexpr u64 kAfPf = Rflags::kAf | Rflags::kPf;
struct UndefinedFlags {
    std::string_view name;
    u64 flags;
};
constexpr UndefinedFlags kUndefined[] = {
    {"sequence", Rflags::kAf},
    {"and", Rflags::kAf},
    {"or", Rflags::kAf},
    {"xor", Rflags::kAf},
    {"test", Rflags::kAf},
    {"mul", Rflags::kSf | Rflags::kZf | Rflags::kAf | Rflags::kPf},
    {"imul", Rflags::kSf | Rflags::kZf | Rflags::kAf | Rflags::kPf},
    {"div", Rflags::kStatus},
    {"idiv", Rflags::kStatus},
    {"bsf", kAllButZf},
    {"bsr", kAllButZf},
    {"tzcnt", Rflags::kStatus & ~(Rflags::kZf | Rflags::kCf)},
    {"lzcnt", Rflags::kStatus & ~(Rflags::kZf | Rflags::kCf)},
    {"andn", kAfPf},
    {"bextr", kAfPf | Rflags::kSf},
    {"blsi", kAfPf},
    {"blsmsk", kAfPf},
    {"blsr", kAfPf},
    {"bzhi", kAfPf},
    {"bt", Rflags::kOf | Rflags::kSf | Rflags::kAf | Rflags::kPf},
    {"bts", Rflags::kOf | Rflags::kSf | Rflags::kAf | Rflags::kPf},
    {"btr", Rflags::kOf | Rflags::kSf | Rflags::kAf | Rflags::kPf},
    {"btc", Rflags::kOf | Rflags::kSf | Rflags::kAf | Rflags::kPf},
};

bool is_shift(const Fields& f) {
    return f.map == Map::kOne &&
           (f.opcode == 0xc0 || f.opcode == 0xc1 || (f.opcode >= 0xd0 && f.opcode <= 0xd3));
}
bool is_double_shift(const Fields& f) {
    return f.map == Map::k0F &&
           (f.opcode == 0xa4 || f.opcode == 0xa5 || f.opcode == 0xac || f.opcode == 0xad);
}

unsigned shift_count(const Fields& f, const Registers& before) {
    unsigned count = static_cast<unsigned>(before.gpr[mmu::kRcx]);
    if (f.map == Map::kOne && (f.opcode == 0xd0 || f.opcode == 0xd1)) count = 1;
    if (f.immediate_size == 1) count = static_cast<unsigned>(f.immediate());
    return count & (f.rex_w() ? 63 : 31);
}

u64 undefined_after_shift(const Fields& f, const Registers& before) {
    const unsigned count = shift_count(f, before);
    const unsigned bits = 8 * (f.opcode & 1 || f.map == Map::k0F ? f.width() : 1);
    if (count == 0) return 0;
    u64 flags = count == 1 ? 0 : Rflags::kOf;
    if (is_double_shift(f)) return count > bits ? Rflags::kStatus : flags | Rflags::kAf;
    if (f.modrm_reg() >= 4) flags |= Rflags::kAf;
    if (f.modrm_reg() >= 4 && f.modrm_reg() != 7 && count >= bits) flags |= Rflags::kCf;
    return flags;
}

u64 undefined_flags(const OpcodeRow& row, const Fields& f, const Registers& before) {
    if (is_shift(f) || is_double_shift(f)) return undefined_after_shift(f, before);
    for (const UndefinedFlags& entry : kUndefined)
        if (row.name == entry.name) return entry.flags;
    return 0;
}

/// A repeated comparison that faults on its way: the manual has the flags from before it, AMD's CPUs those of
/// the last iteration.
u64 undefined_after_fault(const OpcodeRow& row) {
    return row.name == std::string_view("cmps") || row.name == std::string_view("scas") ? Rflags::kStatus : 0;
}

/// A double shift of 16 bits by more than 16, and BSWAP of 16 bits: any result will do.
bool undefined_result(const Fields& f, const Registers& before) {
    if (is_double_shift(f)) return shift_count(f, before) > 8 * f.width();
    return f.map == Map::k0F && f.opcode >= 0xc8 && f.opcode <= 0xcf && f.width() == 2;
}

/// A large operand's pages are looked at in an order of the CPU's own, and its alignment before or after.
bool is_large_operand(const OpcodeRow& row) {
    for (const std::string_view name :
         {"fldenv", "fnstenv", "frstor", "fnsave", "fxsave", "fxrstor", "xsave", "xrstor"})
        if (row.name == name) return true;
    return false;
}

/// Whether bytes that are masked off may fault is left to the CPU.
bool is_masked_store(const OpcodeRow& row) {
    return row.name == std::string_view("maskmovdqu") || row.name == std::string_view("vmaskmovdqu") ||
           row.name == std::string_view("maskmovq");
}

/// They trap after a step of their own, which the CPU chooses.
bool is_dot_product(const OpcodeRow& row) {
    for (const std::string_view name : {"dpps", "dppd", "vdpps", "vdppd"})
        if (row.name == name) return true;
    return false;
}

class Report {
  public:
    [[gnu::format(printf, 2, 3)]] void line(const char* format, ...) {
        char text[320];
        va_list arguments;
        va_start(arguments, format);
        std::vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        text_ += "    ";
        text_ += text;
        text_ += '\n';
    }
    void word(const char* name, u64 host, u64 emulated, u64 before) {
        if (host != emulated)
            line("%-8s host %016lx  emulated %016lx  (before %016lx)", name, host, emulated, before);
    }
    std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

std::string hex(const u8* bytes, unsigned size) {
    std::string text;
    char byte[4];
    for (unsigned n = size; n-- > 0;) {
        std::snprintf(byte, sizeof byte, "%02x", bytes[n]);
        text += byte;
    }
    return text;
}

/// Intel's FCOMI and its like clear C1, AMD's leave it.
u16 undefined_conditions(const OpcodeRow& row) {
    constexpr u16 kC1 = 1u << 9;
    for (const std::string_view name : {"fcomi", "fcomip", "fucomi", "fucomip"})
        if (row.name == name) return kC1;
    return 0;
}

/// Bits that are not compared.
struct Unknown {
    u64 rflags = 0;
    u32 mxcsr = 0;
    u16 fsw = 0;
};

void compare_x87(Report& report, const mmu::X87State& before, const mmu::X87State& host,
                 const mmu::X87State& emulated, u16 unknown) {
    report.word("fcw", host.control, emulated.control, before.control);
    report.word("fsw", host.status | unknown, emulated.status | unknown, before.status);
    report.word("top", host.top, emulated.top, before.top);
    report.word("tags", host.valid, emulated.valid, before.valid);
    for (unsigned n = 0; n < 8; ++n) {
        const mmu::Float80 &h = host.physical[n], &e = emulated.physical[n];
        if (!(h == e))
            report.line("r%u       host %04x:%016lx  emulated %04x:%016lx  (before %04x:%016lx)", n,
                        h.sign_exponent, h.significand, e.sign_exponent, e.significand,
                        before.physical[n].sign_exponent, before.physical[n].significand);
    }
}

void compare_registers(Report& report, const RandomCase& test, const Registers& host,
                       const Registers& emulated, bool executed, const Unknown& unknown) {
    static constexpr const char* kNames[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                               "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    const Registers& before = test.before;
    const bool any_result = executed && undefined_result(test.fields, before);
    for (unsigned n = 0; n < 16; ++n)
        if (!any_result) report.word(kNames[n], host.gpr[n], emulated.gpr[n], before.gpr[n]);
    report.word("rip", host.rip, emulated.rip, before.rip);
    report.word("fs base", host.fs_base, emulated.fs_base, before.fs_base);
    report.word("gs base", host.gs_base, emulated.gs_base, before.gs_base);
    const u64 compared =
        (Rflags::kStatus | Rflags::kDf | Rflags::kNt | Rflags::kAc | Rflags::kId | 2) & ~unknown.rflags;
    report.word("rflags", host.rflags & compared, emulated.rflags & compared, before.rflags & compared);
    report.word("mxcsr", host.mxcsr | unknown.mxcsr, emulated.mxcsr | unknown.mxcsr, before.mxcsr);
    for (unsigned n = 0; n < 16; ++n)
        if (!(host.vector[n] == emulated.vector[n]))
            report.line("ymm%-2u    host %s  emulated %s  (before %s)", n,
                        hex(host.vector[n].bytes.data(), 32).c_str(),
                        hex(emulated.vector[n].bytes.data(), 32).c_str(),
                        hex(before.vector[n].bytes.data(), 32).c_str());
    compare_x87(report, before.x87, host.x87, emulated.x87, unknown.fsw);
}

void compare_memory(Report& report, const u8* host, const u8* emulated) {
    if (std::memcmp(host, emulated, HostCpu::kDataSize) == 0) return;
    for (u64 at = 0; at < HostCpu::kDataSize; ++at) {
        if (host[at] == emulated[at]) continue;
        report.line("memory at %lx: host %02x, emulated %02x", HostCpu::kData + at, host[at], emulated[at]);
        return;
    }
}

void compare_faults(Report& report, const OpcodeRow& row, const HostCpu::Outcome& host,
                    const EmulatedCpu::Outcome& emulated) {
    const auto vector = static_cast<u64>(emulated.fault.vector);
    constexpr auto kPageFault = static_cast<u64>(mmu::Vector::kPageFault);
    if (is_large_operand(row)) {
        if (host.trapno == kPageFault && vector == kPageFault)
            report.word("page", host.address >> 12, emulated.fault.address.value >> 12, 0);
        return;
    }
    report.word("vector", host.trapno, vector, 0);
    if (host.trapno != kPageFault) return;
    // Elsewhere than about the windows the host may have mapped something.
    const bool ours = host.address >= HostCpu::kCode && host.address < HostCpu::kGuard + HostCpu::kGuardSize;
    const u64 compared = ours ? ~u64{0} : ~u64{mmu::PageFaultCode::kPresent};
    report.word("code", host.error & compared, emulated.fault.error_code & compared, 0);
    report.word("cr2", host.address, emulated.fault.address.value, 0);
}

/// FOP, FIP and FDP are stored by some CPUs only with an exception pending, and MXCSR_MASK is the CPU's own.
std::string compare_fxsave(Report& report, const RandomCase& test, const u8* host, const u8* emulated) {
    std::vector<u8> h(host, host + HostCpu::kDataSize), e(emulated, emulated + HostCpu::kDataSize);
    const u64 at = test.operand - HostCpu::kData;
    for (std::vector<u8>* window : {&h, &e}) {
        std::memset(window->data() + at + 6, 0, 18);
        std::memset(window->data() + at + 28, 0, 4);
    }
    compare_memory(report, h.data(), e.data());
    return report.take();
}

}  // namespace

const char* reason_to_skip(const OpcodeRow& row) {
    for (const Skip& skip : kSkips)
        if (row.name == skip.name && (skip.opcode < 0 || skip.opcode == row.opcode) &&
            (skip.extension < 0 || skip.extension == row.extension))
            return skip.reason;
    return nullptr;
}

Undefined undefined_after(const OpcodeRow& row, const Fields& fields, const Registers& before) {
    return {undefined_flags(row, fields, before), undefined_conditions(row),
            undefined_result(fields, before)};
}

bool always_faults(const OpcodeRow& row) {
    for (const std::string_view name : kAlwaysFault)
        if (row.name == name) return true;
    return false;
}

bool is_predictable(const OpcodeRow& row, const Fields& fields, const Registers& before) {
    if (row.feature == emu::Feature::kSha && fields.memory()) return false;  // alignment is the CPU's
    if (reason_to_skip(row) || is_large_operand(row) || undefined_conditions(row)) return false;
    for (const std::string_view name :
         {"push", "pop",  "pushf", "popf",     "enter",      "leave",       "xlat",   "movs", "cmps",
          "stos", "lods", "scas",  "maskmovq", "maskmovdqu", "vmaskmovdqu", "jmp",    "jcc",  "call",
          "ret",  "loop", "loope", "loopne",   "jrcxz",      "lahf",        "ldmxcsr"})
        if (row.name == name) return false;
    return (undefined_flags(row, fields, before) & ~Rflags::kAf) == 0 && !undefined_result(fields, before);
}

/// An unaligned operand of a SHA instruction is #GP (SDM Vol. 2A 2.4.4, type 4), but not on AMD's CPUs.
static bool alignment_is_the_makers(const OpcodeRow& row, const RandomCase& test) {
    return row.feature == emu::Feature::kSha && test.fields.memory() && test.operand % 16 != 0;
}

std::string differences(const RandomCase& test, const OpcodeRow& row, const HostCpu::Outcome& host,
                        const EmulatedCpu::Outcome& emulated, const u8* host_data, const u8* emulated_data) {
    Report report;
    // A fault elsewhere is that of the next instruction: a branch that led out of the window.
    const bool executed = host.signal == 0 || host.registers.rip != test.before.rip;
    if (alignment_is_the_makers(row, test)) return {};
    if (is_masked_store(row) && !(executed && emulated.executed)) return {};
    if (executed != emulated.executed) {
        report.line("host %s (signal %d, vector %lu), emulated %s (vector %u, code %x)",
                    executed ? "executes" : "faults", host.signal, host.trapno,
                    emulated.executed ? "executes" : "faults", static_cast<unsigned>(emulated.fault.vector),
                    emulated.fault.error_code);
        return report.take();
    }
    if (!executed) compare_faults(report, row, host, emulated);
    Unknown unknown;
    unknown.rflags = executed ? undefined_flags(row, test.fields, test.before) : undefined_after_fault(row);
    unknown.fsw = undefined_conditions(row);
    // Whether what trapped as an overflow or underflow was inexact too is known only with an unbounded
    // exponent.
    constexpr u32 kPrecisionFlag = 1u << 5, kAllFlags = 0x3f;
    if (!executed && emulated.fault.vector == mmu::Vector::kSimdFloatingPoint)
        unknown.mxcsr = is_dot_product(row) ? kAllFlags : kPrecisionFlag;
    compare_registers(report, test, host.registers, emulated.registers, executed, unknown);
    if (executed && undefined_result(test.fields, test.before)) return report.take();
    if (executed && (row.name == std::string_view("fxsave") || row.name == std::string_view("xsave")))
        return compare_fxsave(report, test, host_data, emulated_data);
    compare_memory(report, host_data, emulated_data);
    return report.take();
}

}  // namespace tests
