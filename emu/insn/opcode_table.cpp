#include "emu/insn/opcode_table.h"

#include <array>

#include "emu/insn/chapters.h"
#include "mmu/base/check.h"

namespace emu {

std::vector<std::span<const OpcodeRow>> all_chapters() {
    return {insn::arithmetic(),    insn::data_transfer(),
            insn::exchange(),      insn::conditional(),
            insn::control_flow(),  insn::segments(),
            insn::shifts(),        insn::integer_extensions(),
            insn::bmi(),           insn::bits(),
            insn::multiply(),      insn::strings(),
            insn::flags(),         insn::system(),
            insn::user_state(),    insn::sse_move(),
            insn::sse_integer(),   insn::sse_shuffle(),
            insn::sse_float(),     insn::sse_convert(),
            insn::sse_state(),     insn::ssse3(),
            insn::sse4_integer(),  insn::sse4_float(),
            insn::sse42_strings(), insn::crypto(),
            insn::x87(),           insn::mmx(),
            insn::avx_move(),      insn::avx_float(),
            insn::avx_integer(),   insn::avx2_integer(),
            insn::avx2_permute(),  insn::avx_masked(),
            insn::avx2_masked(),   insn::avx_string(),
            insn::avx_crypto(),    insn::avx_wide_crypto(),
            insn::avx_fma(),       insn::avx_half_precision(),
            insn::xsave()};
}

namespace {

/// Rows by map and opcode, each list in table order, all in one piece of memory.
class Index {
  public:
    Index() {
        for_each([&](unsigned place, const OpcodeRow&) { ++begin_[place + 1]; });
        for (usize n = 1; n < begin_.size(); ++n) begin_[n] = static_cast<u16>(begin_[n] + begin_[n - 1]);
        rows_.resize(begin_.back());
        std::array<u16, kPlaces + 1> next = begin_;
        for_each([&](unsigned place, const OpcodeRow& row) { rows_[next[place]++] = &row; });
    }
    std::span<const OpcodeRow* const> at(Map map, u8 opcode) const {
        const unsigned place = static_cast<u8>(map) * 256u + opcode;
        return {rows_.data() + begin_[place], rows_.data() + begin_[place + 1]};
    }

  private:
    static constexpr usize kPlaces = 4 * 256;

    template <class Use>
    static void for_each(Use use) {
        for (const auto chapter : all_chapters())
            for (const OpcodeRow& row : chapter) {
                CHECK(row.opcode + row.count <= 256, row.opcode, row.count);
                for (unsigned n = 0; n < row.count; ++n)
                    use(static_cast<u8>(row.map) * 256u + row.opcode + n, row);
            }
    }

    std::array<u16, kPlaces + 1> begin_{};
    std::vector<const OpcodeRow*> rows_;
};

/// F2 and F3 go before 66 as mandatory prefixes (SDM Vol. 2A 2.1.2 and appendix A.2.1).
bool prefix_matches(Prefix wanted, const Fields& f) {
    const u8 repeat = f.vex ? (f.vex_pp == 2 ? 0xf3 : f.vex_pp == 3 ? 0xf2 : 0) : f.repeat;
    const bool has66 = f.vex ? f.vex_pp == 1 : f.operand16;
    switch (wanted) {
        case Prefix::kAny:
            return true;
        case Prefix::kNone:
            return repeat == 0 && !has66;
        case Prefix::k66:
            return repeat == 0 && has66;
        case Prefix::kF3:
            return repeat == 0xf3;
        case Prefix::kF2:
            return repeat == 0xf2;
    }
    return false;
}

bool vex_matches(const VexRule& rule, const Fields& f) {
    if (rule.length != VexLength::kAny && (rule.length == VexLength::k256) != (f.vex_l == 1)) return false;
    return rule.vvvv || f.vex_vvvv == 0;
}

bool matches(const OpcodeRow& row, const Fields& f) {
    if ((row.encoding == Encoding::kVex) != f.vex) return false;
    if (f.vex && !vex_matches(row.vex, f)) return false;
    if (row.vex.w != VexW::kAny && (row.vex.w == VexW::k1) != f.rex_w()) return false;
    if (row.extension >= 0 && f.modrm_reg() != row.extension) return false;
    if (row.rm >= 0 && (f.memory() || (f.modrm & 7) != row.rm)) return false;
    if (row.operand == Operand::kMemory && !f.memory()) return false;
    if (row.operand == Operand::kRegister && f.memory()) return false;
    return prefix_matches(row.prefix, f);
}

}  // namespace

const OpcodeRow* find_row(const Fields& fields, FeatureSet features) {
    static const Index index;
    for (const OpcodeRow* row : index.at(fields.map, fields.opcode))
        if (features.has(row->feature) && matches(*row, fields)) return row;
    return nullptr;
}

}  // namespace emu
