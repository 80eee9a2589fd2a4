// What modules.cpp and modules_variables.cpp share. Nobody else includes it: it brings elfutils' headers.
#pragma once

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include "emu/prompt/modules.h"

namespace emu {

struct Modules::State {
    std::function<int(const std::string&)> open;
    std::string files;  ///< what was mapped at the last update
    Dwfl_Callbacks callbacks{};
    Dwfl* dwfl = nullptr;
    std::map<std::string, Symbol> symbols;
    // Types point at each other in circles: here each is once, and lives as long as this does.
    std::map<const void*, TypeInfo*> types;  ///< by the address of their DWARF entry
    std::vector<std::unique_ptr<TypeInfo>> all_types;
    void* unwinding = nullptr;  ///< the one under way (modules.cpp)
    bool attached = false;      ///< to our memory and registers

    ~State() {
        if (dwfl) dwfl_end(dwfl);
    }
    void collect_symbols();
};

}  // namespace emu
