#include "emu/report/kernel_names.h"

namespace emu {
namespace {

/// 6.12's and 2.6.32's. Source: the two kernels' mm/memory.c, mm/mmap.c, arch/x86/mm/fault.c, entry_64.S.
constexpr std::pair<std::string_view, std::string_view> kRenamed[] = {
    {"asm_exc_page_fault", "page_fault"},  {"entry_SYSCALL_64", "system_call"},
    {"exc_page_fault", "do_page_fault"},   {"do_kern_addr_fault", "bad_area_nosemaphore"},
    {"expand_downwards", "expand_stack"},  {"__pgtable_alloc", "__pte_alloc"},
    {"do_fault", "do_linear_fault"},       {"do_read_fault", "__do_fault"},
    {"do_cow_fault", "__do_fault"},        {"do_shared_fault", "__do_fault"},
    {"wp_page_copy", "cow_user_page"},     {"alloc_pages", "__alloc_pages_nodemask"},
    {"free_pages", "__free_pages"},        {"__do_sys_brk", "sys_brk"},
    {"__do_sys_mmap", "sys_mmap"},         {"__do_sys_munmap", "sys_munmap"},
    {"__do_sys_mprotect", "sys_mprotect"}, {"__do_sys_mremap", "sys_mremap"},
    {"__do_sys_madvise", "sys_madvise"},   {"do_brk_flags", "do_brk"},
    {"vma_modify", "mprotect_fixup"},
};

}  // namespace

std::optional<KernelNames> kernel_names_of(std::string_view version) {
    if (version == "6.12") return KernelNames::kCurrent;
    if (version == "2.6.32") return KernelNames::k2632;
    return std::nullopt;
}

std::span<const std::pair<std::string_view, std::string_view>> renamed_functions() {
    return kRenamed;
}

std::string_view name_in(KernelNames names, std::string_view name) {
    if (names == KernelNames::kCurrent) return name;
    for (const auto& [current, old] : kRenamed)
        if (current == name) return old;
    return name;
}

std::string_view current_name(std::string_view name) {
    for (const auto& [current, old] : kRenamed)
        if (old == name) return current;
    return {};
}

}  // namespace emu
