// SSE instructions: a guest's vector register is in the host's of the same number from its first use in a block
// to the block's end.
#include "emu/jit/x86_64/translator.h"

namespace emu::jit {

void Translator::vector(const Insn&, const Shape&) {}

void Translator::flush_xmm() {}

}  // namespace emu::jit
