// What Capstone 4.0.2 refuses or misreads (emu/decode/capstone_quirks.h): our own fields and
// rows decide, and the host CPU judges that they decide rightly.
#include "emu/decode/capstone_quirks.h"
#include "emu/decode/capstone_x86.h"

#include "emu/cpu/cpu.h"
#include "emu/decode/decoder.h"
#include "tests/support/guest_cpu.h"

#include <catch2/catch.hpp>
#include <cstdio>

using namespace emu;
using tests::GuestCpu;
using tests::HostCpu;

namespace {

using Bytes = std::vector<u8>;

std::string hex(const Bytes& bytes) {
    std::string text;
    char byte[4];
    for (const u8 b : bytes) {
        std::snprintf(byte, sizeof byte, "%02x ", b);
        text += byte;
    }
    return text;
}

struct Case {
    Bytes bytes;
    const char* row;                   ///< its row's name; "" where there is no such instruction
    Feature feature = Feature::kBase;  ///< the host is asked only if it has this
};

const Case kCases[] = {
    // Refused by Capstone.
    {{0xf3, 0x48, 0x0f, 0x1e, 0xc8}, "nop"},  // rdsspq rax: every C++ throw executes it
    {{0xf3, 0x0f, 0x1e, 0xc9}, "nop"},        // rdsspd ecx
    {{0x0f, 0x18, 0xc1}, "nop"},
    {{0x0f, 0x1a, 0xc1}, "nop"},
    {{0x0f, 0x1b, 0xd1}, "nop"},
    {{0x0f, 0x0d, 0x06}, "prefetchw"},  // /0 is prefetch
    {{0x0f, 0x0d, 0x16}, "prefetchw"},  // /2 is prefetchwt1
    {{0x0f, 0x0d, 0x3e}, "prefetchw"},
    {{0x0f, 0xae, 0xe9}, "lfence"},
    {{0x0f, 0xae, 0xf7}, "mfence"},
    {{0x0f, 0xae, 0xfc}, "sfence"},
    {{0x0f, 0xff, 0xc1}, "ud0"},
    // Misread by Capstone: another instruction, another width, another length.
    {{0xf3, 0x0f, 0xc7, 0xf8}, "rdpid", Feature::kRdpid},  // not rdseed
    {{0xf3, 0x48, 0x90}, "xchg"},                          // pause
    {{0x63, 0xc1}, "movsxd"},                              // 32 bits
    {{0x66, 0xf3, 0xa5}, "movs"},                          // words
    {{0xf3, 0x66, 0xa5}, "movs"},
    {{0x66, 0xf3, 0xab}, "stos"},
    {{0x66, 0xf2, 0xaf}, "scas"},
    {{0xf3, 0x66, 0x0f, 0xb8, 0xc1}, "popcnt", Feature::kPopcnt},
    {{0x66, 0xf3, 0x0f, 0xb8, 0xc1}, "popcnt", Feature::kPopcnt},
    {{0xf2, 0x66, 0x0f, 0x38, 0xf1, 0xc1}, "crc32", Feature::kSse42},
    {{0x66, 0xf2, 0x0f, 0x38, 0xf1, 0xc1}, "crc32", Feature::kSse42},
    {{0xf3, 0x66, 0x0f, 0xbc, 0xc1}, "tzcnt", Feature::kBmi1},
    {{0xf3, 0x66, 0x0f, 0xbd, 0xc1}, "lzcnt", Feature::kLzcnt},
    {{0x66, 0x67, 0x48, 0x0f, 0x6e, 0xc1}, "movd"},  // the mandatory prefix is not the last one
    {{0xf3, 0x65, 0x44, 0x0f, 0x6f, 0xc1}, "movdqu"},
    {{0xf2, 0x67, 0x48, 0x0f, 0x2c, 0xc1}, "cvttsd2si"},
    {{0x67, 0x48, 0x0f, 0x6e, 0xc1}, "movd"},  // address size and REX.W: an MMX register, no 66
    {{0x67, 0x48, 0x0f, 0x50, 0xc1}, "movmskps"},
    {{0x66, 0x48, 0xc2, 0x00, 0x00}, "ret"},
    {{0x66, 0x66, 0x48, 0xe8, 0, 1, 0, 0}, "call"},
    {{0xc8, 0x10, 0x00, 0x81}, "enter"},  // a nesting level of 1
    {{0x0f, 0xb9, 0xc1}, "ud1"},          // with ModRM
    {{0x0f, 0xb9, 0x84, 0x24, 1, 2, 3, 4}, "ud1"},
    {{0x80, 0xf9, 0xed}, "cmp"},  // immediates
    {{0x83, 0xc8, 0xff}, "or"},
    {{0x48, 0x83, 0xc8, 0xff}, "or"},
    {{0x87, 0xc8}, "xchg"},  // operands
    {{0x91}, "xchg"},
    {{0x49, 0x91}, "xchg"},
    // Those that exist on no CPU that is modelled: undefined, not what Capstone takes them for.
    {{0xf3, 0x0f, 0xae, 0xe8}, ""},        // incsspd: not lfence
    {{0xf3, 0x48, 0x0f, 0xae, 0xe8}, ""},  // incsspq
    {{0xf2, 0x0f, 0xae, 0xf1}, ""},        // umwait: not mfence
    {{0x66, 0x0f, 0xae, 0xf1}, ""},        // tpause
    {{0x0f, 0x01, 0xe8}, ""},              // serialize
    {{0x0f, 0x01, 0xc8}, ""},              // monitor
    {{0x0f, 0x01, 0xc9}, ""},              // mwait
    {{0x0f, 0x38, 0xf9, 0x06}, ""},        // movdiri
    {{0xf2, 0x0f, 0x38, 0xf8, 0x06}, ""},  // enqcmd
    {{0x66, 0x0f, 0x38, 0xf5, 0x06}, ""},  // wrussd
};

}  // namespace

TEST_CASE("Decoder: what Capstone refuses or misreads is what its bytes say") {
    Decoder decoder;
    for (const Case& each : kCases) {
        INFO(hex(each.bytes));
        const Decoder::Result result = decoder.decode(each.bytes);
        CHECK(std::string(result.status == DecodeStatus::kOk ? result.row->name : "") == each.row);
        if (result.status == DecodeStatus::kOk) CHECK(result.fields.length == each.bytes.size());
    }
}

TEST_CASE("Decoder: what Capstone refuses or misreads does what the host CPU does") {
    HostCpu host;
    GuestCpu guest;
    for (const Case& each : kCases) {
        if (!host_features().has(each.feature) || each.row[0] == 0 || std::string(each.row) == "rdpid")
            continue;
        INFO(hex(each.bytes));
        mmu::Registers before;
        before.rip = HostCpu::kCode + 0x8000;
        for (unsigned n = 0; n < 16; ++n) {
            before.gpr[n] = 0x9e3779b97f4a7c15 * (n + 3);
            before.vector[n].bytes.fill(static_cast<u8>(0x11 * n));
        }
        before.gpr[mmu::kRsi] = HostCpu::kData + 0x100;
        before.gpr[mmu::kRdi] = HostCpu::kData + 0x200;
        before.gpr[mmu::kRsp] = before.gpr[mmu::kRbp] = HostCpu::kData + 0x800;
        if (each.bytes.back() == 0xa5 || each.bytes.back() == 0xab || each.bytes.back() == 0xaf)
            before.gpr[mmu::kRcx] = 3;
        for (u32 n = 0; n < HostCpu::kDataSize; ++n)
            host.data()[n] = guest.data()[n] = static_cast<u8>(n * 7);
        const u64 target = before.rip + 0x40;  // of RET
        std::memcpy(host.data() + 0x800, &target, 8);
        std::memcpy(guest.data() + 0x800, &target, 8);
        const auto native = host.run(each.bytes, before);
        const u64 iterations = before.gpr[mmu::kRcx] == 3 ? 4 : 1;
        const auto emulated = guest.run(each.bytes, before, iterations);
        const bool native_fault = native.signal != 0 && native.registers.rip == before.rip;
        CHECK((emulated.exit == Exit::kFault && emulated.registers.rip == before.rip) == native_fault);
        if (native_fault) continue;
        CHECK(native.registers.gpr == emulated.registers.gpr);
        if (iterations == 1) CHECK(native.registers.rip == emulated.registers.rip);
        CHECK(native.registers.vector == emulated.registers.vector);
        CHECK(std::memcmp(host.data(), guest.data(), HostCpu::kDataSize) == 0);
    }
}

namespace {

/// Says of each encoding that is asked for whether Capstone takes it for an instruction of the same length.
class Agreement {
  public:
    Agreement() {
        handle_ = emu::open_capstone();
        insn_ = cs_malloc(handle_);
    }
    ~Agreement() {
        cs_free(insn_, 1);
        cs_close(&handle_);
    }
    /// `bytes` are an encoding with zeros behind it; what the decoder refuses by itself is passed over.
    void ask(std::span<const u8> bytes, Map map, u8 opcode, u8 modrm) {
        Fields f;
        if (split_fields(bytes, f) != Split::kComplete || f.map != map || f.opcode != opcode) return;
        if (!f.has_modrm && modrm) return;
        const OpcodeRow* const row = find_row(f);
        if (!row || capstone_decides(f) || refused_by_capstone(f)) return;
        Insn insn;
        if (f.vex && !row->build(f, insn)) return;
        std::array<u8, 16> canonical{};
        const unsigned length = canonical_form(f, canonical);
        const u8* code = canonical.data();
        size_t size = length;
        u64 address = 0;
        ++asked;
        if (cs_disasm_iter(handle_, &code, &size, &address, insn_) && insn_->size == length) return;
        if (++wrong < 20) FAIL_CHECK(row->name << " " << hex({canonical.data(), canonical.data() + length}));
    }

    unsigned asked = 0, wrong = 0;

  private:
    csh handle_ = 0;
    cs_insn* insn_ = nullptr;
};

/// Prefixes, escape bytes, opcode and ModRM of one encoding; what follows is zeros.
std::array<u8, 24> encoding(u8 prefix, u8 rex, Map map, u8 opcode, u8 modrm) {
    std::array<u8, 24> bytes{};
    usize n = 0;
    if (prefix) bytes[n++] = prefix;
    if (rex) bytes[n++] = rex;
    if (map != Map::kOne) bytes[n++] = 0x0f;
    if (map == Map::k0F38) bytes[n++] = 0x38;
    if (map == Map::k0F3A) bytes[n++] = 0x3a;
    bytes[n++] = opcode;
    bytes[n] = modrm;
    return bytes;
}

}  // namespace

TEST_CASE("Decoder: Capstone agrees about every encoding of the table that it is not asked for at run time") {
    Agreement capstone;
    for (const u8 prefix : {0x00, 0x66, 0xf3, 0xf2})
        for (const u8 rex : {0x00, 0x48})
            for (const Map map : {Map::kOne, Map::k0F, Map::k0F38, Map::k0F3A})
                for (unsigned n = 0; n < 256 * 256; ++n) {
                    const u8 opcode = static_cast<u8>(n >> 8), modrm = static_cast<u8>(n);
                    capstone.ask(encoding(prefix, rex, map, opcode, modrm), map, opcode, modrm);
                }
    CHECK(capstone.asked > 300'000);
    // BMI1 and BMI2: each W, L and pp, and two registers in vvvv.
    const unsigned before = capstone.asked;
    for (const Map map : {Map::k0F38, Map::k0F3A})
        for (unsigned last = 0; last < 256; ++last)
            for (unsigned n = 0; n < 8 * 256; ++n) {
                if ((last >> 3 & 15) != 15 && (last >> 3 & 15) != 10) continue;
                const u8 opcode = static_cast<u8>(0xf0 + (n >> 8)), modrm = static_cast<u8>(n);
                std::array<u8, 24> bytes{0xc4, static_cast<u8>(0xe0 | static_cast<u8>(map)),
                                         static_cast<u8>(last), opcode, modrm};
                capstone.ask(bytes, map, opcode, modrm);
            }
    CHECK(capstone.asked > before + 10'000);
    CHECK(capstone.wrong == 0);
}
