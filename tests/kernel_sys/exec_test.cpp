// execve: the layout of a new address space, its stack as binfmt_elf lays it, and what is refused with which
// words.
#include <sys/auxv.h>
#include <sys/stat.h>

#include <map>

#include "tests/kernel_sys/guest.h"

using namespace sys_test;

TEST_CASE("exec: registers, control registers and stack are as Linux leaves them") {
    Guest guest({}, {"tiny", "one", ""});
    REQUIRE(guest.error().empty());
    CHECK(guest.registers.rip == 0x401000);
    CHECK(guest.registers.rflags == 0x202);
    const u64 sp = guest.registers.gpr[mmu::kRsp];
    CHECK(sp % 16 == 0);
    CHECK(sp == guest.mm().start_stack);
    CHECK(guest.state().hw.control().pcide());
    CHECK(guest.state().hw.control().smap());
    CHECK(guest.state().hw.control().pcid() == 1);

    CHECK(guest.read<u64>(sp) == 3);
    CHECK(guest.read_text(guest.read<u64>(sp + 8), 5) == std::string("tiny\0", 5));
    CHECK(guest.read_text(guest.read<u64>(sp + 16), 4) == std::string("one\0", 4));
    CHECK(guest.read_text(guest.read<u64>(sp + 24), 1) == std::string("\0", 1));
    CHECK(guest.read<u64>(sp + 32) == 0);
    CHECK(guest.read_text(guest.read<u64>(sp + 40), 7) == std::string("HOME=/\0", 7));
    CHECK(guest.read<u64>(sp + 56) == 0);

    std::vector<u64> order;
    std::map<u64, u64> auxv;
    for (u64 at = sp + 64;; at += 16) {
        order.push_back(guest.read<u64>(at));
        auxv[order.back()] = guest.read<u64>(at + 8);
        if (order.back() == AT_NULL) break;
    }
    CHECK(order ==
          std::vector<u64>{AT_SYSINFO_EHDR, AT_MINSIGSTKSZ, AT_HWCAP, AT_PAGESZ, AT_CLKTCK, AT_PHDR,
                           AT_PHENT,        AT_PHNUM,       AT_BASE,  AT_FLAGS,  AT_ENTRY,  AT_UID,
                           AT_EUID,         AT_GID,         AT_EGID,  AT_SECURE, AT_RANDOM, AT_HWCAP2,
                           AT_EXECFN,       AT_PLATFORM,    27,       28,        AT_NULL});
    CHECK(auxv[AT_PHDR] == 0x400040);
    CHECK(auxv[AT_PHNUM] == 2);
    CHECK(auxv[AT_ENTRY] == 0x401000);
    CHECK(guest.read_text(auxv[AT_PLATFORM], 7) == std::string("x86_64\0", 7));
    CHECK(guest.read_text(auxv[AT_EXECFN], guest.program_path().size()) == guest.program_path());
    // The file's name ends 8 bytes below the top of the stack.
    CHECK(auxv[AT_EXECFN] + guest.program_path().size() + 1 == 0x7ffffffff000 - 8);
}

TEST_CASE("exec: the break starts behind bss, and bss reads zero") {
    Guest guest;
    REQUIRE(guest.error().empty());
    CHECK(guest.mm().start_brk == 0x405000);
    CHECK(guest.call(SYS_brk, 0) == 0x405000);
    CHECK(guest.read<u8>(0x402100 + 0xff) == 0x90);
    CHECK(guest.read<u8>(0x402100 + 0x100) == 0);
    CHECK(guest.read<u64>(0x4041f8) == 0);
    CHECK(guest.call(SYS_brk, 0x405123) == 0x405123);
}

TEST_CASE("exec: a static position-independent program lies at the top of the mmap area") {
    const TinyElf elf = tiny_program(ET_DYN);
    Guest guest(elf.bytes(), {}, {"tiny"});
    REQUIRE(guest.error().empty());
    CHECK(guest.registers.rip > 0x7ffff0000000);
    CHECK(guest.registers.rip < 0x7ffffffff000);
    CHECK(guest.registers.rip % 4096 == 0);
}

TEST_CASE("exec: two runs are alike; randomised ones follow the seed") {
    kernel::KernelConfig config;
    config.randomize = true;
    Guest a(config), b(config);
    config.seed = 2;
    Guest c(config);
    CHECK(a.registers.gpr[mmu::kRsp] % 16 == 0);
    CHECK((a.registers.gpr[mmu::kRsp] & ~0xfffull) == (b.registers.gpr[mmu::kRsp] & ~0xfffull));
    CHECK(a.registers.gpr[mmu::kRsp] != c.registers.gpr[mmu::kRsp]);
}

namespace {

std::string refusal(TinyElf elf, void (*change)(TinyElf&)) {
    change(elf);
    Guest guest(elf.bytes(), {}, {"tiny"});
    const std::string& text = guest.error();
    const auto colon = text.find(": ");
    return colon == std::string::npos ? text : text.substr(colon + 2);
}

}  // namespace

TEST_CASE("exec: each lie of a header is refused with its own words") {
    const TinyElf elf = tiny_program();
    CHECK(refusal(elf, [](TinyElf& e) { e.header.e_ident[0] = 'x'; }) == "not an ELF file");
    CHECK(refusal(elf, [](TinyElf& e) { e.header.e_ident[EI_CLASS] = ELFCLASS32; }).find("32-bit") == 2);
    CHECK(refusal(elf, [](TinyElf& e) { e.header.e_machine = EM_AARCH64; }) ==
          "built for another machine (aarch64); only x86-64 is emulated");
    CHECK(refusal(elf, [](TinyElf& e) { e.header.e_type = ET_REL; }) == "an object file, not linked yet");
    CHECK(refusal(elf, [](TinyElf& e) { e.header.e_phnum = 0xffff; }) ==
          "damaged ELF header: too many program headers");
    CHECK(refusal(elf, [](TinyElf& e) { e.header.e_phoff = ~u64{0} - 8; }) ==
          "truncated: the program headers reach beyond the end of the file");
    CHECK(refusal(elf, [](TinyElf& e) { e.segments[1].p_filesz = 0x5000; }) ==
          "segment 1 is larger in the file than in memory");
    CHECK(refusal(elf, [](TinyElf& e) { e.segments[0].p_filesz = e.segments[0].p_memsz = 0x2000; }) ==
          "truncated: segment 0 reaches beyond the end of the file");
    CHECK(refusal(elf, [](TinyElf& e) { e.segments[1].p_memsz = ~u64{0} - 0x1000; }) ==
          "segment 1 does not fit into the address space");
    CHECK(refusal(elf, [](TinyElf& e) { e.segments[1].p_vaddr = 0x400100; }) ==
          "segments overlap or are out of order at segment 1");
    CHECK(refusal(elf, [](TinyElf& e) { e.segments[1].p_vaddr += 8; }).find("is not aligned") !=
          std::string::npos);
    CHECK(refusal(elf, [](TinyElf& e) { e.header.e_entry = 0x500000; }) ==
          "its entry point lies in no segment");
    CHECK(refusal(elf, [](TinyElf& e) {
              e.segments.resize(0);
              e.header.e_phnum = 0;
          }) == "damaged ELF file: it has no program headers");
}

TEST_CASE("exec: a missing file is 127, one that cannot be executed 126") {
    mmu::PhysicalMemory memory = std::move(*mmu::PhysicalMemory::create(64u << 20));
    mmu::Mmu hw(memory, *mmu::find_preset("skylake-sp"), mmu::PagingFeatures{}, 1);
    mmu::Registers registers;
    test::TemporaryFolder folder;
    const std::string text = folder.write("text", "hello\n"), program = folder.write("program", "");
    ::chmod(program.c_str(), 0755);
    const auto status = [&](const std::string& path) {
        kernel::Kernel kernel(memory, hw, {});
        const auto done = kernel.exec(path, {path}, {}, registers);
        return done ? 0 : done.error().exit_status;
    };
    CHECK(status(folder.path() + "/none") == 127);
    CHECK(status("no-such-command-anywhere") == 127);
    CHECK(status(text) == 126);
    CHECK(status(program) == 126);
    CHECK(status(folder.path()) == 126);
}

TEST_CASE("exec: a script's first line names its interpreter") {
    Guest tiny;
    test::TemporaryFolder folder;
    const std::string script = folder.write("script", "#! " + tiny.program_path() + "  -x y \nrest\n");
    ::chmod(script.c_str(), 0755);
    Guest guest(tiny_elf(), {}, {"tiny"});
    // execve from inside replaces the address space.
    guest.write(guest.text(script, 0), guest.scratch + 60000);
    guest.write(u64{0}, guest.scratch + 60008);
    REQUIRE(guest.call(SYS_execve, guest.text(script, 0), guest.scratch + 60000, guest.scratch + 60008) == 0);
    const u64 sp = guest.registers.gpr[mmu::kRsp];
    CHECK(guest.read<u64>(sp) == 3);
    CHECK(guest.read_text(guest.read<u64>(sp + 16), 5) == std::string("-x y\0", 5));
    CHECK(guest.read_text(guest.read<u64>(sp + 24), script.size()) == script);
    CHECK(guest.task().comm == "script");
    CHECK(guest.state().mms.size() == 1);
}

TEST_CASE("exec: with 5-level tables the layout is the same") {
    kernel::KernelConfig config;
    config.la57 = true;
    Guest guest(config), four;
    REQUIRE(guest.error().empty());
    CHECK(guest.state().hw.control().la57());
    CHECK(guest.registers.gpr[mmu::kRsp] / 4096 == four.registers.gpr[mmu::kRsp] / 4096);
}
