// What `mmuscope --help` says beside the options.
#pragma once

namespace emu {

inline constexpr const char* kIntroduction =
    "mmuscope runs a Linux x86-64 program on a software MMU and shows what its TLBs, page tables and page "
    "faults did.";

inline constexpr const char* kExamples = R"(Examples:
  mmuscope ./a.out one two                     run a program; its output and exit status are its own
  mmuscope stat ./a.out                        the same, then a table of TLB, walk and fault counts on stderr
  mmuscope stat --tlb zen4 -o out.txt ./a.out  on another CPU's TLBs, the table in a file
  mmuscope stat --json ./a.out 2>out.json      for programs to read
  mmuscope run --story ./a.out                 each brk, mmap, munmap and page fault, step by step
  mmuscope explain --fault 12 ./a.out          the story of one fault (--brk N: of one brk call)
  mmuscope gdb ./a.out                         gdb before the first instruction; `monitor help` there
  mmuscope debug ./a.out                       a debugger of our own: a prompt, `help` there
  mmuscope run --gdb 1234 ./a.out              the same for a gdb elsewhere: target remote :1234
  mmuscope record day.rec ./a.out              run it and keep what came from outside; then
  mmuscope replay day.rec stat                 the same run again, anywhere, with counts
  mmuscope smaps --at-fault 20 ./a.out         its areas and their resident pages after the 20th page fault
  mmuscope diff-host ./a.out                   its page faults here and on the host itself, compared
  mmuscope run --strace-e %file ./a.out        its system calls as strace shows them
  mmuscope run --rw . -- /bin/busybox touch x  let it write files below this folder
  mmuscope tlb list                            the CPUs there are; tlb show NAME prints one as TOML to edit

Programs are Linux x86-64 ones, static or dynamic. Exit status: the guest's own, 128 + n
when signal n ended it; 125 an error of mmuscope itself, 126 not executable, 127 not found.)";

inline constexpr const char* kRunFooter = "Everything after GUEST belongs to the guest. `--` may stand before it.";

}  // namespace emu
