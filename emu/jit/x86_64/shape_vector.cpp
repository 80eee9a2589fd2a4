#include "emu/jit/x86_64/shape.h"

namespace emu::jit {

bool shape_vector(const Fields&, Shape&) {
    return false;
}

}  // namespace emu::jit
