// CMP and TEST with the conditional branch that follows: nine conditional branches in ten follow one. The
// flags are kept as ever; what is saved is a dispatch and their evaluation.
#include "emu/insn/fused.h"

#include "emu/insn/fused_forms.h"

namespace emu::insn {
namespace {

using Pairs = HandlerPairs;

template <Alu op, Condition condition, class T>
void add_width(Pairs& pairs) {
    const Handler branch = &jcc<condition>;
    pairs.set(&RegReg<op>::template run<T>, branch, &compare_reg_reg<op, condition, T>);
    pairs.set(&RegImm<op>::template run<T>, branch, &compare_reg_imm<op, condition, T>);
    if constexpr (op == Alu::kCmp)
        pairs.set(&RegMem<op>::template run<T, BaseDisp>, branch, &compare_reg_mem<op, condition, T>);
    pairs.set(&MemAny<op, true>::template run<T, BaseDisp>, branch, &compare_mem_imm<op, condition, T>);
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

const HandlerPairs& fused() {
    static const Pairs pairs = all_pairs();
    return pairs;
}

}  // namespace emu::insn
