// What the interpreter's parts cost: an instruction of each frequent kind inside a block, leaving a block in
// each way, and decoding. Items are guest instructions.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "emu/cpu/cpu_model.h"
#include "emu/decode/block_builder.h"
#include "emu/interp/block_ops.h"
#include "emu/interp/interpreter.h"
#include "tests/mmu/machine.h"

namespace {

using mmu::i64, mmu::u32, mmu::u64, mmu::u8, mmu::usize;
using Bytes = std::vector<u8>;

constexpr u64 kCode = 0x1000'0000, kData = 0x2000'0000;

/// A CPU with 16 pages of code and 64 of data; the guest program is `body`, repeated, in an endless loop.
class Guest {
  public:
    Guest(const Bytes& body, unsigned repeat)
        : machine_(*mmu::find_preset(mmu::kDefaultPreset)),
          model_(*mmu::find_preset(mmu::kDefaultPreset), emu::FeatureSet::all()),
          cpu_(machine_.mmu, model_),
          interpreter_(cpu_) {
        for (u64 page = 0; page < 16; ++page) map(kCode, page, 8 << 20);
        for (u64 page = 0; page < 64; ++page) map(kData, page, 10 << 20);
        u8* const start = machine_.memory.host(mmu::PhysAddr{8 << 20});
        u8* at = start;
        for (unsigned n = 0; n < repeat; ++n, at += body.size()) std::memcpy(at, body.data(), body.size());
        const auto back = static_cast<mmu::i32>(start - (at + 5));
        *at = 0xe9;
        std::memcpy(at + 1, &back, 4);
        cpu_.regs.rip = kCode;
        for (const auto reg : {mmu::kRbx, mmu::kRsi, mmu::kRdi}) cpu_.regs.gpr[reg] = kData;
        cpu_.regs.gpr[mmu::kRsp] = kData + 0x8000;
    }
    void run(u64 instructions) {
        if (interpreter_.run(instructions) != emu::Exit::kBudget) std::abort();
    }

  private:
    void map(u64 address, u64 page, u64 physical) {
        const u64 at = page * mmu::kPageSize;
        machine_.tables.map(mmu::VirtAddr{address + at}, mmu::PhysAddr{physical + at});
    }

    mmu::Machine machine_;
    emu::CpuModel model_;
    emu::Cpu cpu_;
    emu::Interpreter interpreter_;
};

void instructions(benchmark::State& state, const Bytes& body, unsigned repeat = 32) {
    constexpr u64 kRun = 100'000;
    Guest guest(body, repeat);
    guest.run(kRun);
    for (auto _ : state) guest.run(kRun);
    state.SetItemsProcessed(state.iterations() * static_cast<i64>(kRun));
}

BENCHMARK_CAPTURE(instructions, add_register, Bytes{0x48, 0x01, 0xd0});                // add rax, rdx
BENCHMARK_CAPTURE(instructions, add_flags_seen, Bytes{0x48, 0x01, 0xd0, 0x71, 0x00});  // add; jno +0
BENCHMARK_CAPTURE(instructions, mov_load, Bytes{0x48, 0x8b, 0x03});                    // mov rax, [rbx]
BENCHMARK_CAPTURE(instructions, mov_load_indexed, Bytes{0x48, 0x8b, 0x44, 0x8b, 0x08});
BENCHMARK_CAPTURE(instructions, mov_store, Bytes{0x48, 0x89, 0x03});                   // mov [rbx], rax
BENCHMARK_CAPTURE(instructions, add_memory, Bytes{0x48, 0x01, 0x03});                  // add [rbx], rax
BENCHMARK_CAPTURE(instructions, push_pop, Bytes{0x50, 0x58});                          // push rax; pop rax
BENCHMARK_CAPTURE(instructions, compare_branch, Bytes{0x48, 0x39, 0xd0, 0x75, 0x00});  // cmp rax, rdx; jne +0
BENCHMARK_CAPTURE(instructions, call_ret,
                  Bytes{0xe8, 0x02, 0, 0, 0, 0xeb, 0x01, 0xc3});                // call 1f; jmp 2f; 1: ret; 2:
BENCHMARK_CAPTURE(instructions, padd_register, Bytes{0x66, 0x0f, 0xfe, 0xc1});  // paddd xmm0, xmm1
BENCHMARK_CAPTURE(instructions, load_vector, Bytes{0xf3, 0x0f, 0x6f, 0x03});    // movdqu xmm0, [rbx]
/// The trap of small loops: ever more distinct instructions, until the host's branch predictor runs out.
BENCHMARK_CAPTURE(instructions, mixed_footprint_200,
                  Bytes{0x48, 0x8b, 0x03, 0x48, 0x01, 0xd0, 0x48, 0x89, 0x03}, 66);
BENCHMARK_CAPTURE(instructions, mixed_footprint_6000,
                  Bytes{0x48, 0x8b, 0x03, 0x48, 0x01, 0xd0, 0x48, 0x89, 0x03}, 2000);

/// Decoding of a real program's code, each instruction once: with the templates known, and from nothing.
void decode(benchmark::State& state, bool warm) {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const Bytes program{std::istreambuf_iterator<char>(file), {}};
    const std::span<const u8> code(program.data() + program.size() / 4, 1 << 16);
    const auto all = [&](emu::Decoder& decoder) {
        i64 count = 0;
        for (usize at = 0; at + 16 < code.size(); ++count) {
            const auto result = decoder.decode(code.subspan(at, 16));
            at += result.status == emu::DecodeStatus::kOk ? result.fields.length : 1;
        }
        return count;
    };
    emu::Decoder known;
    i64 items = all(known);
    for (auto _ : state) {
        if (warm) {
            benchmark::DoNotOptimize(all(known));
        } else {
            emu::Decoder fresh;
            benchmark::DoNotOptimize(all(fresh));
        }
    }
    state.SetItemsProcessed(state.iterations() * items);
}
/// The same code made into blocks, as the run loop does: ns for each unique instruction, template lookup,
/// operands, flags that nobody sees, pairs and all.
void build_blocks(benchmark::State& state) {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const Bytes program{std::istreambuf_iterator<char>(file), {}};
    const std::span<const u8> code(program.data() + program.size() / 4, 1 << 16);
    emu::Decoder decoder;
    emu::HugePages pages;
    emu::BlockBuilder builder(decoder, pages, emu::builder_handlers());
    i64 instructions = 0;
    for (auto _ : state)
        for (usize page = 0; page < code.size(); page += mmu::kPageSize)
            for (usize at = 0; at + 16 < mmu::kPageSize;) {
                emu::BlockBuilder::Source source;
                source.bytes = code.subspan(page + at, mmu::kPageSize - at);
                source.offset = at;
                if (builder.build(source) != emu::BlockBuilder::Status::kBuilt) break;
                instructions += builder.header().instructions;
                const emu::Insn& last = builder.code()[builder.header().insns - 1];
                at += last.offset + std::max<usize>(last.length, 1);
            }
    state.SetItemsProcessed(instructions);
}
BENCHMARK(build_blocks);
BENCHMARK_CAPTURE(decode, templates_known, true);
BENCHMARK_CAPTURE(decode, from_nothing, false);

}  // namespace
