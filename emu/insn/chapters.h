// The chapters of the instruction set: each is a file of functors and one table of rows.
#pragma once

#include <span>

#include "emu/insn/flag_table.h"
#include "emu/insn/opcode_table.h"

namespace emu::insn {

using Rows = std::span<const OpcodeRow>;

Rows arithmetic();     ///< ADD OR ADC SBB AND SUB XOR CMP TEST INC DEC NEG NOT
Rows data_transfer();  ///< MOV MOVZX MOVSX MOVSXD LEA PUSH POP
Rows exchange();       ///< XCHG XADD CMPXCHG CMPXCHG8B CMPXCHG16B BSWAP CBW CWD ..., NOP
Rows conditional();    ///< CMOVcc SETcc
Rows control_flow();   ///< JMP Jcc CALL RET LOOP JRCXZ ENTER LEAVE INT3 UD2
Rows segments();       ///< MOV to and from segment registers, PUSH POP FS GS, LSS .., far JMP CALL RET, IRET
Rows shifts();         ///< SHL SHR SAR ROL ROR RCL RCR SHLD SHRD
Rows integer_extensions();  ///< POPCNT LZCNT TZCNT MOVBE CRC32 ADCX ADOX
Rows bmi();                 ///< BMI1 and BMI2: ANDN BEXTR .. RORX
Rows bits();                ///< BT BTS BTR BTC BSF BSR
Rows multiply();            ///< MUL IMUL DIV IDIV
Rows strings();             ///< MOVS CMPS STOS LODS SCAS with REP, REPE, REPNE
Rows flags();               ///< CLC STC CMC CLD STD LAHF SAHF PUSHF POPF
Rows user_state();          ///< RDFSBASE .. WRGSBASE RDPKRU WRPKRU RDPID RDRAND RDSEED
Rows system();              ///< SYSCALL CPUID RDTSC fences, prefetches, NOPs, what is privileged (#GP)
Rows sse_move();            ///< MOVAPS .. MOVNT*, MOVMSK*, PEXTRW, PINSRW, MASKMOVDQU
Rows sse_integer();         ///< the P* family on XMM registers
Rows sse_shuffle();         ///< PSHUFD PSHUFHW PSHUFLW SHUFPS SHUFPD
Rows sse_float();           ///< arithmetic, compares, logic
Rows sse_convert();         ///< CVT*
Rows sse_state();           ///< LDMXCSR STMXCSR FXSAVE FXRSTOR
Rows ssse3();
Rows sse4_integer();
Rows sse4_float();       ///< ROUND* DPPS DPPD
Rows sse42_strings();    ///< PCMPESTRI PCMPESTRM PCMPISTRI PCMPISTRM
Rows crypto();           ///< AES-NI PCLMULQDQ SHA
Rows avx_move();         ///< VMOV*, inserts, extracts, broadcasts of memory, VZEROUPPER
Rows avx_float();        ///< arithmetic, comparisons, logic, shuffles, conversions
Rows avx_integer();      ///< the VP* family on XMM registers
Rows avx2_integer();     ///< the same on YMM registers
Rows avx2_permute();     ///< broadcasts, permutations across lanes, shifts by vectors
Rows avx_masked();       ///< VMASKMOVPS, VMASKMOVPD, VMASKMOVDQU
Rows avx2_masked();      ///< VPMASKMOVD, VPMASKMOVQ, the gathers
Rows avx_string();       ///< VPCMPISTR*, VPCMPESTR*, VPHMINPOSUW, VLDMXCSR
Rows avx_crypto();       ///< VAES*, VPCLMULQDQ
Rows avx_wide_crypto();  ///< the same on YMM registers
Rows avx_fma();
Rows avx_half_precision();  ///< F16C
Rows xsave();               ///< XSAVE XRSTOR XGETBV
Rows x87();
Rows mmx();

// What has a VEX encoding that does the same.
bool maskmovdqu(const Fields& fields, Insn& out);
bool ldmxcsr(const Fields& fields, Insn& out);
bool stmxcsr(const Fields& fields, Insn& out);

// What the hot handlers of a chapter do to the flags.
void add_arithmetic_flags(FlagTable& table);
void add_data_transfer_flags(FlagTable& table);
void add_shift_flags(FlagTable& table);
void add_multiply_flags(FlagTable& table);
void add_integer_extension_flags(FlagTable& table);
void add_bmi_flags(FlagTable& table);

}  // namespace emu::insn
