// Branches, stack frames, traps, segment registers, what is privileged, and CPUID; against the host where it
// can be asked.
#include "emu/insn/chapters.h"
#include "tests/emu/integer_cases.h"

#include <catch2/catch.hpp>

namespace {

using namespace tests;
using namespace tests::integer;
using mmu::Vector;

using Bytes = std::vector<u8>;

Registers start() {
    Registers r;
    r.rip = HostCpu::kCode + 0x8000;
    r.gpr[mmu::kRsp] = HostCpu::kData + 0x1000;
    return r;
}

void put(Bench& bench, u64 address, u64 value) {
    std::memcpy(bench.guest.data() + (address - HostCpu::kData), &value, 8);
    bench.copy_to_host();
}

/// Somewhere in the code window, not at the instruction and not right behind it.
u64 random_target(Rng& rng) {
    return HostCpu::kCode + 0x1000 + rng.below(0x6000);
}

/// Every form of a chapter's rows whose name is in `names`; `prepare` changes code and registers.
template <class Prepare>
void compare_rows(Bench& bench, emu::insn::Rows rows, std::vector<std::string_view> names, Prepare prepare) {
    for (const OpcodeRow& row : rows) {
        if (std::find(names.begin(), names.end(), row.name) == names.end()) continue;
        for (const bool memory : {false, true}) {
            if (memory ? row.operand == Operand::kRegister : row.operand == Operand::kMemory) continue;
            for (unsigned round = 0; round < 1500; ++round) {
                Code code = encode(bench.rng, row, memory);
                if (memory && !code.fields.has_modrm) break;
                Registers before = random_registers(bench.rng, code);
                if (!prepare(code, before)) continue;
                const std::string found = bench.compare(code.bytes, before);
                INFO(row.name << " " << found);
                CHECK(found.empty());
                if (!found.empty()) break;
            }
        }
    }
}

}  // namespace

TEST_CASE("Branches: every direct form does what the host does") {
    Bench bench(31);
    compare_rows(
        bench, emu::insn::control_flow(), {"jcc", "jmp", "call", "loop", "loope", "loopne", "jrcxz"},
        [&](Code& code, Registers&) {
            const Fields& f = code.fields;
            // AMD's CPUs heed 66h, Intel's do not.
            if (f.operand16 || f.has_modrm) return false;
            const bool back = bench.rng.below(2);
            const i64 most = f.immediate_size == 1 ? 0x7f : 0x4000;
            const i64 distance = 0x20 + static_cast<i64>(bench.rng.below(static_cast<u64>(most - 0x1f)));
            for (unsigned n = 0; n < f.immediate_size; ++n)
                code.bytes[f.immediate_at + n] = static_cast<u8>((back ? -distance : distance) >> 8 * n);
            return true;
        });
}

TEST_CASE("Branches: every computed form does what the host does") {
    Bench bench(32);
    for (u64 at = 0; at < HostCpu::kDataSize; at += 8)
        put(bench, HostCpu::kData + at, random_target(bench.rng));
    compare_rows(
        bench, emu::insn::control_flow(), {"jmp", "call", "ret"}, [&](Code& code, Registers& before) {
            const Fields& f = code.fields;
            if (f.operand16 ||
                (f.map == Map::kOne && (f.opcode == 0xe8 || f.opcode == 0xe9 || f.opcode == 0xeb)))
                return false;
            before.gpr[mmu::kRsp] &= ~u64{7};
            if (f.has_modrm && !f.memory()) {
                if (f.rm == mmu::kRsp) return false;
                before.gpr[f.rm] = random_target(bench.rng);
            }
            if (f.memory()) {
                before.gpr[mmu::kR9] &= ~u64{3};
                before.gpr[mmu::kRdi] &= ~u64{7};
            }
            if (f.address32 && f.memory()) before.gpr[mmu::kR9] &= 0xff;
            for (u64 at = 0; at < HostCpu::kDataSize; at += 8) {  // what CALL pushed may lie anywhere
                u64 value;
                std::memcpy(&value, bench.guest.data() + at, 8);
                if (value >= before.rip) put(bench, HostCpu::kData + at, random_target(bench.rng));
            }
            return true;
        });
}

TEST_CASE("ENTER and LEAVE do what the host does") {
    Bench bench(33);
    compare_rows(bench, emu::insn::control_flow(), {"enter", "leave"}, [&](Code& code, Registers& before) {
        const Fields& f = code.fields;
        for (unsigned n = 0; n < f.immediate_size; ++n)
            code.bytes[f.immediate_at + n] = static_cast<u8>(n == 1 ? 0 : bench.rng.next());
        if (bench.rng.below(3)) before.gpr[mmu::kRsp] = before.gpr[mmu::kRbp] - 64;
        return true;
    });
}

TEST_CASE("Traps and undefined instructions raise what the host raises") {
    Bench bench(34);
    compare_rows(bench, emu::insn::control_flow(), {"int3", "ud0", "ud1", "ud2", "int"},
                 [&](Code& code, Registers&) {
                     const Fields& f = code.fields;
                     return !(f.map == Map::kOne && f.opcode == 0xcd && f.immediate() == 0x80);
                 });
}

TEST_CASE("INT1 is a debug trap behind the instruction") {
    GuestCpu guest;  // hypervisors are at odds about it
    const auto out = guest.run(Bytes{0x90, 0xf1}, start(), 2);
    CHECK(out.exit == Exit::kFault);
    CHECK(out.fault.vector == Vector::kDebug);
    CHECK(out.registers.rip == start().rip + 2);
    CHECK(out.counters.instructions == 1);
}

TEST_CASE("INT n: the error code names the gate") {
    Bench bench(35);
    const auto ours = bench.guest.run(Bytes{0xcd, 0x21}, start());
    const auto theirs = bench.host.run(Bytes{0xcd, 0x21}, start());
    CHECK(ours.fault.vector == Vector::kGeneralProtection);
    CHECK(ours.fault.error_code == 0x21 * 8 + 2);
    CHECK(theirs.error == ours.fault.error_code);
}

TEST_CASE("Hints, fences and privileged instructions do what the host does") {
    Bench bench(36);
    compare_rows(bench, emu::insn::system(),
                 {"prefetchw", "nop",  "lfence", "mfence", "sfence", "clflush", "ins",    "outs",   "in",
                  "out",       "hlt",  "cli",    "sti",    "clts",   "sysret",  "invd",   "wbinvd", "wrmsr",
                  "rdmsr",     "lldt", "ltr",    "lgdt",   "lidt",   "lmsw",    "invlpg", "mov cr", "mov dr"},
                 [&](Code& code, Registers&) {
                     // AMD's CPUs refuse the register forms of PREFETCHW's opcode, Intel's do nothing.
                     return code.fields.opcode != 0x0d || code.fields.memory();
                 });
}

TEST_CASE("Segment registers read as on the host") {
    Bench bench(37);
    for (const OpcodeRow& row : emu::insn::segments())
        if (row.opcode == 0x8c || (std::string_view(row.name) == "push"))
            compare_rows(bench, {&row, 1}, {row.name}, [](Code& code, Registers&) {
                return !(code.fields.opcode == 0x8c && code.fields.rex_r());
            });
}

TEST_CASE("RETF and IRET to the own segments do what the host does") {
    Bench bench(38);
    const Registers before = start();
    const u64 top = before.gpr[mmu::kRsp], target = HostCpu::kCode + 0x1234;
    SECTION("RETF pops 4-byte elements without REX.W") {
        put(bench, top, target | u64{0x33} << 32);
        CHECK(bench.compare(Bytes{0xcb}, before) == "");
        CHECK(bench.compare(Bytes{0xca, 0x18, 0x00}, before) == "");
    }
    SECTION("RETF with REX.W") {
        put(bench, top, target);
        put(bench, top + 8, 0x33);
        CHECK(bench.compare(Bytes{0x48, 0xcb}, before) == "");
        CHECK(bench.guest.run(Bytes{0x48, 0xcb}, before).registers.rip == target);
    }
    SECTION("IRETQ brings RSP and the flags that user code may change") {
        put(bench, top, target);
        put(bench, top + 8, 0x33);
        put(bench, top + 16, Rflags::kAlwaysOne | Rflags::kIf | Rflags::kCf | Rflags::kDf | Rflags::kId);
        put(bench, top + 24, top - 0x100);
        put(bench, top + 32, 0x2b);
        CHECK(bench.compare(Bytes{0x48, 0xcf}, before) == "");
        CHECK(bench.guest.run(Bytes{0x48, 0xcf}, before).registers.gpr[mmu::kRsp] == top - 0x100);
    }
    SECTION("a selector that is not there is #GP with it as the error code, and nothing moves") {
        put(bench, top, target);
        put(bench, top + 8, 0x7003);
        CHECK(bench.compare(Bytes{0x48, 0xcb}, before) == "");
        CHECK(bench.guest.run(Bytes{0x48, 0xcb}, before).fault.error_code == 0x7000);
    }
}

TEST_CASE("Loading a segment register takes the user's selectors and the null one, and nothing else") {
    GuestCpu guest;
    Registers before = start();
    before.fs_base = 0x1000;
    const Bytes load_ds{0x8e, 0xd8}, load_fs{0x8e, 0xe0}, load_ss{0x8e, 0xd0}, load_cs{0x8e, 0xc8};
    before.gpr[mmu::kRax] = 0x2b;
    CHECK(guest.run(load_ds, before).exit == Exit::kBudget);
    CHECK(guest.run(load_ss, before).exit == Exit::kBudget);
    CHECK(guest.run(load_fs, before).registers.fs_base == 0);
    CHECK(guest.run(load_cs, before).fault.vector == Vector::kInvalidOpcode);
    before.gpr[mmu::kRax] = 0;
    CHECK(guest.run(load_ds, before).exit == Exit::kBudget);
    CHECK(guest.run(load_ss, before).exit == Exit::kFault);
    before.gpr[mmu::kRax] = 0x1003;
    const auto refused = guest.run(load_ds, before);
    CHECK(refused.fault.vector == Vector::kGeneralProtection);
    CHECK(refused.fault.error_code == 0x1000);
}

TEST_CASE("POPF changes what user code may change, as on the host") {
    Bench bench(39);
    Registers before = start();
    for (unsigned round = 0; round < 2000; ++round) {
        before.rflags = Rflags::kAlwaysOne | Rflags::kIf |
                        (bench.rng.next() & (Rflags::kStatus | Rflags::kDf | Rflags::kId));
        // Not TF, which would trap, and not AC, which would fault on the way out of the host's function.
        put(bench, before.gpr[mmu::kRsp],
            bench.rng.next() & ~(Rflags::kTf | Rflags::kAc | mmu::mask(63, 22)));
        const std::string found = bench.compare(bench.rng.below(2) ? Bytes{0x9d} : Bytes{0x66, 0x9d}, before);
        INFO(found);
        REQUIRE(found.empty());
    }
}

TEST_CASE("SYSCALL leaves the next instruction in RCX and the flags in R11") {
    GuestCpu guest;
    Registers before = start();
    before.rflags |= Rflags::kCf | Rflags::kDf;
    const auto out = guest.run(Bytes{0x90, 0x0f, 0x05}, before, 10);
    CHECK(out.exit == Exit::kSyscall);
    CHECK(out.registers.rip == before.rip + 3);
    CHECK(out.registers.gpr[mmu::kRcx] == before.rip + 3);
    CHECK(out.registers.gpr[mmu::kR11] == before.rflags);
    CHECK(out.counters.instructions == 2);
}

TEST_CASE("RDTSC is the number of instructions retired, wherever it stands") {
    GuestCpu guest;
    for (unsigned nops = 0; nops < 8; ++nops) {
        Bytes code(nops, 0x90);
        code.insert(code.end(), {0x0f, 0x31});
        const auto out = guest.run(code, start(), nops + 1);
        CHECK(out.exit == Exit::kBudget);
        CHECK(out.registers.gpr[mmu::kRax] == nops + 1);
        CHECK(out.registers.gpr[mmu::kRdx] == 0);
    }
}

TEST_CASE("RDTSCP, XGETBV, RDRAND, RDFSBASE and VEX are undefined where CPUID does not offer them") {
    GuestCpu guest(mmu::small_tlb(16, 64), emu::FeatureSet{});
    for (const Bytes& code :
         {Bytes{0x0f, 0x01, 0xf9}, Bytes{0x0f, 0x01, 0xd0}, Bytes{0x0f, 0xc7, 0xf0},
          Bytes{0xf3, 0x0f, 0xae, 0xc0}, Bytes{0xc5, 0xf8, 0x77}}) {
        INFO(hex(code));
        const auto out = guest.run(code, start());
        CHECK(out.exit == Exit::kFault);
        CHECK(out.fault.vector == Vector::kInvalidOpcode);
        CHECK(out.registers.rip == start().rip);
    }
}

TEST_CASE("RDSSP and ENDBR64 are NOPs without shadow stacks") {
    GuestCpu guest;
    Registers before = start();
    before.gpr[mmu::kRax] = 0x1234;
    for (const Bytes& code : {Bytes{0xf3, 0x48, 0x0f, 0x1e, 0xc8}, Bytes{0xf3, 0x0f, 0x1e, 0xfa}}) {
        const auto out = guest.run(code, before);
        CHECK(out.exit == Exit::kBudget);
        CHECK(out.registers.gpr == before.gpr);
    }
}

TEST_CASE("LOCK is allowed only with a memory destination of the instructions that take it") {
    GuestCpu guest;
    Registers before = start();
    before.gpr[mmu::kRdi] = HostCpu::kData;
    CHECK(guest.run(Bytes{0xf0, 0x01, 0x07}, before).exit == Exit::kBudget);           // lock add [rdi], eax
    CHECK(guest.run(Bytes{0xf0, 0x01, 0xc8}, before).exit == Exit::kFault);            // lock add eax, ecx
    CHECK(guest.run(Bytes{0xf0, 0x03, 0x07}, before).exit == Exit::kFault);            // lock add eax, [rdi]
    CHECK(guest.run(Bytes{0xf0, 0xd1, 0x27}, before).exit == Exit::kFault);            // lock shl [rdi], 1
    CHECK(guest.run(Bytes{0xf0, 0x0f, 0xba, 0x27, 1}, before).exit == Exit::kFault);   // lock bt [rdi], 1
    CHECK(guest.run(Bytes{0xf0, 0x0f, 0xba, 0x2f, 1}, before).exit == Exit::kBudget);  // lock bts [rdi], 1
}

TEST_CASE("CMPXCHG16B wants alignment; a failed comparison still writes") {
    Bench bench(40);
    Registers before = start();
    before.gpr[mmu::kRdi] = HostCpu::kData + 8;
    CHECK(bench.compare(Bytes{0x48, 0x0f, 0xc7, 0x0f}, before) == "");
    CHECK(bench.guest.run(Bytes{0x48, 0x0f, 0xc7, 0x0f}, before).fault.vector == Vector::kGeneralProtection);
    auto& tables = bench.guest.machine().tables;
    const mmu::VirtAddr page{0x4000'0000};
    tables.map(page, mmu::PhysAddr{10 << 20});
    before.gpr[mmu::kRdi] = page.value;
    before.gpr[mmu::kRax] = 1;  // the memory is 0
    const auto out = bench.guest.run(Bytes{0x0f, 0xb1, 0x0f}, before);
    CHECK(out.registers.gpr[mmu::kRax] == 0);
    CHECK(out.counters.loads == 1);
    CHECK(out.counters.stores == 1);
    CHECK(tables.read(page, 1).dirty());
}

TEST_CASE("CMOV loads whether it moves or not") {
    GuestCpu guest;
    Registers before = start();
    before.gpr[mmu::kRdi] = HostCpu::kGuard;
    const auto out = guest.run(Bytes{0x0f, 0x44, 0x07}, before);  // cmove eax, [rdi], ZF clear
    CHECK(out.exit == Exit::kFault);
    CHECK(out.fault.address.value == HostCpu::kGuard);
}

TEST_CASE("CpuModel: CPUID offers what is implemented, in the chosen CPU's clothes") {
    for (const mmu::TlbConfig& preset : mmu::presets()) {
        const emu::CpuModel model(preset, emu::FeatureSet{});
        INFO(preset.name);
        const auto zero = model.cpuid(0, 0);
        char vendor[13] = {};
        std::memcpy(vendor, &zero.ebx, 4);
        std::memcpy(vendor + 4, &zero.edx, 4);
        std::memcpy(vendor + 8, &zero.ecx, 4);
        CHECK(preset.cpu.vendor == vendor);
        char brand[49] = {};
        for (u32 n = 0; n < 3; ++n) {
            const auto part = model.cpuid(0x80000002 + n, 0);
            std::memcpy(brand + 16 * n, &part, 16);
        }
        CHECK(preset.cpu.brand == brand);
        const auto one = model.cpuid(1, 0);
        CHECK((one.eax & 15) == preset.cpu.stepping);
        CHECK(one.edx == model.hwcap());
        constexpr u32 kSse2 = 1u << 26, kFxsr = 1u << 24, kCmov = 1u << 15, kOsxsave = 1u << 27,
                      kAvx = 1u << 28;
        CHECK((one.edx & (kSse2 | kFxsr | kCmov)) == (kSse2 | kFxsr | kCmov));
        CHECK((one.ecx & (kOsxsave | kAvx)) == 0);
        CHECK((one.ebx >> 8 & 255) * 8 == 64);
        const auto address = model.cpuid(0x80000008, 0);
        CHECK((address.eax & 255) == preset.cpu.physical_bits);
        CHECK((address.eax >> 8 & 255) == preset.cpu.virtual_bits);
        if (zero.eax >= 0xd) CHECK(model.cpuid(0xd, 0) == emu::CpuidResult{});
        CHECK(model.cpuid(0x80000000, 0).eax >= 0x80000008);
    }
}
