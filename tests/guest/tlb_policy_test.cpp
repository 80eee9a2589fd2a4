// Whole guests on every replacement policy: one run through L0 and a block at a time, one in which the
// brute-force model makes each reference too. Both must count the same.
#include "mmu/replacement.h"
#include "mmu/tlb_config.h"

#include <catch2/catch.hpp>

#include "tests/guest/compare.h"

using test::statistics_of;

namespace {

/// Small TLBs of one policy, with all that can differ: split L1s, two ways to index, pages of two sizes.
std::string toml_of(const mmu::Policy& policy, mmu::HierarchyRule rule) {
    const std::string ways = std::to_string(policy.refuse(4) ? 6 : 4);
    const std::string like = "ways = " + ways + "\npolicy = \"" + std::string(policy.name) + "\"\n";
    return std::string("rule = \"") + name_of(rule) + "\"\n" +                                  //
           "[[l1_instruction]]\nname = \"L1I\"\npages = [\"4K\", \"2M\"]\nsets = 2\n" + like +  //
           "[[l1_load]]\nname = \"L1D\"\npages = [\"4K\"]\nsets = 2\n" + like +                 //
           "[[l1_store]]\nname = \"L1D store\"\npages = [\"4K\"]\n" + like +                    //
           "[[l2]]\nname = \"L2\"\npages = [\"4K\"]\nsets = 4\nindex = \"xor\"\n" + like;
}

}  // namespace

TEST_CASE("Whole guests: on every policy and rule a run counts what the brute-force model counts") {
    const test::TemporaryFolder folder;
    for (const mmu::Policy& policy : mmu::kPolicies) {
        for (const mmu::HierarchyRule rule :
             {mmu::HierarchyRule::kNonInclusive, mmu::HierarchyRule::kInclusive,
              mmu::HierarchyRule::kExclusive}) {
            INFO(policy.name << ", " << name_of(rule));
            const std::string file = folder.write("tlb.toml", toml_of(policy, rule));
            const test::Words guest = {test::guest_path("hello.glibc")};
            nlohmann::json plain = statistics_of(guest, {"--tlb", file});
            nlohmann::json verified = statistics_of(guest, {"--tlb", file, "--verify"});
            for (const char* group : {"l1_dtlb", "l1_itlb", "l2_tlb", "walks"})
                CHECK(plain.at(group) == verified.at(group));
        }
    }
}
