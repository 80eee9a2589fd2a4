// One log line for what a guest asks for and does not get. Apart, because the logging library is slow to
// compile.
#pragma once

namespace emu::insn {

[[gnu::cold, gnu::noinline]] void warn(const char* text);

}  // namespace emu::insn
