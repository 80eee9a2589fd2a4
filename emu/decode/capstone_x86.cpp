#include "emu/decode/capstone_x86.h"

#include "mmu/base/check.h"

namespace emu {

csh open_capstone() {
    csh handle = 0;
    CHECK(cs_open(CS_ARCH_X86, CS_MODE_64, &handle) == CS_ERR_OK);
    return handle;
}

}  // namespace emu

// What Capstone's library calls to set up its other CPUs (cs.c and the *Module.c of 4.0). Defined here, the
// linker leaves out what a static library has for them: five megabytes, and 330 pages of tables, most of
// them M68K's, that the dynamic linker would write to at each start, which takes more than a millisecond.
extern "C" {

cs_err AArch64_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err AArch64_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
cs_err ARM_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err ARM_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
cs_err EVM_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err EVM_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
cs_err M680X_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err M680X_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
cs_err M68K_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err M68K_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
cs_err Mips_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err Mips_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
cs_err PPC_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err PPC_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
cs_err Sparc_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err Sparc_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
cs_err SystemZ_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err SystemZ_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
cs_err TMS320C64x_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err TMS320C64x_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
cs_err XCore_global_init(void*) {
    return CS_ERR_ARCH;
}
cs_err XCore_option(void*, cs_opt_type, size_t) {
    return CS_ERR_ARCH;
}
}
