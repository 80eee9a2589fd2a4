// Variables and their types, from DWARF: as much as unoptimised programs have.
#include <dwarf.h>

#include "emu/prompt/modules.h"
#include "emu/prompt/modules_state.h"

namespace emu {
namespace {

constexpr mmu::Gpr kDwarfGpr[16] = {mmu::kRax, mmu::kRdx, mmu::kRcx, mmu::kRbx, mmu::kRsi, mmu::kRdi,
                                    mmu::kRbp, mmu::kRsp, mmu::kR8,  mmu::kR9,  mmu::kR10, mmu::kR11,
                                    mmu::kR12, mmu::kR13, mmu::kR14, mmu::kR15};

std::optional<u64> number(Dwarf_Die* die, unsigned name) {
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (!dwarf_attr_integrate(die, name, &attribute) || dwarf_formudata(&attribute, &value) != 0)
        return std::nullopt;
    return value;
}

bool type_of(Dwarf_Die* die, Dwarf_Die* type) {
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, DW_AT_type, &attribute) && dwarf_formref_die(&attribute, type);
}

TypeInfo::Kind kind_of(u64 encoding) {
    switch (encoding) {
        case DW_ATE_signed:
            return TypeInfo::Kind::kSigned;
        case DW_ATE_boolean:
            return TypeInfo::Kind::kBool;
        case DW_ATE_float:
            return TypeInfo::Kind::kFloat;
        case DW_ATE_signed_char:
        case DW_ATE_unsigned_char:
            return TypeInfo::Kind::kChar;
        default:
            return TypeInfo::Kind::kUnsigned;
    }
}

/// Reads types, each once. A type that is being read is there already, empty.
class TypeReader {
  public:
    TypeReader(std::map<const void*, TypeInfo*>& types, std::vector<std::unique_ptr<TypeInfo>>& all)
        : types_(types), all_(all) {}

    Type read(Dwarf_Die* die) {
        const auto found = types_.find(die->addr);
        if (found != types_.end()) return shared(found->second);
        all_.push_back(std::make_unique<TypeInfo>());
        TypeInfo* const out = all_.back().get();
        types_[die->addr] = out;
        // Nothing that a compiler wrote nests like this.
        constexpr unsigned kDeepest = 200;
        if (++depth_ <= kDeepest) fill(*die, *out);
        --depth_;
        return shared(out);
    }

  private:
    /// All of them live as long as the reader's owner.
    static Type shared(const TypeInfo* type) { return Type(Type{}, type); }

    void fill(Dwarf_Die die, TypeInfo& out) {
        if (const char* const name = dwarf_diename(&die)) out.name = name;
        // Names for types stand for what they name.
        for (unsigned steps = 0; steps < 32; ++steps) {
            const int tag = dwarf_tag(&die);
            if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type &&
                tag != DW_TAG_restrict_type)
                break;
            Dwarf_Die inner;
            if (!type_of(&die, &inner)) return;
            die = inner;
            if (out.name.empty())
                if (const char* const name = dwarf_diename(&die)) out.name = name;
        }
        out.size = number(&die, DW_AT_byte_size).value_or(0);
        switch (dwarf_tag(&die)) {
            case DW_TAG_base_type:
                out.kind = kind_of(number(&die, DW_AT_encoding).value_or(0));
                out.negative = number(&die, DW_AT_encoding) != DW_ATE_unsigned_char;
                break;
            case DW_TAG_enumeration_type:
                out.kind = TypeInfo::Kind::kUnsigned;
                break;
            case DW_TAG_pointer_type: {
                Dwarf_Die target;
                out.kind = TypeInfo::Kind::kPointer;
                out.size = 8;
                if (type_of(&die, &target)) out.element = read(&target);
                out.name = (out.element ? out.element->name : "void") + " *";
                break;
            }
            case DW_TAG_structure_type:
            case DW_TAG_union_type:
                out.kind = TypeInfo::Kind::kStruct;
                add_members(&die, out);
                break;
            case DW_TAG_array_type:
                out.kind = TypeInfo::Kind::kArray;
                add_elements(&die, out);
                break;
            default:
                break;
        }
    }

    void add_members(Dwarf_Die* die, TypeInfo& out) {
        Dwarf_Die child;
        if (dwarf_child(die, &child) != 0) return;
        do {
            Dwarf_Die type;
            if (dwarf_tag(&child) != DW_TAG_member || !type_of(&child, &type)) continue;
            if (number(&child, DW_AT_data_bit_offset)) continue;  // bit fields are left out
            const char* const name = dwarf_diename(&child);
            const u64 offset = number(&child, DW_AT_data_member_location).value_or(0);
            out.members.push_back({name ? name : "", offset, read(&type)});
        } while (dwarf_siblingof(&child, &child) == 0);
    }

    void add_elements(Dwarf_Die* die, TypeInfo& out) {
        Dwarf_Die element, child;
        if (type_of(die, &element)) out.element = read(&element);
        if (dwarf_child(die, &child) == 0) {
            if (const auto last = number(&child, DW_AT_upper_bound)) out.count = *last + 1;
            if (const auto count = number(&child, DW_AT_count)) out.count = *count;
        }
        out.size = out.element ? out.count * out.element->size : 0;
        out.name = (out.element ? out.element->name : "?") + " [" + std::to_string(out.count) + "]";
    }

    std::map<const void*, TypeInfo*>& types_;
    std::vector<std::unique_ptr<TypeInfo>>& all_;
    unsigned depth_ = 0;
};

/// Where a variable is: one operation, which is what compilers write without optimisation.
void locate(Dwarf_Die* die, Dwarf_Addr pc, Dwarf_Addr bias, const GuestFrame* frame,
            std::optional<u64> frame_base, Variable& out) {
    Dwarf_Attribute attribute;
    Dwarf_Op* operations = nullptr;
    usize count = 0;
    if (!dwarf_attr_integrate(die, DW_AT_location, &attribute)) return;
    if (frame ? dwarf_getlocation_addr(&attribute, pc, &operations, &count, 1) != 1
              : dwarf_getlocation(&attribute, &operations, &count) != 0)
        return;
    if (count != 1) return;
    const unsigned atom = operations[0].atom;
    if (atom == DW_OP_addr) out.address = operations[0].number + bias;
    if (!frame) return;
    if (atom == DW_OP_fbreg && frame_base) out.address = *frame_base + operations[0].number;
    if (atom >= DW_OP_breg0 && atom <= DW_OP_breg15)
        out.address = frame->registers.gpr[kDwarfGpr[atom - DW_OP_breg0]] + operations[0].number;
    if (atom >= DW_OP_reg0 && atom <= DW_OP_reg15) out.gpr = kDwarfGpr[atom - DW_OP_reg0];
}

std::optional<u64> frame_base_of(Dwarf_Die* function, Dwarf_Addr pc, const GuestFrame& frame) {
    Dwarf_Attribute attribute;
    Dwarf_Op* operations = nullptr;
    usize count = 0;
    if (!dwarf_attr_integrate(function, DW_AT_frame_base, &attribute)) return std::nullopt;
    if (dwarf_getlocation_addr(&attribute, pc, &operations, &count, 1) != 1 || count != 1)
        return std::nullopt;
    const unsigned atom = operations[0].atom;
    if (atom == DW_OP_call_frame_cfa) return frame.cfa ? std::optional(frame.cfa) : std::nullopt;
    if (atom >= DW_OP_reg0 && atom <= DW_OP_reg15) return frame.registers.gpr[kDwarfGpr[atom - DW_OP_reg0]];
    if (atom >= DW_OP_breg0 && atom <= DW_OP_breg15)
        return frame.registers.gpr[kDwarfGpr[atom - DW_OP_breg0]] + operations[0].number;
    return std::nullopt;
}

}  // namespace

std::vector<Variable> Modules::locals(const GuestFrame& frame, bool innermost) const {
    std::vector<Variable> found;
    const u64 address = frame.registers.rip - (innermost ? 0 : 1);
    Dwfl_Module* const module = state_->dwfl ? dwfl_addrmodule(state_->dwfl, address) : nullptr;
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = module ? dwfl_module_addrdie(module, address, &bias) : nullptr;
    if (!unit) return found;
    const Dwarf_Addr pc = address - bias;
    Dwarf_Die* scopes = nullptr;
    const int count = dwarf_getscopes(unit, pc, &scopes);
    std::optional<u64> base;
    for (int n = 0; n < count; ++n)
        if (dwarf_tag(&scopes[n]) == DW_TAG_subprogram) base = frame_base_of(&scopes[n], pc, frame);
    for (int n = 0; n < count; ++n) {
        if (dwarf_tag(&scopes[n]) == DW_TAG_compile_unit) break;
        Dwarf_Die child;
        if (dwarf_child(&scopes[n], &child) != 0) continue;
        do {
            const int tag = dwarf_tag(&child);
            const char* const name = dwarf_diename(&child);
            Dwarf_Die type;
            if ((tag != DW_TAG_variable && tag != DW_TAG_formal_parameter) || !name) continue;
            if (!type_of(&child, &type)) continue;
            Variable variable{.name = name,
                              .type = TypeReader(state_->types, state_->all_types).read(&type),
                              .address = {},
                              .gpr = {},
                              .argument = tag == DW_TAG_formal_parameter};
            locate(&child, pc, bias, &frame, base, variable);
            found.push_back(std::move(variable));
        } while (dwarf_siblingof(&child, &child) == 0);
    }
    free(scopes);
    return found;
}

std::optional<Variable> Modules::global(const std::string& name) const {
    if (!state_->dwfl) return std::nullopt;
    Dwarf_Die* unit = nullptr;
    Dwarf_Addr bias = 0;
    while ((unit = dwfl_nextcu(state_->dwfl, unit, &bias))) {
        Dwarf_Die child;
        if (dwarf_child(unit, &child) != 0) continue;
        do {
            const char* const own = dwarf_tag(&child) == DW_TAG_variable ? dwarf_diename(&child) : nullptr;
            Dwarf_Die type;
            if (!own || name != own || !type_of(&child, &type)) continue;
            Variable variable{.name = name,
                              .type = TypeReader(state_->types, state_->all_types).read(&type),
                              .address = {},
                              .gpr = {},
                              .argument = false};
            locate(&child, 0, bias, nullptr, {}, variable);
            if (variable.address) return variable;
        } while (dwarf_siblingof(&child, &child) == 0);
    }
    return std::nullopt;
}

}  // namespace emu
