// Hits are references that were charged less misses that were seen, so each instruction must be charged just
// what it makes.
#include <cstring>
#include <set>
#include <string>

#include "tests/oracle/emulated_cpu.h"
#include "tests/oracle/random_case.h"

#include <catch2/catch.hpp>

#include "emu/cpu/cpu.h"

using namespace tests;

namespace {

/// What follows is in the same block: no branch, and no instruction that is a block of its own.
bool ends_block(const emu::OpcodeRow& row, const RandomCase& test) {
    emu::Insn insn;
    return row.alone || !row.build(test.fields, insn) || insn.cost & emu::Cost::kEnd;
}

/// One reference stands for all elements of a string that lie in one page.
bool is_string(const emu::OpcodeRow& row) {
    for (const std::string_view name : {"movs", "cmps", "stos", "lods", "scas"})
        if (row.name == name) return true;
    return false;
}

u64 charged(const emu::Counters& counters) {
    return counters.loads + counters.stores + counters.fetches;
}

}  // namespace

TEST_CASE("References: an instruction is charged what it makes, also when it faults on the way") {
    EmulatedCpu machine;
    emu::Cpu& cpu = machine.cpu();
    mmu::Rng rng(4);
    RandomCase test;
    std::set<std::string> wrong;
    for (const auto chapter : emu::all_chapters())
        for (const emu::OpcodeRow& row : chapter)
            for (unsigned n = 0; n < 200; ++n) {
                if (is_string(row) || !make_case(row, rng, test)) continue;
                for (const Patch& patch : test.memory)
                    std::memcpy(machine.data() + patch.at, patch.bytes.data(), patch.bytes.size());
                const u64 charged_before = charged(cpu.counters), clock_before = cpu.l0.clock;
                const auto out = machine.run(test.bytes, test.before);
                const u64 made = cpu.l0.clock - clock_before,
                          counted = charged(cpu.counters) - charged_before;
                const bool went_on = out.executed && !ends_block(row, test) &&
                                     out.registers.rip == test.before.rip + test.bytes.size();
                const bool page_fault = !out.executed && out.fault.vector == mmu::Vector::kPageFault;
                // The HLT behind it is fetched, which is charged, from the same block, which is no reference.
                if ((went_on && counted != made + 1) || (page_fault && counted != made))
                    wrong.insert(row.name);
            }
    for (const std::string& name : wrong) FAIL_CHECK(name << " is charged otherwise than it refers");
    CHECK(wrong.empty());
}
