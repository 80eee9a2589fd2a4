// What came from the host, in order: a file of blocks, each with its length and a CRC, so that a file cut
// short or changed anywhere is readable up to there and no further. A record is an opaque string of bytes;
// what is in it seam.cpp knows. The position is the object's own (pread, pwrite), so copies of a process read
// one file at different places.
#pragma once

#include <string>
#include <string_view>

#include "mmu/base/expected.h"
#include "mmu/base/ints.h"

namespace kernel::host {

using mmu::u32;
using mmu::u64;
using mmu::u8;
using mmu::usize;

class Journal {
  public:
    /// A new file, which replaces one of that name; an empty `path`: one without a name, gone with its last
    /// user.
    static mmu::Expected<Journal, mmu::Error> create(const std::string& path);
    /// To read from the start.
    static mmu::Expected<Journal, mmu::Error> open(const std::string& path);
    Journal(Journal&& other) noexcept;
    Journal& operator=(Journal&&) = delete;
    ~Journal();

    /// Adds a record; it is in the file after flush(), or when enough have come together.
    void append(std::string_view record);
    /// False where writing has failed, now or before: what was written earlier stays readable.
    bool flush();

    /// The next record without taking it; nothing at the end. Valid until the next call.
    const std::string* peek();
    void take();
    /// What ended the reading: "" where the file ends behind a whole block.
    const std::string& damage() const { return damage_; }

    /// From writing to reading what is appended from now on, by another process.
    void read_from_here();
    /// How much there is, or has been read.
    u64 bytes() const { return offset_ + pending_.size(); }

  private:
    explicit Journal(int fd) : fd_(fd) {}
    bool load_block();

    int fd_ = -1;
    u64 offset_ = 0;       ///< in the file: of the next block to write or to read
    std::string pending_;  ///< written: a block in the making. Read: the rest of a block, from at_ on
    usize at_ = 0;
    std::string record_;
    bool has_record_ = false;
    bool failed_ = false;
    std::string damage_;
};

// The little language of records: numbers of seven bits a byte, and strings with their length in front.
void put_number(std::string& to, u64 value);
void put_bytes(std::string& to, std::string_view bytes);
/// Takes from the front; false where there is not enough.
bool get_number(std::string_view& from, u64& value);
bool get_bytes(std::string_view& from, std::string_view& bytes);

}  // namespace kernel::host
