// From bytes to a row of the opcode table. Capstone says whether bytes are an instruction and how long it is;
// it is asked once for each template (an instruction with displacement and immediate masked out), because it
// takes about a microsecond. This is the only door to Capstone that execution has.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "emu/insn/opcode_table.h"

namespace emu {

enum class DecodeStatus : u8 {
    kOk,
    kNeedMore,   ///< goes on behind the bytes that were given
    kTooLong,    ///< over 15 bytes: #GP(0)
    kUndefined,  ///< no instruction, or one that is not implemented: #UD
};

struct DecodeStats {
    u64 decoded = 0;         ///< instructions put into blocks
    u64 capstone_calls = 0;  ///< templates seen for the first time
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

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace emu
