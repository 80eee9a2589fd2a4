// Random integer instructions and register states, made from the opcode table's own rows so that no row is
// left out, and the comparison of the emulated CPU with the host.
#pragma once

#include "tests/support/guest_cpu.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "emu/insn/opcode_table.h"
#include "mmu/base/rng.h"

namespace tests::integer {

using emu::Exit, emu::Fields, emu::Map, emu::Operand, emu::OpcodeRow, emu::Prefix;
using mmu::i64, mmu::Registers, mmu::Rflags, mmu::Rng;

/// Numbers that matter: small ones of both signs, the limits of each width, anything.
inline u64 random_number(Rng& rng) {
    switch (rng.below(5)) {
        case 0:
            return rng.below(4) - 2;
        case 1:
            return rng.below(300) - 100;
        case 2:
            return (u64{1} << (8 << rng.below(4)) % 64) - rng.below(3) - (rng.below(2) ? u64{1} << 31 : 0);
        case 3:
            return rng.next() >> rng.below(64);
        default:
            return rng.next();
    }
}

/// A place in the data pages: anywhere, or where a page or the mapped part ends.
inline u64 random_place(Rng& rng) {
    constexpr u64 kBegin = HostCpu::kData, kSize = HostCpu::kDataSize;
    switch (rng.below(8)) {
        case 0:
            return kBegin + 0x1000 - rng.below(40);
        case 1:
            return kBegin + kSize - rng.below(40);
        case 2:
            return kBegin + rng.below(40);
        default:
            return kBegin + 0x400 + rng.below(kSize - 0x800);
    }
}

struct Code {
    std::vector<u8> bytes;
    Fields fields;
    bool memory = false;
};

constexpr u8 kDisplacement = 0x20;

inline bool is_string(const OpcodeRow& row) {
    return row.map == Map::kOne &&
           ((row.opcode >= 0xa4 && row.opcode <= 0xa7) || (row.opcode >= 0xaa && row.opcode <= 0xaf));
}

inline void append(std::vector<u8>& bytes, u64 value, unsigned size) {
    for (unsigned n = 0; n < size; ++n) bytes.push_back(static_cast<u8>(value >> 8 * n));
}

/// One encoding of a row. Memory operands are [RDI + disp8] or [RDI + R9*2 + disp8].
inline Code encode(Rng& rng, const OpcodeRow& row, bool memory) {
    Code code;
    code.memory = memory;
    std::vector<u8>& b = code.bytes;
    const auto one_in = [&](u64 n) { return rng.below(n) == 0; };
    if (row.lockable && memory && one_in(4)) b.push_back(0xf0);
    if (one_in(8)) b.push_back(0x67);
    if (is_string(row) && one_in(2)) b.push_back(one_in(2) ? 0xf2 : 0xf3);
    if (row.prefix == Prefix::k66 || (row.prefix == Prefix::kAny && one_in(4))) b.push_back(0x66);
    const bool indexed = memory && one_in(3);
    u8 rex = 0;
    if (indexed || !one_in(3)) rex = static_cast<u8>(0x40 | (rng.next() & 0xd) | (indexed ? 2 : 0));
    if (memory) rex &= static_cast<u8>(~1);
    if (rex) b.push_back(rex);
    if (row.map != Map::kOne) b.push_back(0x0f);
    if (row.map == Map::k0F38) b.push_back(0x38);
    b.push_back(static_cast<u8>(row.opcode + rng.below(row.count)));

    const auto split = [&] {
        u8 padded[16] = {};
        std::copy(b.begin(), b.end(), padded);
        emu::split_fields(padded, code.fields);
    };
    split();
    if (code.fields.has_modrm) {
        const u8 reg = row.extension >= 0 ? static_cast<u8>(row.extension) : static_cast<u8>(rng.below(8));
        const u8 mod = memory ? 0x40 : 0xc0, rm = memory ? (indexed ? 4 : 7) : static_cast<u8>(rng.below(8));
        b.push_back(static_cast<u8>(mod | reg << 3 | rm));
        if (indexed) b.push_back(0x4f);  // R9 * 2 + RDI
        if (memory) b.push_back(kDisplacement);
        split();
    }
    append(b, rng.next(), code.fields.immediate_size);
    split();
    return code;
}

/// Registers for an instruction: pointers where instructions take them, numbers elsewhere.
inline Registers random_registers(Rng& rng, const Code& code) {
    Registers r;
    for (u64& value : r.gpr) value = random_number(rng);
    r.rip = HostCpu::kCode + 0x8000;
    r.rflags = Rflags::kAlwaysOne | Rflags::kIf | (rng.next() & (Rflags::kStatus | Rflags::kDf));
    if (rng.below(2))
        r.gpr[mmu::kRdx] = static_cast<u64>(static_cast<i64>(r.gpr[mmu::kRax]) >> 63);  // for quotients
    if (rng.below(2)) r.gpr[mmu::kRcx] = rng.below(90);                                 // a count
    for (const auto number : {mmu::kRsp, mmu::kRbp, mmu::kRsi, mmu::kRbx}) r.gpr[number] = random_place(rng);
    const u64 index = rng.below(64) - 32;
    if (code.memory && code.fields.has_sib) r.gpr[mmu::kR9] = index;
    r.gpr[mmu::kRdi] = random_place(rng);
    if (code.memory) r.gpr[mmu::kRdi] -= kDisplacement + (code.fields.has_sib ? 2 * index : 0);
    return r;
}

inline std::string hex(std::span<const u8> bytes) {
    std::string text;
    char digits[4];
    for (const u8 byte : bytes) {
        std::snprintf(digits, sizeof digits, "%02x ", byte);
        text += digits;
    }
    return text;
}

inline std::string differ(const std::string& what, u64 ours, u64 theirs) {
    char text[80];
    std::snprintf(text, sizeof text, " is %llx, the host's %llx", static_cast<unsigned long long>(ours),
                  static_cast<unsigned long long>(theirs));
    return what + text;
}

/// Both CPUs, with the same data.
struct Bench {
    HostCpu host;
    GuestCpu guest;
    Rng rng;

    explicit Bench(u64 seed) : rng(seed) { fill(); }

    void fill() {
        for (u64 at = 0; at < HostCpu::kDataSize; at += 8) {
            const u64 value = random_number(rng);
            std::memcpy(guest.data() + at, &value, 8);
        }
        copy_to_host();
    }
    void copy_to_host() { std::memcpy(host.data(), guest.data(), HostCpu::kDataSize); }

    /// Runs one instruction on both sides. The first difference as a sentence; empty when there is none.
    /// `open_in_fault`: flags that may have changed where the instruction faults.
    std::string compare(std::span<const u8> bytes, const Registers& before, u64 undefined_flags = 0,
                        u64 open_in_fault = 0) {
        const GuestCpu::Outcome ours = guest.run(bytes, before);
        const HostCpu::Outcome theirs = host.run(bytes, before);
        std::string found = difference(ours, theirs, before, theirs.signal ? open_in_fault : undefined_flags);
        if (found.empty() && std::memcmp(guest.data(), host.data(), HostCpu::kDataSize) != 0) {
            u64 at = 0;
            while (guest.data()[at] == host.data()[at]) ++at;
            found = differ("byte " + std::to_string(at) + " of memory", guest.data()[at], host.data()[at]);
        }
        if (found.empty()) return {};
        copy_to_host();
        char text[40];
        for (unsigned n = 0; n < 16; ++n) {
            std::snprintf(text, sizeof text, "%sr%u=%llx", n % 4 ? " " : "\n  ", n,
                          static_cast<unsigned long long>(before.gpr[n]));
            found += text;
        }
        return "[" + hex(bytes) + "]: " + found;
    }

    static std::string difference(const GuestCpu::Outcome& ours, const HostCpu::Outcome& theirs,
                                  const Registers& before, u64 open_flags) {
        const Registers &a = ours.registers, &b = theirs.registers;
        // A branch to where nothing is mapped: the host has already tried to fetch there.
        const bool went_away = theirs.signal == SIGSEGV && b.rip != before.rip && theirs.address == b.rip;
        const bool faulted = ours.exit == Exit::kFault;
        if (faulted != (theirs.signal != 0 && !went_away))
            return differ("signal", faulted, static_cast<u64>(theirs.signal)) +
                   differ(", vector", static_cast<u64>(ours.fault.vector), theirs.trapno);
        if (faulted) {
            if (static_cast<u64>(ours.fault.vector) != theirs.trapno)
                return differ("vector", static_cast<u64>(ours.fault.vector), theirs.trapno);
            if (ours.fault.vector == mmu::Vector::kPageFault) {
                if (ours.fault.address.value != theirs.address)
                    return differ("CR2", ours.fault.address.value, theirs.address);
                if (ours.fault.error_code != theirs.error)
                    return differ("error code", ours.fault.error_code, theirs.error);
            }
        }
        if (a.rip != b.rip) return differ("rip", a.rip, b.rip);
        if ((a.rflags ^ b.rflags) & ~open_flags) return differ("rflags", a.rflags, b.rflags);
        for (unsigned n = 0; n < 16; ++n)
            if (a.gpr[n] != b.gpr[n]) return differ("r" + std::to_string(n), a.gpr[n], b.gpr[n]);
        return {};
    }
};

}  // namespace tests::integer
