// A handler ends by calling the next one's, which an optimising compiler makes a jump, unless a local's
// address is still known to somebody then. A handler that calls instead costs host stack for each instruction
// that a guest executes.
#include <xmmintrin.h>

#include <cstring>
#include <set>
#include <string>

#include "emu/decode/block_builder.h"
#include "emu/interp/block_ops.h"
#include "tests/oracle/emulated_cpu.h"
#include "tests/oracle/random_case.h"
#include "tests/support/host_cpu.h"

#include <catch2/catch.hpp>

#include "emu/cpu/cpu.h"

using namespace tests;

namespace {

#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
constexpr bool kJumps = true;
#else
constexpr bool kJumps = false;
#endif

const void* frame_reached = nullptr;

emu::Exit probe(emu::Cpu&, const emu::Insn*) {
    frame_reached = __builtin_frame_address(0);
    return emu::Exit::kBudget;
}

/// The frame in which the instruction behind `insn` runs, or null if that did not happen.
[[gnu::noinline]] const void* frame_behind(emu::Cpu& cpu, const emu::Insn* insn) {
    frame_reached = nullptr;
    insn->run(cpu, insn);
    return frame_reached;
}

}  // namespace

TEST_CASE("Handlers: each is left by a jump, so that no guest can use up the host's stack") {
    if (!kJumps) return;
    EmulatedCpu machine;
    emu::Cpu& cpu = machine.cpu();
    emu::Decoder decoder;
    emu::HugePages pages;
    emu::BlockBuilder builder(decoder, pages, emu::builder_handlers());
    emu::Insn only_probe;
    only_probe.run = probe;
    const void* const expected = frame_behind(cpu, &only_probe);
    const mmu::u32 host_mxcsr = _mm_getcsr();
    mmu::Rng rng(3);
    RandomCase test;
    std::set<std::string> calling;
    unsigned reached = 0;
    for (const auto chapter : emu::all_chapters())
        for (const emu::OpcodeRow& row : chapter)
            for (unsigned n = 0; n < 300; ++n) {
                if (!make_case(row, rng, test)) continue;
                emu::BlockBuilder::Source source;
                source.bytes = test.bytes;
                source.max_instructions = 1;
                if (builder.build(source) != emu::BlockBuilder::Status::kBuilt) continue;
                emu::Insn code[8];
                const unsigned size = builder.header().insns;
                std::copy_n(builder.code(), size, code);
                if (code[size - 1].length != 0) continue;  // a branch
                code[size - 1].run = probe;
                for (const Patch& patch : test.memory)
                    std::memcpy(machine.data() + patch.at, patch.bytes.data(), patch.bytes.size());
                cpu.regs = test.before;
                cpu.regs.mxcsr = 0x1f80;
                cpu.set_rflags(test.before.rflags);
                const void* const frame = frame_behind(cpu, code);
                _mm_setcsr(host_mxcsr);
                if (!frame) continue;
                ++reached;
                if (frame != expected) calling.insert(row.name);
            }
    CHECK(reached > 50'000);
    for (const std::string& name : calling) FAIL_CHECK(name << " calls the next handler");
}
