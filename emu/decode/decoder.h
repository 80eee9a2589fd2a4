// From bytes to a row of the opcode table, by template: an instruction with registers, displacement and
// immediate masked out. Length decoder and table agree with Capstone about what is an instruction and how
// long it is, which a test asks for every encoding; where a row is wider than what exists, Capstone is asked
// once for each template. This is the only door to Capstone that execution has.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "emu/insn/opcode_table.h"

namespace emu {

class ModrmRoles;

enum class DecodeStatus : u8 {
    kOk,
    kNeedMore,   ///< goes on behind the bytes that were given
    kTooLong,    ///< over 15 bytes: #GP(0)
    kUndefined,  ///< no instruction, or one that is not implemented: #UD
};

struct DecodeStats {
    u64 decoded = 0;         ///< instructions that were asked about
    u64 capstone_calls = 0;  ///< templates about which Capstone was asked
};

class Decoder {
  public:
    explicit Decoder(FeatureSet features = FeatureSet::all());
    ~Decoder();
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    struct Result {
        DecodeStatus status = DecodeStatus::kUndefined;
        Fields fields;
        const OpcodeRow* row = nullptr;
    };
    Result decode(std::span<const u8> bytes);

    /// "0f 0b  ud2" for log lines and disassembly; bytes that are no instruction are "(bad)", and a feature
    /// that is missing is named.
    std::string describe(std::span<const u8> bytes, u64 address) const;

    const DecodeStats& stats() const;
    const ModrmRoles& modrm_roles() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace emu
