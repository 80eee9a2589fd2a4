// A dispatch costs a load and an indirect jump, which the host must predict; about half of all instructions
// are register operations shorter than that. Such an instruction does its step and jumps straight to its
// neighbour's handler, which is known when the block is built. Nothing else changes: costs, offsets and what
// happens at a fault are the neighbour's own.
#include "emu/insn/pairs.h"

#include "emu/insn/fused_forms.h"
#include "emu/insn/move_forms.h"
#include "emu/insn/shift_forms.h"

namespace emu::insn {
namespace {

/// A register operation as the first of a pair.
template <class Form, class... Types>
struct First {
    static constexpr Handler kAlone = &Form::template run<Types...>;

    template <Handler second>
    static Exit run(Cpu& c, const Insn* i) {
        Form::template step<Types...>(c, i);
        ++i;
        asm("" : "+r"(i));
        return second(c, i);
    }
};

template <class... Members>
struct List {};

template <class T>
using FirstsOf =
    List<First<MovRegReg, T>, First<QuietReg<Alu::kAdd, false>, T>, First<QuietReg<Alu::kAdd, true>, T>,
         First<QuietReg<Alu::kSub, false>, T>, First<QuietReg<Alu::kAnd, false>, T>,
         First<QuietReg<Alu::kAnd, true>, T>, First<QuietReg<Alu::kXor, false>, T>,
         First<QuietShiftConstant<Shift::kShl>, T>, First<QuietShiftConstant<Shift::kShr>, T>,
         First<QuietShiftConstant<Shift::kRor>, T>, First<QuietShiftConstant<Shift::kRol>, T>,
         First<RegReg<Alu::kAdd>, T>, First<RegImm<Alu::kAdd>, T>, First<RegImm<Alu::kSub>, T>,
         First<RegReg<Alu::kXor>, T>, First<Lea, T, BaseDisp>, First<Lea, T, AnyAddress>>;
using OtherFirsts = List<First<MovRegImm, u32>, First<ExtendReg<u8>, u32>, First<ExtendReg<i32>, u64>>;

/// What may follow, by handler.
template <Handler... handlers>
struct Seconds {};

template <class T>
using SecondsOf =
    Seconds<&MovRegReg::run<T>, &QuietReg<Alu::kAdd, false>::run<T>, &QuietReg<Alu::kAdd, true>::run<T>,
            &QuietReg<Alu::kAnd, false>::run<T>, &QuietReg<Alu::kXor, false>::run<T>,
            &QuietShiftConstant<Shift::kShl>::run<T>, &QuietShiftConstant<Shift::kShr>::run<T>,
            &QuietShiftConstant<Shift::kRor>::run<T>, &QuietShiftConstant<Shift::kRol>::run<T>,
            &RegReg<Alu::kAdd>::run<T>, &RegReg<Alu::kXor>::run<T>, &RegImm<Alu::kAdd>::run<T>,
            &RegImm<Alu::kSub>::run<T>, &Lea::run<T, BaseDisp>, &MovRegMem::run<T, BaseDisp>,
            &MovRegMem::run<T, AnyAddress>, &MovMem<false>::run<T, BaseDisp>,
            &MovMem<false>::run<T, AnyAddress>, &QuietRegMem<Alu::kAdd>::run<T, AnyAddress>,
            &compare_reg_reg<Alu::kCmp, Condition::kE, T>, &compare_reg_reg<Alu::kCmp, Condition::kNe, T>,
            &compare_reg_imm<Alu::kCmp, Condition::kE, T>, &compare_reg_imm<Alu::kCmp, Condition::kNe, T>,
            &compare_reg_imm<Alu::kCmp, Condition::kA, T>, &compare_reg_imm<Alu::kCmp, Condition::kBe, T>,
            &compare_reg_reg<Alu::kTest, Condition::kE, T>, &compare_reg_reg<Alu::kTest, Condition::kNe, T>>;
using OtherSeconds =
    Seconds<&ExtendMem<u8>::run<u32, BaseDisp>, &ExtendMem<u8>::run<u32, AnyAddress>, &Push<false>::run<u64>,
            &MovRegImm::run<u32>, &jcc<Condition::kE>, &jcc<Condition::kNe>>;

// As data, which is read faster than the code that would write it.
template <Handler... handlers>
inline constexpr Handler kArray[] = {handlers...};

template <class F, Handler... seconds>
inline constexpr Handler kRow[] = {&F::template run<seconds>...};

template <class... Firsts, Handler... seconds>
void add_all(HandlerPairs& pairs, List<Firsts...>, Seconds<seconds...>) {
    (pairs.add(kArray<Firsts::kAlone>, kArray<seconds...>, kRow<Firsts, seconds...>), ...);
}

}  // namespace

const HandlerPairs& pairs() {
    static const HandlerPairs table = [] {
        HandlerPairs all;
        add_all(all, FirstsOf<u32>{}, SecondsOf<u32>{});
        add_all(all, FirstsOf<u64>{}, SecondsOf<u64>{});
        add_all(all, FirstsOf<u32>{}, OtherSeconds{});
        add_all(all, FirstsOf<u64>{}, OtherSeconds{});
        add_all(all, OtherFirsts{}, SecondsOf<u64>{});
        add_all(all, OtherFirsts{}, OtherSeconds{});
        return all;
    }();
    return table;
}

}  // namespace emu::insn
