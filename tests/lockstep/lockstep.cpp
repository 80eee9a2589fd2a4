#include "tests/lockstep/lockstep.h"

#include <sys/signal.h>

#include <cstdio>
#include <cstring>
#include <string_view>

#include "tests/oracle/compare.h"

namespace tests {
namespace {

using emu::Fields, emu::Map, emu::OpcodeRow;
using mmu::Registers, mmu::Rflags;

constexpr u64 kComparedFlags = Rflags::kStatus | Rflags::kDf;
/// All vectors are compared after an instruction that may touch one, and now and then.
constexpr u64 kVectorsEvery = 1024;

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> prefixes) {
    for (const std::string_view prefix : prefixes)
        if (name.starts_with(prefix)) return true;
    return false;
}

/// What two machines do not agree on.
bool is_machines_own(const OpcodeRow& row) {
    return starts_with_any(row.name, {"cpuid", "rdtsc", "rdpid", "rdrand", "rdseed", "xgetbv"});
}

/// The F3 of these BSF and BSR is ignored by a CPU that has no TZCNT or LZCNT, and not by the host.
bool is_older_bit_scan(const Fields& f, const emu::CpuModel& model) {
    if (f.vex || f.map != Map::k0F || f.repeat != 0xf3) return false;
    return (f.opcode == 0xbc && !model.has(emu::Feature::kBmi1)) ||
           (f.opcode == 0xbd && !model.has(emu::Feature::kLzcnt));
}

/// Stores with bits of the machine's own: x87 pointers, XSTATE_BV, the trap flag of the step.
bool stores_machines_own(const OpcodeRow& row) {
    return starts_with_any(row.name, {"xsave", "fxsave", "fnsave", "fnstenv", "pushf"});
}

bool is_string(const Fields& f) {
    return f.map == Map::kOne &&
           ((f.opcode >= 0xa4 && f.opcode <= 0xa7) || (f.opcode >= 0xaa && f.opcode <= 0xaf));
}

/// Integer instructions: no vector or x87 register changes.
bool leaves_vectors(const Fields& f) {
    if (f.vex) return false;
    if (f.map == Map::kOne) return !(f.opcode >= 0xd8 && f.opcode <= 0xdf);
    if (f.map != Map::k0F) return false;
    return (f.opcode >= 0x40 && f.opcode <= 0x4f) || (f.opcode >= 0x80 && f.opcode <= 0xa5) ||
           (f.opcode >= 0xb0 && f.opcode <= 0xc1) || f.opcode == 0xaf || f.opcode == 0x1e || f.opcode == 0x1f;
}

/// The effective address, or 0 where it is not one (gathers) or cannot be told.
u64 operand_address(const Fields& f, const Registers& r) {
    if (!f.memory() || (f.vex && f.map == Map::k0F38 && f.opcode >= 0x90 && f.opcode <= 0x93)) return 0;
    u64 address = static_cast<u64>(f.displacement());
    if (f.rip_relative()) {
        address += r.rip + f.length;
    } else if (f.has_sib) {
        const unsigned base = (f.sib & 7) | (f.rex_b() ? 8 : 0),
                       index = (f.sib >> 3 & 7) | (f.rex_x() ? 8 : 0);
        if (!(f.mod == 0 && (f.sib & 7) == 5)) address += r.gpr[base];
        if (index != mmu::kRsp) address += r.gpr[index] << (f.sib >> 6);
    } else {
        address += r.gpr[f.rm];
    }
    if (f.address32) address = static_cast<mmu::u32>(address);
    return address + (f.segment == 0x64 ? r.fs_base : f.segment == 0x65 ? r.gs_base : 0);
}

class Lines {
  public:
    void word(const char* name, u64 native, u64 emulated, u64 before) {
        if (native == emulated) return;
        char line[160];
        std::snprintf(line, sizeof line, "    %-8s native %016lx  emulated %016lx  (before %016lx)\n", name,
                      native, emulated, before);
        text_ += line;
    }
    void bytes(const char* name, unsigned number, const u8* native, const u8* emulated, usize size) {
        if (std::memcmp(native, emulated, size) == 0) return;
        text_ += "    " + std::string(name) + std::to_string(number) + "  native " + hex(native, size) +
                 "  emulated " + hex(emulated, size) + "\n";
    }
    const std::string& text() const { return text_; }

  private:
    static std::string hex(const u8* bytes, usize size) {
        std::string out;
        char byte[4];
        for (usize n = size; n-- > 0;) {
            std::snprintf(byte, sizeof byte, "%02x", bytes[n]);
            out += byte;
        }
        return out;
    }
    std::string text_;
};

void compare_vectors(Lines& lines, const Registers& native, const Registers& emulated,
                     const Registers& before, mmu::u16 unknown) {
    lines.word("mxcsr", native.mxcsr, emulated.mxcsr, before.mxcsr);
    for (unsigned n = 0; n < 16; ++n)
        lines.bytes("ymm", n, native.vector[n].bytes.data(), emulated.vector[n].bytes.data(), 32);
    lines.word("fcw", native.x87.control, emulated.x87.control, before.x87.control);
    lines.word("fsw", native.x87.status | unknown, emulated.x87.status | unknown, before.x87.status);
    lines.word("top", native.x87.top, emulated.x87.top, before.x87.top);
    lines.word("tags", native.x87.valid, emulated.x87.valid, before.x87.valid);
    for (unsigned n = 0; n < 8; ++n)
        lines.bytes("r", n, reinterpret_cast<const u8*>(&native.x87.physical[n]),
                    reinterpret_cast<const u8*>(&emulated.x87.physical[n]), 10);
}

}  // namespace

LockstepResult Lockstep::run(u64 max) {
    result_ = {};
    result_.difference = start();
    while (result_.difference.empty() && result_.instructions < max && !machine_.ended())
        result_.difference = one();
    result_.ended = machine_.ended();
    return result_;
}

/// Registers and stack as the emulated kernel has made them.
std::string Lockstep::start() {
    Registers native;
    tracee_.read_general(native);
    const Registers& guest = machine_.cpu().regs;
    if (native.rip != guest.rip) {
        char line[96];
        std::snprintf(line, sizeof line, "starts natively at %#lx, emulated at %#lx\n", native.rip,
                      guest.rip);
        return line;
    }
    memory_.copy_stack();
    tracee_.write_general(guest);
    tracee_.write_vectors(guest);
    return {};
}

std::string Lockstep::one() {
    Current current;
    look(current);
    if (current.kind == Kind::kSystemCall) {
        ++result_.system_calls;
        if (const std::string found = memory_.first_difference(); !found.empty())
            return "before the system call at instruction " + std::to_string(result_.instructions) + ": " +
                   found + "\n";
    }
    emulate(current);
    int signal = 0;
    if (current.kind == Kind::kSystemCall || current.kind == Kind::kCopied) {
        if (!trapped_) tracee_.write_general(machine_.cpu().regs);
        ++result_.copied;
    } else if (current.kind == Kind::kRepeated) {
        signal = tracee_.run_to(current.before.rip + current.decoded.fields.length);
    } else {
        signal = tracee_.step();
    }
    if (trapped_) {
        const std::string found = current.kind != Kind::kSystemCall && signal == 0
                                      ? describe(current) + "    a signal for the emulated side alone\n"
                                      : follow_trap(signal);
        if (!found.empty()) return found;
    } else if (signal != 0) {
        return describe(current) + "    native: signal " + std::to_string(signal) + "; emulated: none\n";
    }
    ++result_.instructions;
    return compare(current);
}

void Lockstep::look(Current& current) {
    current.before = machine_.cpu().regs;
    current.bytes.resize(Fields::kMaxLength + 1);
    usize got = memory_.peek(current.before.rip, current.bytes.data(), current.bytes.size());
    if (got < current.bytes.size())  // not faulted in yet
        got = tracee_.read(current.before.rip, current.bytes.data(), current.bytes.size());
    current.bytes.resize(got);
    current.decoded = decoder_.decode(current.bytes);
    const OpcodeRow* const row = current.decoded.row;
    if (!row) return;
    current.bytes.resize(current.decoded.fields.length);
    if (row->name == std::string_view("syscall"))
        current.kind = Kind::kSystemCall;
    else if (is_machines_own(*row) || is_older_bit_scan(current.decoded.fields, machine_.cpu().model))
        current.kind = Kind::kCopied;
    else if (is_string(current.decoded.fields) && current.decoded.fields.repeat)
        current.kind = Kind::kRepeated;
}

/// Until the instruction has retired, or a signal has taken its place.
void Lockstep::emulate(const Current& current) {
    trapped_ = false;
    const u64 retired = machine_.counters().instructions;
    while (!machine_.ended()) {
        const emu::Exit exit = machine_.execute(1);
        const u64 rip = machine_.cpu().regs.rip;
        machine_.serve(exit);
        if (exit == emu::Exit::kSyscall || (exit == emu::Exit::kFault && machine_.cpu().regs.rip != rip) ||
            machine_.ended()) {
            trapped_ = true;
            return;
        }
        if (exit == emu::Exit::kBudget && machine_.counters().instructions > retired &&
            !(current.kind == Kind::kRepeated && machine_.cpu().regs.rip == current.before.rip))
            return;
    }
}

/// The emulated kernel has acted: its memory and registers are the native side's from now on.
std::string Lockstep::follow_trap(int signal) {
    if (machine_.ended()) return {};
    if (signal == Tracee::kEnded) return "the native process has ended\n";
    if (signal == 0) memory_.follow();  // at a SYSCALL, which is what it needs to change areas
    const Registers& guest = machine_.cpu().regs;
    if (signal != 0) memory_.copy(guest.gpr[mmu::kRsp], 2048);  // the signal frame
    tracee_.write_general(guest);
    Registers native;
    tracee_.read_vectors(native);
    Lines lines;
    compare_vectors(lines, native, guest, guest, 0);
    if (!lines.text().empty()) tracee_.write_vectors(guest);
    return {};
}

std::string Lockstep::compare(const Current& current) {
    if (trapped_) return {};
    const Registers& emulated = machine_.cpu().regs;
    const OpcodeRow* const row = current.decoded.row;
    Registers native;
    tracee_.read_general(native);
    const Undefined undefined =
        row ? undefined_after(*row, current.decoded.fields, current.before) : Undefined{};
    Lines lines;
    static constexpr const char* kNames[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                               "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    for (unsigned n = 0; n < 16; ++n)
        if (!undefined.result) lines.word(kNames[n], native.gpr[n], emulated.gpr[n], current.before.gpr[n]);
    lines.word("rip", native.rip, emulated.rip, current.before.rip);
    const u64 flags = kComparedFlags & ~undefined.flags;
    lines.word("rflags", native.rflags & flags, emulated.rflags & flags, current.before.rflags & flags);
    lines.word("fs base", native.fs_base, emulated.fs_base, current.before.fs_base);
    lines.word("gs base", native.gs_base, emulated.gs_base, current.before.gs_base);
    if (!row || !leaves_vectors(current.decoded.fields) || ++since_vectors_ == kVectorsEvery) {
        since_vectors_ = 0;
        tracee_.read_vectors(native);
        compare_vectors(lines, native, emulated, current.before, undefined.conditions);
    }
    if (!lines.text().empty()) return describe(current) + lines.text();
    if (const std::string found = compare_stores(current); !found.empty()) return describe(current) + found;
    // What is undefined must not come to light later.
    if (((native.rflags ^ emulated.rflags) & kComparedFlags) || undefined.result)
        tracee_.write_general(emulated);
    return {};
}

/// The memory operand, and the word that was pushed.
std::string Lockstep::compare_stores(const Current& current) {
    const OpcodeRow* const row = current.decoded.row;
    if (!row) return {};
    const Registers& now = machine_.cpu().regs;
    const u64 stack = now.gpr[mmu::kRsp];
    const u64 operand = operand_address(current.decoded.fields, current.before);
    if (stores_machines_own(*row)) {
        constexpr usize kLargestArea = 832;
        memory_.copy(operand ? operand : stack, operand ? kLargestArea : 8);
        return {};
    }
    for (const u64 address : {operand, stack < current.before.gpr[mmu::kRsp] ? stack : 0}) {
        u8 emulated[32], native[32];
        if (!address) continue;
        const usize size = memory_.peek(address, emulated, sizeof emulated);
        if (size == 0 || tracee_.read(address, native, size) != size) continue;
        Lines lines;
        lines.bytes("memory ", 0, native, emulated, size);
        if (!lines.text().empty()) return lines.text();
    }
    return {};
}

std::string Lockstep::describe(const Current& current) const {
    char line[96];
    std::snprintf(line, sizeof line, "instruction %lu at %#lx differs: ", result_.instructions + 1,
                  current.before.rip);
    return line + decoder_.describe(current.bytes, current.before.rip) + "\n";
}

}  // namespace tests
