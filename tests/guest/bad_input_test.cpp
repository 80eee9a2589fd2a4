// Bad input gets one clear line, the right exit status and does no damage.
#include <sys/stat.h>

#include <elf.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

#include "tests/guest/compare.h"

using test::guest_path;
using test::ProcessResult;
using test::TemporaryFolder;
using test::test_guest_path;
using test::Words;

namespace {

/// Exactly one line on stderr, beginning "mmuscope: ", that contains `part`; nothing on stdout.
void check_refused(const ProcessResult& result, int status, const std::string& part) {
    INFO("stderr: " << result.err);
    CHECK(!result.timed_out);
    CHECK(result.status == status);
    CHECK(result.out.empty());
    CHECK(result.err.starts_with("mmuscope: "));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(result.err.find(part) != std::string::npos);
}

class Elf {
  public:
    explicit Elf(const std::string& name) : bytes_(test::read_file(guest_path(name))) {
        REQUIRE(bytes_.size() > 4096);
    }

    Elf64_Ehdr header() const { return load<Elf64_Ehdr>(0); }
    void set_header(const Elf64_Ehdr& header) { store(0, header); }
    Elf64_Phdr segment(unsigned i) const {
        return load<Elf64_Phdr>(header().e_phoff + i * sizeof(Elf64_Phdr));
    }
    void set_segment(unsigned i, const Elf64_Phdr& segment) {
        store(header().e_phoff + i * sizeof(Elf64_Phdr), segment);
    }
    unsigned first_load() const {
        for (unsigned i = 0; i < header().e_phnum; ++i)
            if (segment(i).p_type == PT_LOAD) return i;
        FAIL("no PT_LOAD");
        return 0;
    }
    /// Writes it as an executable file and runs it.
    ProcessResult run(const TemporaryFolder& folder, std::size_t size = ~std::size_t{0}) const {
        const std::string path = folder.write("guest", bytes_.substr(0, size));
        chmod(path.c_str(), 0755);
        return test::emulate({"run"}, {path}, {.timeout_seconds = 20});
    }

  private:
    template <class T>
    T load(std::size_t at) const {
        T value;
        std::memcpy(&value, bytes_.data() + at, sizeof value);
        return value;
    }
    template <class T>
    void store(std::size_t at, const T& value) {
        std::memcpy(bytes_.data() + at, &value, sizeof value);
    }
    std::string bytes_;
};

}  // namespace

TEST_CASE("Bad input: files that are no programs") {
    TemporaryFolder folder;
    const std::string text = folder.write("text", "not an ELF file at all\n");
    check_refused(test::emulate({"run"}, {folder.path() + "/missing"}), 127, "missing");
    check_refused(test::emulate({"run"}, {"no-such-program-on-path"}), 127, "no-such-program-on-path");
    check_refused(test::emulate({"run"}, {text}), 126, "text");
    check_refused(test::emulate({"run"}, {folder.path()}), 126, folder.path());
    chmod(text.c_str(), 0755);
    check_refused(test::emulate({"run"}, {text}), 126, "ELF");
    const std::string empty = folder.write("empty", "");
    chmod(empty.c_str(), 0755);
    check_refused(test::emulate({"run"}, {empty}), 126, "empty");
    const std::string copy = folder.write("copy", test::read_file(guest_path("hello.glibc")));
    chmod(copy.c_str(), 0644);
    check_refused(test::emulate({"run"}, {copy}), 126, "copy");
}

TEST_CASE("Bad input: programs for other machines") {
    TemporaryFolder folder;
    Elf elf("hello.glibc");
    Elf64_Ehdr header = elf.header();
    header.e_machine = EM_AARCH64;
    elf.set_header(header);
    check_refused(elf.run(folder), 126, "x86-64");
    header.e_machine = EM_X86_64;
    header.e_ident[EI_CLASS] = ELFCLASS32;
    elf.set_header(header);
    check_refused(elf.run(folder), 126, "32-bit");
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2MSB;
    elf.set_header(header);
    check_refused(elf.run(folder), 126, "guest");
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_REL;
    elf.set_header(header);
    check_refused(elf.run(folder), 126, "guest");
}

TEST_CASE("Bad input: truncated programs are refused or end by a signal, never otherwise") {
    TemporaryFolder folder;
    const Elf elf("hello.musl");
    for (std::size_t size : {1, 4, 16, 63, 64, 65, 120, 200, 500}) {
        INFO("first " << size << " bytes");
        check_refused(elf.run(folder, size), 126, "guest");
    }
    for (std::size_t size : {4096, 8192, 12000}) {
        INFO("first " << size << " bytes");
        const ProcessResult result = elf.run(folder, size);
        CHECK(!result.timed_out);
        CHECK((result.status == 126 || result.status == 135 || result.status == 139));
    }
}

TEST_CASE("Bad input: segments that lie are refused, or end as on the host") {
    TemporaryFolder folder;
    const auto with = [&](auto change) {
        Elf elf("hello.glibc");
        const unsigned at = elf.first_load();
        Elf64_Phdr segment = elf.segment(at);
        change(segment);
        elf.set_segment(at, segment);
        const ProcessResult emulated = elf.run(folder);
        const ProcessResult native = test::run({folder.path() + "/guest"});
        INFO("stderr: " << emulated.err);
        CHECK(!emulated.timed_out);
        // Refused with a line, even where Linux maps what is not there; else exactly as on the host.
        if (emulated.status == 126) {
            CHECK(emulated.out.empty());
            CHECK(emulated.err.starts_with("mmuscope: " + folder.path() + "/guest: "));
        } else {
            CHECK(emulated.out == native.out);
            CHECK(emulated.status == native.status);
        }
    };
    with([](Elf64_Phdr& s) { s.p_memsz = ~Elf64_Xword{0}; });
    with([](Elf64_Phdr& s) { s.p_memsz = Elf64_Xword{1} << 46, s.p_filesz = s.p_memsz; });
    with([](Elf64_Phdr& s) { s.p_filesz = s.p_memsz + 4096; });
    with([](Elf64_Phdr& s) { s.p_vaddr = ~Elf64_Addr{0} - 4095; });
    with([](Elf64_Phdr& s) { s.p_vaddr = Elf64_Addr{1} << 47; });
    with([](Elf64_Phdr& s) { s.p_vaddr += 1; });
    with([](Elf64_Phdr& s) { s.p_offset = ~Elf64_Off{0} & ~Elf64_Off{4095}; });
    with([](Elf64_Phdr& s) { s.p_align = 3; });
}

TEST_CASE("Bad input: a table of segments that is not there") {
    TemporaryFolder folder;
    const auto with = [&](auto change) {
        Elf elf("hello.glibc");
        Elf64_Ehdr header = elf.header();
        change(header);
        elf.set_header(header);
        const ProcessResult result = elf.run(folder);
        CHECK(!result.timed_out);
        CHECK((result.status == 126 || result.status == 139));
    };
    with([](Elf64_Ehdr& h) { h.e_phoff = ~Elf64_Off{0} - 8; });
    with([](Elf64_Ehdr& h) { h.e_phnum = 0xffff; });
    with([](Elf64_Ehdr& h) { h.e_phnum = 0; });
    with([](Elf64_Ehdr& h) { h.e_phentsize = 1; });
    with([](Elf64_Ehdr& h) { h.e_entry = ~Elf64_Addr{0}; });
    with([](Elf64_Ehdr& h) { h.e_entry = Elf64_Addr{1} << 47; });
    with([](Elf64_Ehdr& h) { h.e_entry = 0; });
}

TEST_CASE("Bad input: unknown TLBs and files that describe none") {
    TemporaryFolder folder;
    const Words hello = {guest_path("hello.glibc")};
    check_refused(test::emulate({"run", "--tlb", "pentium"}, hello), 125, "pentium");
    check_refused(test::emulate({"run", "--tlb", folder.write("bad.toml", "name = \n")}, hello), 125,
                  "bad.toml:1");
    check_refused(test::emulate({"run", "--tlb", folder.write("empty.toml", "")}, hello), 125, "empty.toml");
    check_refused(test::emulate({"run", "--tlb", folder.path() + "/none.toml"}, hello), 125, "none.toml");
}

TEST_CASE("Bad input: options that make no sense") {
    const Words hello = {guest_path("hello.glibc")};
    check_refused(test::emulate({"run", "--memory", "potato"}, hello), 125, "--memory");
    check_refused(test::emulate({"run", "--log", "loud"}, hello), 125, "loud");
    check_refused(test::emulate({"run", "--rw", "/no/such/folder"}, hello), 125, "/no/such/folder");
    check_refused(test::emulate({"run", "--root", "/no/such/folder"}, hello), 125, "/no/such/folder");
    check_refused(test::emulate({"stat", "-o", "/no/such/folder/x"}, hello), 125, "/no/such/folder/x");
}

TEST_CASE("Bad input: a report that cannot be written is an error, after the guest's output") {
    const ProcessResult result = test::emulate({"stat", "-o", "/dev/full"}, {guest_path("hello.glibc")});
    CHECK(result.out == "hello, world\n");
    CHECK(result.status == 125);
    CHECK(result.err == "mmuscope: /dev/full: No space left on device\n");
}

TEST_CASE("Bad input: a guest that asks for more memory than there is is killed as by Linux's OOM killer") {
    const ProcessResult result =
        test::emulate({"run", "--memory", "8M"}, {test_guest_path("devour.glibc")}, {.timeout_seconds = 30});
    INFO(result.err);
    CHECK(result.status == 137);
    CHECK(result.err.find("ut of memory") != std::string::npos);
}

TEST_CASE("Bad input: an unknown system call gets -ENOSYS and one log line") {
    const ProcessResult result = test::emulate({"run"}, {test_guest_path("unknown_syscall.glibc")});
    CHECK(result.out == "ENOSYS ENOSYS\n");
    CHECK(result.err.find("999") != std::string::npos);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
}

TEST_CASE("Bad input: requests that are not known get Linux's errno and one log line each") {
    const Words guest = {test_guest_path("unsupported.glibc")};
    const ProcessResult here = test::emulate({"run"}, guest), native = test::run(guest);
    CHECK(here.out == native.out);
    INFO(here.err);
    for (const char* line :
         {"prctl 0x3039 is not supported: EINVAL\n", "ioctl 0xdeadbeef is not supported: ENOTTY\n",
          "ioctl 0xdeadbeee is", "ioctl 0xdeadbeed is", "arch_prctl 0x7777 is",
          "fcntl 0x4d is not supported: EINVAL\n", "setsockopt 0x1270f is", "getsockopt 0x1270e is",
          "socket family 0x13 is not supported: EAFNOSUPPORT\n"})
        CHECK(here.err.find(line) != std::string::npos);
    CHECK(std::count(here.err.begin(), here.err.end(), '\n') == 9);
}

TEST_CASE("Interrupt: Ctrl-C ends an endless guest promptly") {
    const ProcessResult result = test::emulate({"run"}, {test_guest_path("forever.glibc")},
                                               {.timeout_seconds = 20, .interrupt_after_ms = 500});
    CHECK(!result.timed_out);
    CHECK(result.status == 130);
    CHECK(result.seconds < 10);
}

TEST_CASE("Limit: --max-instructions ends an endless guest with SIGXCPU") {
    const ProcessResult result = test::emulate({"run", "--max-instructions", "1000000"},
                                               {test_guest_path("forever.glibc")}, {.timeout_seconds = 30});
    CHECK(!result.timed_out);
    CHECK(result.status == 152);
    CHECK(result.err.find("1000000") != std::string::npos);
}
