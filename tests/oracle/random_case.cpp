#include "tests/oracle/random_case.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "tests/oracle/forms.h"
#include "tests/oracle/random_values.h"
#include "tests/support/host_cpu.h"

namespace tests {
namespace {

using emu::Fields, emu::Map, emu::OpcodeRow, emu::Prefix;
using mmu::i64, mmu::usize;

constexpr u64 kRip = HostCpu::kCode + 0x8000;

/// Its index register is a vector: several addresses.
bool is_gather(const OpcodeRow& row) {
    const std::string_view name = row.name;
    return name.starts_with("vgather") || name.starts_with("vpgather");
}

/// Bytes of an encoding of `row`: prefixes, opcode, ModRM and a random rest, which split_fields() cuts to
/// length.
class Encoder {
  public:
    Encoder(const OpcodeRow& row, RandomValues& random) : row_(row), random_(random) {}

    std::vector<u8> make() {
        if (row_.encoding == emu::Encoding::kVex) {
            vex();
        } else {
            prefixes();
            if (row_.map != Map::kOne) put(0x0f);
            if (row_.map == Map::k0F38) put(0x38);
            if (row_.map == Map::k0F3A) put(0x3a);
        }
        put(static_cast<u8>(row_.opcode + random_.below(row_.count)));
        put(modrm());
        while (bytes_.size() < 24) put(static_cast<u8>(random_.integer()));
        return bytes_;
    }

  private:
    void put(u8 byte) { bytes_.push_back(byte); }

    void prefixes() {
        const bool any = row_.prefix == Prefix::kAny;
        if (row_.lockable ? random_.one_in(8) : !is_control_move() && random_.one_in(100)) put(0xf0);
        if (row_.prefix == Prefix::k66 || (any && !ignores_66() && random_.one_in(4))) put(0x66);
        if (random_.one_in(20)) put(0x67);
        segments();
        if (row_.prefix == Prefix::kF3) put(0xf3);
        if (row_.prefix == Prefix::kF2) put(0xf2);
        if (any && is_string(row_) && random_.one_in(2)) put(random_.one_in(2) ? 0xf2 : 0xf3);
        if (random_.one_in(2)) put(static_cast<u8>(0x40 | random_.below(16)));
    }

    void segments() {
        if (random_.one_in(12)) put(HostCpu::loads_fs() && random_.one_in(2) ? kFs : kGs);
        if (random_.one_in(20)) put(kNullSegments[random_.below(std::size(kNullSegments))]);
    }

    /// Both forms of the prefix. W, L and vvvv are drawn: which of them a row refuses is a part of what is
    /// compared.
    void vex() {
        if (random_.one_in(20)) put(0x67);
        segments();
        const unsigned pp = row_.prefix == Prefix::k66    ? 1
                            : row_.prefix == Prefix::kF3  ? 2
                            : row_.prefix == Prefix::kF2  ? 3
                            : row_.prefix == Prefix::kAny ? static_cast<unsigned>(random_.below(4))
                                                          : 0;
        const auto w = row_.vex.w == emu::VexW::kAny ? static_cast<unsigned>(random_.below(2))
                                                     : unsigned{row_.vex.w == emu::VexW::k1};
        const auto l = row_.vex.length == emu::VexLength::kAny
                           ? static_cast<unsigned>(random_.below(2))
                           : unsigned{row_.vex.length == emu::VexLength::k256};
        const auto rxb = static_cast<unsigned>(random_.below(8));
        const auto vvvv = row_.vex.vvvv ? static_cast<unsigned>(random_.below(16)) : 15u;
        const unsigned last = vvvv << 3 | l << 2 | pp;
        if (row_.map == Map::k0F && row_.vex.w != emu::VexW::k1 && random_.one_in(2)) {
            put(0xc5);
            put(static_cast<u8>((rxb & 4) << 5 | last));
        } else {
            put(0xc4);
            put(static_cast<u8>(rxb << 5 | static_cast<unsigned>(row_.map)));
            put(static_cast<u8>(w << 7 | last));
        }
    }

    /// With 66h an AMD cuts RIP to 16 bits where an Intel ignores the prefix, which is what is modelled.
    /// MOVSXD with it reads 16 bits on an Intel, 32 on an AMD.
    bool ignores_66() const {
        const std::string_view name = row_.name;
        return name == "jcc" || name == "jmp" || name == "call" || name == "ret" || name == "jrcxz" ||
               name == "movsxd" || name.starts_with("loop");
    }

    /// LOCK MOV CR0 is CR8 on AMD's CPUs.
    bool is_control_move() const { return row_.name == std::string_view("mov cr"); }

    /// AMD's CPUs raise #UD for the register forms, Intel's do nothing.
    bool memory_only() const { return row_.name == std::string_view("prefetchw"); }

    u8 modrm() {
        auto value = static_cast<u8>(random_.below(256));
        if (row_.extension >= 0) value = static_cast<u8>((value & ~0x38) | row_.extension << 3);
        if (row_.operand == emu::Operand::kRegister ||
            (row_.operand == emu::Operand::kAny && random_.one_in(2)))
            value |= 0xc0;
        if ((row_.operand == emu::Operand::kMemory || memory_only()) && value >= 0xc0) value &= 0x7f;
        if (row_.rm >= 0) value = static_cast<u8>((value & 0xf8) | row_.rm | 0xc0);
        if (is_gather(row_) && !random_.one_in(20))
            value = static_cast<u8>((value & 0xb8) | 4);  // a SIB byte
        return value;
    }

    static constexpr u8 kFs = 0x64, kGs = 0x65;
    static constexpr u8 kNullSegments[] = {0x26, 0x2e, 0x36, 0x3e};
    const OpcodeRow& row_;
    RandomValues& random_;
    std::vector<u8> bytes_;
};

/// An address in or about the data window.
u64 random_target(RandomValues& random) {
    constexpr u64 kMiddle = HostCpu::kData + 0x1000;
    const u64 near = random.below(24);
    switch (random.below(16)) {
        case 0:
            return kMiddle - near;  // crosses into the second page
        case 1:
            return HostCpu::kGuard - near;  // crosses into the guard page
        case 2:
            return HostCpu::kGuard + random.below(64);  // in it
        case 3:
            return HostCpu::kData - near;  // before the first page
        case 4:
            return random.one_in(4) ? u64{1} << 47 | random.below(4096) : HostCpu::kData + near;
        case 5:
        case 6:
        case 7:
            return HostCpu::kData + 64 + random.below(HostCpu::kDataSize - 256);
        default: {
            const u64 alignment = u64{16} << random.below(3);
            return HostCpu::kData + 64 + random.below((HostCpu::kDataSize - 256) / alignment) * alignment;
        }
    }
}

/// A place that a branch may lead to: never the instruction itself.
u64 random_branch_target(RandomValues& random) {
    switch (random.below(8)) {
        case 0:
            return HostCpu::kData + random.below(4096);
        case 1:
            return HostCpu::kData - 1;
        case 2:
            return (u64{1} << 47) + random.below(4096);
        case 3:
            return u64{0xffff} << 48 | random.below(4096);
        default:
            return kRip + 0x100 + random.below(0x1000);
    }
}

class CaseMaker {
  public:
    CaseMaker(const OpcodeRow& row, mmu::Rng& rng, RandomCase& out) : row_(row), random_(rng), case_(out) {}

    /// False: no luck.
    bool make() {
        case_ = RandomCase{};
        const std::vector<u8> bytes = Encoder(row_, random_).make();
        if (bytes.empty() || emu::split_fields(bytes, case_.fields) != emu::Split::kComplete) return false;
        const Fields& f = case_.fields;
        case_.bytes.assign(f.bytes, f.bytes + f.length);
        if (emu::find_row(f) != &row_) return false;
        registers();
        if (is("div") || is("idiv")) small_dividend();
        if (f.memory() && !steer()) return false;
        if ((is("xsave") || is("xrstor")) && addressed_by(mmu::kRax, mmu::kRdx)) return false;
        if (f.map == Map::kOne && f.opcode >= 0xa0 && f.opcode <= 0xa3)
            put_bytes(f.immediate_at, random_target(random_) - segment_base(), f.immediate_size);
        return special_cases();
    }

  private:
    u64 segment_base() const {
        const u8 segment = case_.fields.segment;
        return segment == 0x65 ? case_.before.gs_base : segment == 0x64 ? case_.before.fs_base : 0;
    }
    mmu::Registers& regs() { return case_.before; }
    u64& gpr(unsigned n) { return case_.before.gpr[n]; }

    void put_bytes(unsigned at, u64 value, unsigned size) {
        std::memcpy(case_.bytes.data() + at, &value, size);
        emu::split_fields(case_.bytes, case_.fields);
    }
    void put_memory(u64 address, const void* bytes, usize size) {
        if (address < HostCpu::kData || address + size > HostCpu::kGuard) return;
        const u8* from = static_cast<const u8*>(bytes);
        case_.memory.push_back({static_cast<u32>(address - HostCpu::kData), {from, from + size}});
    }

    void registers() {
        for (unsigned n = 0; n < 16; ++n) {
            gpr(n) = random_.integer();
            random_.vector(regs().vector[n].bytes.data());
            random_.vector(regs().vector[n].bytes.data() + 16);
        }
        regs().rip = kRip;
        regs().rflags = random_.rflags();
        regs().mxcsr = random_.mxcsr();
        regs().x87 = random_.x87();
        regs().gs_base = random_.below(0x1000) << random_.below(17);
        if (HostCpu::loads_fs()) regs().fs_base = random_.below(0x1000) << random_.below(17);
        // Implicit addresses: the stack, strings, MASKMOV.
        gpr(mmu::kRsp) =
            random_.one_in(4) ? random_target(random_) : HostCpu::kData + 0x800 + 8 * random_.below(64);
        if (is_string(row_) || random_.one_in(2)) {
            gpr(mmu::kRsi) = random_target(random_);
            gpr(mmu::kRdi) = random_target(random_);
        }
        if (is("leave") || is("enter") || random_.one_in(2))
            gpr(mmu::kRbp) = random_target(random_) & ~u64{7};
        const bool indirect_call = is("call") && case_.fields.opcode == 0xff;
        if (indirect_call)
            gpr(mmu::kRsp) = HostCpu::kData + 0x400;  // so that stack and target are not both wrong
        if (is("enter")) gpr(mmu::kRbp) = HostCpu::kData + 0x400 + 8 * random_.below(256);
        if (is("xlat")) gpr(mmu::kRbx) = random_target(random_) - (gpr(mmu::kRax) & 0xff) - segment_base();
        if (is_string(row_)) gpr(mmu::kRcx) = random_.below(40);
        if (is("cmps") || is("movs")) {  // which operand is looked at first is the CPU's business
            const unsigned good = random_.one_in(2) ? mmu::kRsi : mmu::kRdi;
            gpr(good) = HostCpu::kData + 0x400 + random_.below(0x800);
        }
        if (is_string(row_)) gpr(mmu::kRsi) -= segment_base();
        if (is("maskmovq") || is("maskmovdqu")) gpr(mmu::kRdi) -= segment_base();
    }

    /// Makes the memory operand lie where it is wanted, by its base register or its displacement.
    bool steer() {
        const Fields& f = case_.fields;
        case_.operand = random_target(random_);
        const u64 offset = case_.operand - segment_base();
        const auto displacement = static_cast<u64>(f.displacement());
        if (f.rip_relative()) {
            if (case_.operand >= u64{1} << 32) return false;
            put_bytes(f.displacement_at, offset - (kRip + f.length), 4);
        } else if (!f.has_sib) {
            gpr(f.rm) = offset - displacement;
        } else if (!steer_sib(offset, displacement)) {
            return false;
        }
        fill_operand();
        return true;
    }

    bool steer_sib(u64 offset, u64 displacement) {
        const Fields& f = case_.fields;
        const unsigned base = (f.sib & 7) | (f.rex_b() ? 8 : 0),
                       index = (f.sib >> 3 & 7) | (f.rex_x() ? 8 : 0);
        const unsigned shift = f.sib >> 6;
        const bool has_index = index != mmu::kRsp && !is_gather(row_),
                   has_base = f.mod != 0 || (f.sib & 7) != 5;
        if (!has_base) {
            if (has_index) gpr(index) = random_.below(64);
            if (is_gather(row_)) gather_indices();
            put_bytes(f.displacement_at, offset - (has_index ? gpr(index) << shift : 0), 4);
            return case_.operand < u64{1} << 31 && offset < u64{1} << 31;
        }
        if (base == mmu::kRsp && uses_stack()) return false;  // or the stack is anywhere
        if (is_gather(row_)) {
            gpr(base) = offset - displacement;
            gather_indices();
            return true;
        }
        if (has_index && base == index) {
            // (1 + 2^shift) times the register: 3, 5 and 9 have inverses modulo 2^64.
            constexpr u64 kInverse[] = {0, 0xaaaaaaaaaaaaaaab, 0xcccccccccccccccd, 0x8e38e38e38e38e39};
            gpr(base) = (offset - displacement) * kInverse[shift];
            return shift != 0;
        }
        gpr(base) = offset - displacement - (has_index ? gpr(index) << shift : 0);
        return true;
    }

    /// Elements lie about the operand, now and then one far from it. 90h and 92h take doublewords as indices.
    void gather_indices() {
        const Fields& f = case_.fields;
        const unsigned index = (f.sib >> 3 & 7) | (f.rex_x() ? 8 : 0), size = f.opcode & 1 ? 8 : 4;
        for (unsigned at = 0; at < 32; at += size) {
            const u64 value = (random_.below(64) - 32) * (random_.one_in(12) ? 97 : 1);
            std::memcpy(regs().vector[index].bytes.data() + at, &value, size);
        }
        for (u8& byte : regs().vector[f.vex_vvvv].bytes) byte = random_.one_in(3) ? 0x7f : 0x80;
    }

    /// Something better than noise where the operand is.
    void fill_operand() {
        u8 bytes[32];
        random_.vector(bytes);
        random_.vector(bytes + 16);
        if (row_.map == Map::kOne && row_.opcode >= 0xd8 && row_.opcode <= 0xdf && random_.one_in(2)) {
            const mmu::Float80 value = random_.extended();
            std::memcpy(bytes, &value.significand, 8);
            std::memcpy(bytes + 8, &value.sign_exponent, 2);
        }
        put_memory(case_.operand, bytes, row_.encoding == emu::Encoding::kVex ? 32 : 16);
    }

    bool addressed_by(unsigned one, unsigned other) const {
        const Fields& f = case_.fields;
        if (f.rip_relative()) return false;
        const unsigned base = f.has_sib ? (f.sib & 7) | (f.rex_b() ? 8 : 0) : f.rm;
        const unsigned index = f.has_sib ? (f.sib >> 3 & 7) | (f.rex_x() ? 8 : 0) : 16u;
        return base == one || base == other || index == one || index == other;
    }
    bool uses_stack() const { return is("push") || is("pop") || is("call"); }
    bool is(std::string_view name) const { return row_.name == name; }

    bool special_cases() {
        const Fields& f = case_.fields;
        if (row_.map == Map::kOne && ((f.opcode & 0xf0) == 0x70 || (f.opcode >= 0xe0 && f.opcode <= 0xe3) ||
                                      f.opcode == 0xe8 || f.opcode == 0xe9 || f.opcode == 0xeb))
            return displacement_leads_away(f.signed_immediate());
        if (row_.map == Map::k0F && (f.opcode & 0xf0) == 0x80)
            return displacement_leads_away(f.signed_immediate());
        if (row_.map == Map::kOne && f.opcode == 0xff && (f.modrm_reg() == 2 || f.modrm_reg() == 4)) {
            if (f.memory()) {
                put_branch_target(case_.operand);
            } else {
                if (f.rm == mmu::kRsp) return false;
                gpr(f.rm) = random_branch_target(random_);
            }
        }
        if (is("ret")) {
            gpr(mmu::kRsp) = std::min(gpr(mmu::kRsp), HostCpu::kGuard - 8);
            put_branch_target(gpr(mmu::kRsp));
        }
        if (is("popf")) {  // single-stepping and alignment checks are not compared
            u64 value = random_.next_word() & ~(mmu::Rflags::kTf | mmu::Rflags::kAc);
            put_memory(gpr(mmu::kRsp), &value, 8);
            if (gpr(mmu::kRsp) & 7) return false;
        }
        const bool bit_string =
            row_.map == Map::k0F && f.memory() &&
            (f.opcode == 0xa3 || f.opcode == 0xab || f.opcode == 0xb3 || f.opcode == 0xbb);
        if (bit_string) return steer_bit_string();
        if (is("cmpxchg") && random_.one_in(2) && !f.memory()) gpr(mmu::kRax) = gpr(f.rm);
        if (is("cmpxchg8b cmpxchg16b") || is("cmpxchg8b") || is("cmpxchg16b")) expected_pair();
        if (is("ldmxcsr") || is("vldmxcsr")) put_mxcsr(case_.operand);
        if (is("xsave") || is("xrstor")) steer_xsave();
        if (is("fxrstor")) put_mxcsr(case_.operand + 24);
        return true;
    }

    bool displacement_leads_away(i64 displacement) {
        const i64 length = case_.fields.length;
        if (displacement >= -length && displacement < 0) return false;  // itself
        return displacement < 1 || displacement > 16;                   // the way out that stands behind it
    }

    void put_branch_target(u64 address) {
        const u64 target = random_branch_target(random_);
        put_memory(address, &target, 8);
    }

    /// BT and its like with a register reach as far as the register says.
    bool steer_bit_string() {
        const Fields& f = case_.fields;
        const unsigned base = f.rm, index = f.has_sib ? (f.sib >> 3 & 7) | (f.rex_x() ? 8 : 0) : 16u;
        const unsigned sib_base = f.has_sib ? (f.sib & 7) | (f.rex_b() ? 8 : 0) : base;
        if (f.reg == base || f.reg == index || f.reg == sib_base) return false;
        const u64 high = f.rex_w() ? 0 : gpr(f.reg) & ~u64{0xffffffff};
        gpr(f.reg) =
            high | (f.rex_w() ? random_.below(4096) - 2048 : static_cast<u32>(random_.below(4096) - 2048));
        return true;
    }

    /// The comparison succeeds half of the time.
    void expected_pair() {
        if (random_.one_in(2)) return;
        const unsigned half = case_.fields.rex_w() ? 8 : 4;
        u64 low = gpr(mmu::kRax), high = gpr(mmu::kRdx);
        u8 bytes[16];
        std::memcpy(bytes, &low, half);
        std::memcpy(bytes + half, &high, half);
        put_memory(case_.operand, bytes, 2 * half);
    }

    /// Often without reserved bits; never with bit 17, which AMD has and Intel has not.
    void put_mxcsr(u64 address) {
        const u32 allowed = random_.one_in(4) ? ~(1u << 17) : 0xffffu;
        const u32 value = static_cast<u32>(random_.next_word()) & allowed;
        put_memory(address, &value, 4);
    }

    /// The components that both have; an area that is mostly well-formed, in one piece.
    void steer_xsave() {
        gpr(mmu::kRax) = random_.one_in(3) ? 7 : random_.below(8);
        gpr(mmu::kRdx) = 0;
        if (random_.one_in(3)) clear_upper_halves();
        u64 header[8] = {random_.below(8)};
        // A bit that no CPU has yet, and not the compacted format.
        if (random_.one_in(8)) header[random_.below(3)] |= u64{1} << (32 + random_.below(31));
        put_memory(case_.operand + 512, header, sizeof header);
        put_mxcsr(case_.operand + 24);
    }
    void clear_upper_halves() {
        for (mmu::Vector256& each : regs().vector) std::memset(each.bytes.data() + 16, 0, 16);
    }

    /// Or nearly every quotient would overflow.
    void small_dividend() {
        if (random_.one_in(3)) return;
        gpr(mmu::kRdx) = random_.one_in(2) ? 0 : random_.below(256);
        if (row_.opcode == 0xf6 || random_.one_in(4)) gpr(mmu::kRax) &= 0x3fff;
        if (random_.one_in(3)) gpr(mmu::kRdx) = 0 - (gpr(mmu::kRax) >> 63);
    }

    const OpcodeRow& row_;
    RandomValues random_;
    RandomCase& case_;
};

}  // namespace

std::vector<u8> usual_memory() {
    mmu::Rng rng(1);
    RandomValues random(rng);
    std::vector<u8> bytes(HostCpu::kDataSize);
    for (usize at = 0; at < bytes.size(); at += 16) random.vector(bytes.data() + at);
    return bytes;
}

bool make_case(const OpcodeRow& row, mmu::Rng& rng, RandomCase& out) {
    return CaseMaker(row, rng, out).make();
}

}  // namespace tests
