// Which blocks are translated, how they are linked, and how all that goes away again. The code itself is
// written by the Translator.
#include "emu/jit/translated_tier.h"

#include <vector>

#include "emu/cpu/cpu.h"
#include "emu/insn/branches.h"
#include "emu/jit/x86_64/translator.h"
#include "mmu/base/log.h"
#include "mmu/mmu.h"

namespace emu {
namespace {

using mmu::usize;

Block& block_at(const Insn* first) {
    return *(reinterpret_cast<Block*>(const_cast<Insn*>(first)) - 1);
}

[[gnu::noinline]] void heated(Cpu& cpu, Block& block) {
    cpu.tier->hot(cpu, block);
}

/// Stands in for the first handler of a block that is not yet hot.
Exit count_entry(Cpu& cpu, const Insn* i) {
    Block& block = block_at(i);
    if (--block.heat == 0) [[unlikely]] {
        heated(cpu, block);
        return i->run(cpu, i);
    }
    return block.first(cpu, i);
}

Exit budget_end(Cpu& cpu, const Insn* i) {
    return leave_before(cpu, i, Exit::kBudget);
}

[[gnu::noinline]] void link(Cpu& cpu, Edge* edge, Block* target);

// The first pass is the interpreter's, which looks the target up and notes it: that lookup is a reference.

Exit leave_taken(Cpu& cpu, const Insn* i, Edge* edge) {
    link(cpu, edge, insn::links_after(i)->taken);
    return insn::go_taken(cpu, i);
}
Exit leave_fall(Cpu& cpu, const Insn* i, Edge* edge) {
    link(cpu, edge, insn::links_after(i)->fall);
    return insn::go_fall(cpu, i);
}

Exit indirect(Cpu& cpu, const Insn*) {
    return go_indirect(cpu, cpu.regs.rip);
}

class Tier final : public TranslatedTier {
  public:
    Tier(Cpu& cpu, const TierConfig& config, std::unique_ptr<CodeRegion> region)
        : cpu_(cpu),
          config_(config),
          region_(std::move(region)),
          layout_(cpu),
          common_(jit::write_common(*region_, layout_)),
          common_bytes_(region_->code_used()),
          translator_(*region_, common_, layout_, exits_) {
        translator_.set_selective(config.selective);
    }

    void inserted(Block& block) override {
        if (cpu_.mmu.granular() || cpu_.debug) return;
        warm_up(block);
    }

    void killed(Block& block) override {
        if (!block.body) return;
        Translation& translation = translations_[block.translation];
        unlink(translation);
        translation = {};
        forget(block);
    }

    void clearing() override {
        translations_.clear();
        region_->reset(common_bytes_);
    }

    void hot(Cpu& cpu, Block& block) override {
        block.code()->run = block.first;
        if (cpu.mmu.granular() || cpu.debug) return;
        jit::Result result = translator_.translate(block, cpu.regs.rip);
        if (result.full) {
            drop_all();
            result = translator_.translate(block, cpu.regs.rip);
        }
        if (!result.good) return;
        ++stats_.translated;
        block.translation = static_cast<u32>(translations_.size());
        block.body = result.body;
        block.body_rip = cpu.regs.rip;
        Translation& translation = translations_.emplace_back();
        translation.block = &block;
        for (const auto& [n, code] : result.entries) {
            Handler& run = block.code()[n].run;
            translation.replaced.push_back({n, run});
            run = reinterpret_cast<Handler>(reinterpret_cast<u64>(code));
        }
    }

    const TierStats& stats() const override { return stats_; }

    void link_to(Edge* edge, Block& target) {
        ++stats_.linked;
        edge->code = target.body;
        edge->host_page = target.host_page;
        translations_[target.translation].incoming.push_back(edge);
    }

  private:
    struct Translation {
        Block* block = nullptr;  ///< null: it died
        std::vector<std::pair<u32, Handler>> replaced;
        std::vector<Edge*> incoming;  ///< of dead translations, too: their memory stays
    };

    void warm_up(Block& block) {
        block.heat = config_.heat;
        block.first = block.code()->run;
        block.code()->run = count_entry;
    }
    static void forget(Block& block) {
        block.body = nullptr;
        block.body_rip = Block::kNoRip;
    }
    static void unlink(const Translation& translation) {
        for (Edge* edge : translation.incoming) {
            edge->code = edge->unlinked;
            edge->host_page = 0;
        }
    }
    /// No generated code is running: it calls nothing, it only jumps.
    void drop_all() {
        ++stats_.dropped;
        for (const Translation& translation : translations_) {
            if (!translation.block) continue;
            Block& block = *translation.block;
            for (const auto& [n, handler] : translation.replaced) block.code()[n].run = handler;
            forget(block);
            warm_up(block);
        }
        translations_.clear();
        region_->reset(common_bytes_);
    }

    Cpu& cpu_;
    TierConfig config_;
    std::unique_ptr<CodeRegion> region_;
    jit::Layout layout_;
    jit::CommonCode common_;
    usize common_bytes_;
    jit::Exits exits_{budget_end, leave_taken, leave_fall, indirect};
    jit::Translator translator_;
    std::vector<Translation> translations_;
    TierStats stats_;
};

void link(Cpu& cpu, Edge* edge, Block* target) {
    if (target && target->body && target->body_rip == edge->target_rip)
        static_cast<Tier*>(cpu.tier)->link_to(edge, *target);
}

}  // namespace

bool host_can_translate() {
    return __builtin_cpu_supports("bmi2");
}

std::unique_ptr<TranslatedTier> make_translated_tier(Cpu& cpu, const TierConfig& config) {
    if (!host_can_translate()) return nullptr;
    auto region = CodeRegion::create(config.code_bytes, config.code_bytes / 2);
    if (!region) {
        LOG(warn, "the host gives no memory for generated code: everything is interpreted");
        return nullptr;
    }
    return std::make_unique<Tier>(cpu, config, std::move(region));
}

}  // namespace emu
