// Capstone for x86-64 alone.
#pragma once

#include <capstone/capstone.h>

namespace emu {

/// Opens Capstone for 64-bit code. It is there once this file is linked, without its other CPUs.
csh open_capstone();

}  // namespace emu
