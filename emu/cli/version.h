// The version that --version prints; CMakeLists.txt states the same for the package.
#pragma once

namespace emu {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace emu
