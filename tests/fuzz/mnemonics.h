// The names of rows and Capstone's names for the same instructions.
#pragma once

#include <string_view>

namespace tests {

/// Whether Capstone may call an instruction of the row `row` `mnemonic`.
bool is_name_of(std::string_view row, std::string_view mnemonic);

}  // namespace tests
