// Makes a block: decodes instructions from one page until the flow leaves it, and fills in the operands that
// all instructions have in common (memory operand, immediate, place). It reads bytes that it is given; it
// makes no reference.
#pragma once

#include <span>

#include "emu/decode/decoder.h"
#include "emu/decode/huge_pages.h"

namespace emu {

struct DebugHooks;
struct Glance;

/// Handlers that the builder itself puts into blocks.
struct BuilderHandlers {
    Handler undefined;     ///< raises #UD
    Handler too_long;      ///< raises #GP(0)
    Handler fall_through;  ///< goes on in the next block
    Handler set_scratch;   ///< regs.scratch = imm (+ rip of the block if aux is set)
    Handler
        check_second_page;  ///< fetches the second page of a crossing instruction; imm is its host address
    Handler probe;          ///< leaves the block if a debugger wants to stop before the next instruction
};

class BlockBuilder {
  public:
    static constexpr u32 kMaxInstructions = 64;

    /// What it learns is kept in `pages`.
    BlockBuilder(Decoder& decoder, HugePages& pages, const BuilderHandlers& handlers);
    ~BlockBuilder();
    BlockBuilder(const BlockBuilder&) = delete;
    BlockBuilder& operator=(const BlockBuilder&) = delete;

    struct Source {
        std::span<const u8> bytes;  ///< from the block's first byte to the end of its page
        std::span<const u8>
            second_bytes;  ///< the next page's first bytes, for a first instruction that crosses
        u64 second_host_page = 0;
        u64 offset = 0;  ///< of the first byte in its page
        u32 max_instructions = kMaxInstructions;
        bool links = true;   ///< false: leave every block through the run loop
        bool copies = true;  ///< false: from nothing, as the first instruction of its kind
        bool plain = false;  ///< each instruction by itself, with its flags: one may stop behind any of them
        const DebugHooks* debug = nullptr;  ///< where to put probes; null: nowhere
    };
    enum class Status : u8 { kBuilt, kNeedSecondPage };

    /// Leaves the block in code() and header(); kNeedSecondPage when the first instruction crosses and no
    /// second bytes were given.
    Status build(const Source& source);

    const Insn* code() const { return code_; }
    /// Counts only; the caller adds the addresses.
    const Block& header() const { return header_; }
    bool crosses() const { return crosses_; }

  private:
    enum class Step : u8 { kGoOn, kEnd, kNeedSecondPage };
    Step copy_known(const Source& source, u32 most);
    Step add_instruction(const Source& source, u32 offset);
    Step add_exception(Handler handler, u32 offset);
    void learn(const Glance& glance, const u8* code, const Decoder::Result& decoded);
    Step add(const Fields& fields, const OpcodeRow& row, u32 offset);
    Step append(u32 length);
    void add_pseudo(Handler handler, u32 offset, u64 imm, u8 cost);
    void set_memory_operand(const Fields& fields, Insn& insn, u32 offset);
    void hush();
    void join();
    void finish(const Source& source, u32 end_offset);

    static constexpr u32 kMaxInsns = 3 * kMaxInstructions + 4;
    struct Known;

    Decoder& decoder_;
    HugePages& pages_;
    BuilderHandlers handlers_;
    std::unique_ptr<Known> known_;
    Insn code_[kMaxInsns];
    u32 size_ = 0, instructions_ = 0, end_offset_ = 0;
    bool crosses_ = false;
    Block header_;
};

}  // namespace emu
