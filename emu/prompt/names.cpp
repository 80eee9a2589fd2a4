// What names in expressions mean: the selected frame's variables, the program's, functions, registers.
#include <algorithm>
#include <cctype>

#include "emu/debug/kernel_functions.h"
#include "emu/prompt/debug_session.h"
#include "emu/prompt/registers.h"
#include "kernel/state.h"

namespace emu {
namespace {

using mmu::Expected, mmu::Unexpected;

Type function_type(const std::string& name) {
    TypeInfo type;
    type.kind = TypeInfo::Kind::kOther;
    type.name = name;
    return std::make_shared<TypeInfo>(std::move(type));
}

/// struct vm_area_struct as stages show it.
Type area_pointer() {
    TypeInfo area;
    area.kind = TypeInfo::Kind::kStruct;
    area.name = "struct vm_area_struct";
    area.size = sizeof(AreaImage);
    const Type word = pointer_to(nullptr);
    u64 offset = 0;
    for (const char* const name : {"vm_start", "vm_end", "vm_flags", "vm_pgoff"}) {
        area.members.push_back({name, offset, word});
        offset += 8;
    }
    return pointer_to(std::make_shared<TypeInfo>(std::move(area)));
}

}  // namespace

std::optional<Value> DebugSession::name_value(const std::string& name) {
    const auto read = [this](u64 address, std::span<u8> bytes) { return debugger_.read(address, bytes); };
    const auto of_variable = [&](const Variable& variable, const Frame& frame) -> std::optional<Value> {
        if (variable.address) return value_at(*variable.address, variable.type, read);
        if (!variable.gpr) return std::nullopt;
        return Value{frame.guest.registers.gpr[*variable.gpr], variable.type, {}, variable.gpr};
    };
    if (selected_ < frames().size()) {
        const Frame& frame = frames()[selected_];
        for (const auto& [argument, value] : frame.arguments)
            if (argument == name)
                return Value{value, name == "vma" ? area_pointer() : pointer_to(nullptr), {}, {}};
        if (!frame.kernel)
            for (const Variable& variable : modules_.locals(frame.guest, selected_ == 0))
                if (variable.name == name) return of_variable(variable, frame);
        if (const auto variable = modules_.global(name))
            if (auto value = of_variable(*variable, frame)) return value;
    }
    if (const auto symbol = modules_.find(name)) {
        if (symbol->function) return Value{symbol->address, function_type(name), symbol->address, {}};
        const u64 size = symbol->size;
        if (size == 1 || size == 2 || size == 4 || size == 8)
            return value_at(symbol->address, number_type(size, true), read);
        return Value{symbol->address, pointer_to(nullptr), symbol->address, {}};
    }
    const usize kernel = kernel_function(name);
    if (kernel < kernel_functions().size())
        return Value{address_of(kernel), function_type(name), address_of(kernel), {}};
    return std::nullopt;
}

std::optional<Value> DebugSession::dollar_value(const std::string& name) {
    const bool digits = !name.empty() && std::all_of(name.begin(), name.end(),
                                                     [](unsigned char c) { return std::isdigit(c); });
    if (name.empty() || digits) {
        const usize number = name.empty() ? state_.values.size() : std::stoul(name.substr(0, 9));
        if (number == 0 || number > state_.values.size()) return std::nullopt;
        return Value{state_.values[number - 1], {}, {}, {}};
    }
    const mmu::Registers& regs =
        selected_ < frames().size() ? frames()[selected_].guest.registers : registers();
    if (const auto value = read_general(regs, name))
        return Value{*value,
                     name.size() == 3 && name[0] == 'e' ? number_type(4, false) : Type{},
                     {},
                     general_number(name)};
    const mmu::ControlRegisters control = debugger_.control();
    const auto& faults = debugger_.faults().faults();
    const std::pair<const char*, u64> kOthers[] = {{"cr0", control.cr0},
                                                   {"cr3", control.cr3},
                                                   {"cr4", control.cr4},
                                                   {"efer", control.efer},
                                                   {"cr2", faults.empty() ? 0 : faults.back().address},
                                                   {"fault_mode", static_cast<u64>(debugger_.fault_mode())},
                                                   {"pf_err", faults.empty() ? 0 : faults.back().error_code},
                                                   {"fault_no", faults.size()},
                                                   {"icount", debugger_.instructions()},
                                                   {"_", examine_next_.value_or(0)}};
    for (const auto& [own, value] : kOthers)
        if (name == own)
            return Value{
                value, name == "icount" || name == "fault_no" ? Type{} : pointer_to(nullptr), {}, {}};
    if (name == "_exitcode" && ended())
        if (const auto exit = debugger_.machine().kernel().exit_status())
            return Value{static_cast<u64>(exit->shell_status()), {}, {}, {}};
    return std::nullopt;
}

}  // namespace emu
