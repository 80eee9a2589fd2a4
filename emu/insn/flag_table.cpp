#include "emu/insn/flag_table.h"

#include "emu/insn/chapters.h"

namespace emu {

const FlagTable& flag_table() {
    static const FlagTable table = [] {
        FlagTable all;
        insn::add_arithmetic_flags(all);
        insn::add_data_transfer_flags(all);
        insn::add_shift_flags(all);
        insn::add_multiply_flags(all);
        insn::add_integer_extension_flags(all);
        insn::add_bmi_flags(all);
        return all;
    }();
    return table;
}

}  // namespace emu
