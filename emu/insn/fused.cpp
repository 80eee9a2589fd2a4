// CMP and TEST with the conditional branch that follows: nine conditional branches in ten follow one. The
// flags are kept as ever; what is saved is a dispatch and their evaluation.
#include "emu/insn/fused.h"

#include <unordered_map>
#include <utility>

#include "emu/insn/alu_forms.h"
#include "emu/insn/branches.h"

namespace emu::insn {
namespace {

[[gnu::always_inline]] inline Exit branch_on(Cpu& c, const Insn* i, bool taken) {
    return taken ? go_taken(c, i + 1) : go_fall(c, i + 1);
}

template <Alu op, Condition condition, class T>
Exit reg_reg(Cpu& c, const Insn* i) {
    return branch_on(c, i, compare<op, condition>(c.reg<T>(i->dst), c.reg<T>(i->src), c.flags));
}

template <Alu op, Condition condition, class T>
Exit reg_imm(Cpu& c, const Insn* i) {
    return branch_on(c, i, compare<op, condition>(c.reg<T>(i->dst), static_cast<T>(i->imm), c.flags));
}

template <Alu op, Condition condition, class T>
Exit reg_mem(Cpu& c, const Insn* i) {
    return with_load<T, BaseDisp>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
        return branch_on(cpu, insn, compare<op, condition>(cpu.reg<T>(insn->dst), get<T>(p), cpu.flags));
    });
}

template <Alu op, Condition condition, class T>
Exit mem_imm(Cpu& c, const Insn* i) {
    return with_load<T, BaseDisp>(c, i, [](Cpu& cpu, const Insn* insn, const u8* p, u64) {
        return branch_on(cpu, insn, compare<op, condition>(get<T>(p), static_cast<T>(insn->imm), cpu.flags));
    });
}

struct PairHash {
    std::size_t operator()(const std::pair<Handler, Handler>& pair) const {
        return reinterpret_cast<u64>(pair.first) * 31 + reinterpret_cast<u64>(pair.second);
    }
};
using Pairs = std::unordered_map<std::pair<Handler, Handler>, Handler, PairHash>;

template <Alu op, Condition condition, class T>
void add_width(Pairs& pairs) {
    const Handler branch = &jcc<condition>;
    pairs[{&RegReg<op>::template run<T>, branch}] = &reg_reg<op, condition, T>;
    pairs[{&RegImm<op>::template run<T>, branch}] = &reg_imm<op, condition, T>;
    if constexpr (op == Alu::kCmp)
        pairs[{&RegMem<op>::template run<T, BaseDisp>, branch}] = &reg_mem<op, condition, T>;
    pairs[{&MemAny<op, true>::template run<T, BaseDisp>, branch}] = &mem_imm<op, condition, T>;
}

template <Alu op, Condition condition>
void add_condition(Pairs& pairs) {
    add_width<op, condition, u8>(pairs);
    add_width<op, condition, u32>(pairs);
    add_width<op, condition, u64>(pairs);
}

template <Alu op, Condition... conditions>
void add_conditions(Pairs& pairs) {
    (add_condition<op, conditions>(pairs), ...);
}

Pairs all_pairs() {
    Pairs pairs;
    add_conditions<Alu::kCmp, Condition::kE, Condition::kNe, Condition::kB, Condition::kAe, Condition::kBe,
                   Condition::kA, Condition::kL, Condition::kGe, Condition::kLe, Condition::kG>(pairs);
    add_conditions<Alu::kTest, Condition::kE, Condition::kNe, Condition::kS, Condition::kNs, Condition::kLe,
                   Condition::kG>(pairs);
    return pairs;
}

}  // namespace

Handler fuse(Handler first, Handler branch) {
    static const Pairs pairs = all_pairs();
    const auto found = pairs.find({first, branch});
    return found == pairs.end() ? nullptr : found->second;
}

}  // namespace emu::insn
