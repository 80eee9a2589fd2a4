// The ELF loader against mutated programs: a real one of this machine and a tiny one. Whatever the bytes say,
// the answer is a running guest or one sentence.
#include <fstream>
#include <iterator>

#include "tests/kernel_sys/guest.h"

using namespace sys_test;

namespace {

/// One machine for many programs, so that thousands can be tried.
class Loader {
  public:
    Loader()
        : memory_(std::move(*mmu::PhysicalMemory::create(32u << 20))),
          mmu_(memory_, *mmu::find_preset("skylake-sp"), mmu::PagingFeatures{}, 1) {}

    /// Empty: it was loaded.
    std::string load(const std::vector<u8>& program) {
        const std::string path = folder_.write("program", std::string(program.begin(), program.end()));
        ::chmod(path.c_str(), 0755);
        kernel::Kernel kernel(memory_, mmu_, {});
        mmu::Registers registers;
        const auto done = kernel.exec(path, {"program"}, {}, registers);
        if (done) return {};
        REQUIRE(done.error().exit_status == 126);
        REQUIRE(done.error().message.find('\n') == std::string::npos);
        return done.error().message;
    }

  private:
    test::TemporaryFolder folder_;
    mmu::PhysicalMemory memory_;
    mmu::Mmu mmu_;
};

u64 hostile_value(mmu::Rng& rng) {
    static constexpr u64 kValues[] = {0,
                                      1,
                                      7,
                                      8,
                                      0x1000,
                                      0xfff,
                                      0x1001,
                                      0x7fffffff,
                                      0x80000000,
                                      0xffffffff,
                                      0x7fffffffffff,
                                      0x7ffffffff000,
                                      ~u64{0},
                                      u64{1} << 63,
                                      0x400000,
                                      ~u64{0} - 0xfff};
    switch (rng.below(3)) {
        case 0:
            return kValues[rng.below(std::size(kValues))];
        case 1:
            return rng.next();
        default:
            return kValues[rng.below(std::size(kValues))] + rng.below(17) - 8;
    }
}

/// Changes one to four fields of the headers, or the file's length.
std::vector<u8> mutate(std::vector<u8> file, mmu::Rng& rng, mmu::usize header_bytes) {
    const u64 changes = 1 + rng.below(4);
    for (u64 i = 0; i < changes; ++i) {
        static constexpr mmu::usize kWidths[] = {1, 2, 4, 8};
        const mmu::usize width = kWidths[rng.below(4)];
        const mmu::usize at = rng.below(header_bytes / width) * width;
        const u64 value = hostile_value(rng);
        if (at + width <= file.size()) std::memcpy(file.data() + at, &value, width);
    }
    if (rng.below(8) == 0) file.resize(rng.below(file.size() + 1));
    return file;
}

}  // namespace

TEST_CASE("ELF loader: thousands of mutations of a tiny program load or are refused with one sentence") {
    Loader loader;
    mmu::Rng rng(1);
    unsigned loaded = 0, refused = 0;
    for (const int type : {ET_EXEC, ET_DYN}) {
        const std::vector<u8> original = tiny_program(static_cast<mmu::u16>(type)).bytes();
        REQUIRE(loader.load(original).empty());
        for (int i = 0; i < 2000; ++i)
            (loader.load(mutate(original, rng, 64 + 2 * 56)).empty() ? loaded : refused)++;
    }
    CHECK(loaded > 100);
    CHECK(refused > 1000);
}

TEST_CASE("ELF loader: mutations of a real program") {
    std::ifstream stream("/bin/busybox", std::ios::binary);
    if (!stream) return;  // not installed
    std::vector<u8> original{std::istreambuf_iterator<char>(stream), {}};
    original.resize(std::min<mmu::usize>(original.size(), 4u << 20));
    Loader loader;
    if (!loader.load(original).empty()) return;  // dynamically linked, without its interpreter here
    mmu::Rng rng(2);
    unsigned refused = 0;
    for (int i = 0; i < 150; ++i) refused += !loader.load(mutate(original, rng, 64 + 10 * 56)).empty();
    CHECK(refused > 50);
}

TEST_CASE("ELF loader: a missing interpreter is named") {
    TinyElf elf = tiny_program(ET_DYN);
    const std::string path = "/no/such/ld.so";
    elf.segments.push_back(
        Elf64_Phdr{PT_INTERP, PF_R, 0x1180, 0x1180, 0x1180, path.size() + 1, path.size() + 1, 1});
    elf.header.e_phnum = 3;
    std::memcpy(elf.content.data() + 0x180, path.c_str(), path.size() + 1);
    Loader loader;
    CHECK(loader.load(elf.bytes()).find("needs the interpreter /no/such/ld.so, which is missing") !=
          std::string::npos);
}
