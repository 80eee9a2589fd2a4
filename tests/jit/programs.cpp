#include "tests/jit/programs.h"

#include <cstring>

#include "tests/support/host_cpu.h"

namespace tests {
namespace {

constexpr u8 kRsp = 4, kBase = 3;  // RBX leads to the data window
constexpr u64 kStackTop = HostCpu::kData + HostCpu::kDataSize - 0x100;

class Writer {
  public:
    Writer(mmu::Rng& rng, bool rough) : rng_(rng), rough_(rough) {}
    std::vector<u8> bytes;

    void put(std::initializer_list<unsigned> more) {
        for (const unsigned value : more) bytes.push_back(static_cast<u8>(value));
    }
    void put32(u32 value) {
        for (unsigned n = 0; n < 4; ++n) bytes.push_back(static_cast<u8>(value >> 8 * n));
    }
    unsigned below(unsigned limit) { return static_cast<unsigned>(rng_.below(limit)); }

    /// A register that may be written: not the stack's, the data's, the loop counters R14 and R15.
    u8 any() {
        for (;;) {
            const u8 reg = static_cast<u8>(below(14));
            if (reg != kRsp && reg != kBase) return reg;
        }
    }
    u8 rex(bool wide, u8 reg, u8 rm, u8 index = 0) {
        return static_cast<u8>(0x40 | wide << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | rm >> 3);
    }
    /// reg, r/m of one of three kinds: a register, [RBX + disp], [RBX + RSI + disp] with a small RSI.
    void modrm(unsigned before, bool wide, u8 reg, unsigned opcode, bool two_byte = false) {
        const unsigned kind = below(3);
        if (kind == 2) put({0x81, 0xe6, 0xf8, 0x07, 0, 0});  // and esi, 7f8h
        if (before) put({before});
        const u8 rm = any();
        put({rex(wide, reg, kind == 0 ? rm : kBase, kind == 2 ? 6 : 0)});
        if (two_byte) put({0x0f});
        put({opcode});
        if (kind == 0) {
            put({0xc0u | (reg & 7) << 3 | (rm & 7)});
            return;
        }
        put({0x80u | (reg & 7) << 3 | (kind == 1 ? unsigned{kBase} : 4u)});
        if (kind == 2) put({0x33});  // RBX + RSI
        put32(below(rough_ && below(60) == 0 ? 0x2100 : 0x1700));
    }

    void instruction() {
        const u8 reg = any(), other = any();
        const bool wide = below(2);
        switch (below(20)) {
            case 0 ... 4:  // ADD .. CMP, both directions, bytes too
                return modrm(0, wide, reg, below(8) << 3 | below(4));
            case 5:
                return modrm(0, wide, reg, 0x88 + below(4));
            case 6:
                return modrm(below(4) == 0 ? 0x66 : 0, wide, reg, 0x89 + 2 * below(2));
            case 7:
                return modrm(0, wide, reg, below(2) ? 0xb6 + below(2) : 0xbe + below(2), true);
            case 8:
                return modrm(0, wide, reg, 0x40 + below(16), true);  // CMOVcc
            case 9:
                return modrm(0, false, 0, 0x90 + below(16), true);  // SETcc
            case 10:
                return modrm(0, wide, below(2), 0xff);  // INC, DEC
            case 11:
                return modrm(0, wide, 2 + below(2), 0xf7);  // NOT, NEG
            case 12:
                modrm(0, wide, static_cast<u8>(below(2) * 4 + below(2)), 0xc1);  // ROL ROR SHL SHR
                return put({below(64)});
            case 13:
                return modrm(0, wide, static_cast<u8>(below(2) ? 7 : below(6)), 0xd3);  // by CL
            case 14:
                return modrm(0, wide, reg, 0xaf, true);  // IMUL
            case 15:
                return put({rex(true, reg, kBase), 0x8d, 0x43u | (reg & 7) << 3, below(128)});  // LEA
            case 16:
                put({rex(false, 0, reg), 0x50u | (reg & 7)});
                if (below(2)) instruction();
                return put({rex(false, 0, other), 0x58u | (other & 7)});
            case 17:
                put({rex(wide, 0, reg), 0x81, 0xc0u | below(8) << 3 | (reg & 7)});
                return put32(static_cast<u32>(rng_.next()));
            case 18:
                return put({rex(wide, reg, other), 0x87, 0xc0u | (reg & 7) << 3 | (other & 7)});
            default:
                return put({rex(wide, 0, reg), 0xf7, 0xe0u | below(2) << 3 | (reg & 7)});  // MUL, IMUL
        }
    }
    void run(unsigned longest) {
        for (unsigned n = 1 + below(longest); n > 0; --n) instruction();
    }

    /// A counted loop with a conditional hop inside.
    void loop(u8 counter) {
        put({0x41, 0xb8u | (counter & 7)});
        put32(1 + below(9));
        const std::size_t begin = bytes.size();
        run(4);
        put({0x70 + below(16), 0});
        const std::size_t hop = bytes.size();
        run(2);
        bytes[hop - 1] = static_cast<u8>(bytes.size() - hop);
        put({0x41, 0xff, 0xc8u | (counter & 7)});  // dec
        put({0x0f, 0x85});
        put32(static_cast<u32>(begin - bytes.size() - 4));
    }

    void call(std::size_t target) {
        if (below(2)) {
            put({0xe8});
            put32(static_cast<u32>(target - bytes.size() - 4));
            return;
        }
        put({0x48, 0x8d, 0x05});  // lea rax, [target]
        put32(static_cast<u32>(target - bytes.size() - 4));
        put({0xff, 0xd0});
    }

  private:
    mmu::Rng& rng_;
    bool rough_;
};

}  // namespace

Program random_program(mmu::Rng& rng, bool rough) {
    Writer w(rng, rough);
    std::vector<std::size_t> functions;
    for (unsigned n = 0; n < 3; ++n) {
        functions.push_back(w.bytes.size());
        w.run(6);
        if (n > 0 && w.below(2)) w.call(functions[w.below(n)]);
        w.loop(14);
        w.run(3);
        w.put({0xc3});
        // Far apart, so that some are in another page.
        if (w.below(2)) w.bytes.resize(w.bytes.size() + 0x700, 0xcc);
    }
    const std::size_t main = w.bytes.size();
    w.loop(15);
    for (unsigned n = 0; n < 4; ++n) {
        w.call(functions[w.below(3)]);
        w.run(5);
    }
    w.put({0xe9});
    w.put32(static_cast<u32>(main - w.bytes.size() - 4));

    Program program;
    program.bytes = w.bytes;
    for (u64& value : program.start.gpr) value = rng.next();
    program.start.gpr[kBase] = HostCpu::kData;
    program.start.gpr[kRsp] = kStackTop;
    program.start.rip = HostCpu::kCode + 0x400 + main;
    return program;
}

}  // namespace tests
