// What Capstone 4.0.2 gets wrong, so that its word can be taken for the rest: prefixes in an order that it
// misreads are put into the one that it reads well, and the encodings that it refuses although the CPU
// executes them are listed.
#pragma once

#include <array>

#include "emu/insn/fields.h"

namespace emu {

/// Writes the instruction with only the prefixes that decide its validity, in the order assemblers use.
/// Returns its length.
unsigned canonical_form(const Fields& fields, std::array<u8, 16>& out);

/// True for valid encodings that Capstone does not know.
bool refused_by_capstone(const Fields& fields);

/// True where a row of the opcode table stands for encodings of which some do not exist, so that Capstone has
/// to say which do. About all others the two agree: a test asks for each of them.
bool capstone_decides(const Fields& fields);

}  // namespace emu
