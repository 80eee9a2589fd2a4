#include "emu/debug/agent_expression.h"

#include <vector>

namespace emu {
namespace {

using mmu::i64, mmu::u64, mmu::u8, mmu::usize;

enum Op : u8 {
    kAdd = 0x02,
    kSub,
    kMul,
    kDivSigned,
    kDivUnsigned,
    kRemSigned,
    kRemUnsigned,
    kLsh,
    kRshSigned,
    kRshUnsigned,
    kLogNot = 0x0e,
    kBitAnd,
    kBitOr,
    kBitXor,
    kBitNot,
    kEqual,
    kLessSigned,
    kLessUnsigned,
    kExt,
    kRef8,
    kRef16,
    kRef32,
    kRef64,
    kIfGoto = 0x20,
    kGoto,
    kConst8,
    kConst16,
    kConst32,
    kConst64,
    kReg,
    kEnd,
    kDup,
    kPop,
    kZeroExt,
    kSwap,
    kPick = 0x32,
    kRot = 0x33
};

class Evaluator {
  public:
    Evaluator(std::string_view code, const AgentContext& context) : code_(code), context_(context) {}

    std::optional<u64> run() {
        constexpr usize kMostSteps = 100000, kMostDepth = 256;
        for (usize step = 0; step < kMostSteps; ++step) {
            if (failed_ || stack_.size() > kMostDepth) return std::nullopt;
            const u8 op = static_cast<u8>(operand(1));
            if (failed_) return std::nullopt;
            if (op == kEnd) return stack_.empty() ? std::nullopt : std::optional(stack_.back());
            execute(op);
        }
        return std::nullopt;
    }

  private:
    /// Big-endian, from the code.
    u64 operand(usize bytes) {
        u64 value = 0;
        if (at_ > code_.size() || code_.size() - at_ < bytes) {
            failed_ = true;
            return 0;
        }
        while (bytes--) value = value << 8 | static_cast<u8>(code_[at_++]);
        return value;
    }
    u64 pop() {
        if (stack_.empty()) {
            failed_ = true;
            return 0;
        }
        const u64 value = stack_.back();
        stack_.pop_back();
        return value;
    }
    void push(u64 value) { stack_.push_back(value); }

    void reference(usize size) {
        u8 bytes[8] = {};
        if (!context_.read(pop(), {bytes, size})) failed_ = true;
        u64 value = 0;
        for (usize n = size; n-- > 0;) value = value << 8 | bytes[n];
        push(value);
    }

    void extend(bool sign) {
        const u64 bits = operand(1), value = pop();
        if (bits == 0 || bits >= 64) return push(value);
        const u64 low = value & ((u64{1} << bits) - 1);
        push(sign && (value >> (bits - 1) & 1) ? low | ~u64{0} << bits : low);
    }

    void divide(u8 op) {
        const u64 b = pop(), a = pop();
        const bool sign = op == kDivSigned || op == kRemSigned;
        if (b == 0 || (sign && b == ~u64{0})) {
            failed_ = b == 0;
            return push(op == kDivSigned ? u64{0} - a : 0);
        }
        const i64 sa = static_cast<i64>(a), sb = static_cast<i64>(b);
        push(op == kDivSigned     ? static_cast<u64>(sa / sb)
             : op == kRemSigned   ? static_cast<u64>(sa % sb)
             : op == kDivUnsigned ? a / b
                                  : a % b);
    }

    void binary(u8 op) {
        const u64 b = pop(), a = pop();
        const bool far = b >= 64;
        switch (op) {
            case kAdd:
                return push(a + b);
            case kSub:
                return push(a - b);
            case kMul:
                return push(a * b);
            case kLsh:
                return push(far ? 0 : a << b);
            case kRshUnsigned:
                return push(far ? 0 : a >> b);
            case kRshSigned:
                return push(static_cast<u64>(static_cast<i64>(a) >> (far ? 63 : b)));
            case kBitAnd:
                return push(a & b);
            case kBitOr:
                return push(a | b);
            case kBitXor:
                return push(a ^ b);
            case kEqual:
                return push(a == b);
            case kLessSigned:
                return push(static_cast<i64>(a) < static_cast<i64>(b));
            case kLessUnsigned:
                return push(a < b);
            default:
                failed_ = true;
        }
    }

    void shuffle(u8 op) {
        const usize depth = op == kDup ? 0 : op == kSwap ? 1 : op == kRot ? 2 : operand(1);
        if (op == kRot && stack_.size() > 2) {  // a b c: c a b
            const u64 top = pop();
            stack_.insert(stack_.end() - 2, top);
            return;
        }
        if (stack_.size() <= depth) {
            failed_ = true;
            return;
        }
        const auto from = stack_.end() - 1 - static_cast<std::ptrdiff_t>(depth);
        const u64 value = *from;
        if (op == kSwap) stack_.erase(from);
        push(value);
    }

    void execute(u8 op) {
        switch (op) {
            case kDivSigned:
            case kDivUnsigned:
            case kRemSigned:
            case kRemUnsigned:
                return divide(op);
            case kLogNot:
                return push(pop() == 0);
            case kBitNot:
                return push(~pop());
            case kExt:
                return extend(true);
            case kZeroExt:
                return extend(false);
            case kRef8:
            case kRef16:
            case kRef32:
            case kRef64:
                return reference(usize{1} << (op - kRef8));
            case kIfGoto: {
                const u64 target = operand(2);
                if (pop()) at_ = target;
                return;
            }
            case kGoto:
                at_ = operand(2);
                return;
            case kConst8:
            case kConst16:
            case kConst32:
            case kConst64:
                return push(operand(usize{1} << (op - kConst8)));
            case kReg: {
                const auto value = context_.reg(static_cast<unsigned>(operand(2)));
                if (!value) failed_ = true;
                return push(value.value_or(0));
            }
            case kDup:
            case kSwap:
            case kPick:
            case kRot:
                return shuffle(op);
            case kPop:
                pop();
                return;
            default:
                return binary(op);
        }
    }

    std::string_view code_;
    const AgentContext& context_;
    usize at_ = 0;
    std::vector<u64> stack_;
    bool failed_ = false;
};

}  // namespace

std::optional<u64> evaluate(std::string_view bytecode, const AgentContext& context) {
    return Evaluator(bytecode, context).run();
}

}  // namespace emu
