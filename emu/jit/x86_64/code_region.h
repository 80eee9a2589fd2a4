// Memory for generated code. One file in memory is mapped twice, once to be written and once to be executed,
// so that no page is both; behind the executable half lies plain data that code reaches relative to itself.
#pragma once

#include <memory>

#include "mmu/base/ints.h"

namespace emu {

using mmu::u8, mmu::usize;

class CodeRegion {
  public:
    /// Null if the host does not let us.
    static std::unique_ptr<CodeRegion> create(usize code_bytes, usize data_bytes);
    ~CodeRegion();
    CodeRegion(const CodeRegion&) = delete;
    CodeRegion& operator=(const CodeRegion&) = delete;

    /// Where the next code goes, to be written; its address for execution is executable(at).
    u8* next_code() { return writable_ + code_used_; }
    usize code_left() const { return code_bytes_ - code_used_; }
    void take_code(usize bytes) { code_used_ += bytes; }
    const u8* executable(const u8* writable) const { return executable_ + (writable - writable_); }

    /// Zeroed memory for a T, or null.
    template <class T>
    T* take_data() {
        return static_cast<T*>(take_data(sizeof(T)));
    }

    usize code_used() const { return code_used_; }
    usize data_used() const { return data_used_; }
    /// Gives everything but the first `keep_code` bytes free.
    void reset(usize keep_code) {
        code_used_ = keep_code;
        data_used_ = 0;
    }
    /// Goes back to an earlier code_used() and data_used().
    void rewind(usize code, usize data) {
        code_used_ = code;
        data_used_ = data;
    }

  private:
    CodeRegion() = default;
    void* take_data(usize bytes);

    usize code_bytes_ = 0, data_bytes_ = 0;
    u8* writable_ = nullptr;
    u8* executable_ = nullptr;  ///< code_bytes_ of code, then data_bytes_ of data
    usize code_used_ = 0, data_used_ = 0;
};

}  // namespace emu
