// Pages of the host's files that read() and write() have brought into the page cache. Their bytes stay with
// the host and they take no frame, so that reading costs no copy; what can be seen of them is as if they had
// one: mincore() and cachestat() find them, and the first touch through a mapping is a minor fault, which
// takes the frame. A page has a mark here or a frame in filemap.h, never both. Knows nothing of either.
// Linux: mm/filemap.c filemap_read(), where such pages are like all others. Deviation: without read()'s own
// readahead; they are not in meminfo's Cached, and reclaim does not take them: when there are more than
// frames the file whose last use is longest ago goes.
#pragma once

#include <map>

#include "mmu/base/ints.h"

namespace kernel {

/// A file of the host: device and inode.
struct FileIdentity {
    mmu::u64 dev = 0, ino = 0;
    friend constexpr auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
};

class BufferedPages {
  public:
    /// Pages [first, end); with them there are at most `limit`.
    void add(const FileIdentity& file, mmu::u64 first, mmu::u64 end, mmu::u64 limit);
    void remove(const FileIdentity& file, mmu::u64 first, mmu::u64 end);
    bool has(const FileIdentity& file, mmu::u64 index) const { return count(file, index, index + 1) != 0; }
    mmu::u64 count(const FileIdentity& file, mmu::u64 first, mmu::u64 end) const;
    /// The first run of them in [first, end): cut to it; false: there is none.
    bool first_run(const FileIdentity& file, mmu::u64& first, mmu::u64& end) const;
    mmu::u64 total() const { return total_; }

  private:
    struct File {
        std::map<mmu::u64, mmu::u64> runs;  ///< first page to end, neither overlapping nor touching
        mmu::u64 pages = 0, last_use = 0;
    };
    void forget_oldest();

    std::map<FileIdentity, File> files_;
    mmu::u64 total_ = 0, uses_ = 0;
};

}  // namespace kernel
