#include "kernel/fs/file_table.h"

namespace kernel {

OpenFileId OpenFileTable::add(OpenFile file) {
    const OpenFileId id = next_++;
    file.id = id;
    files_.emplace(id, std::move(file));
    return id;
}

OpenFile& OpenFileTable::at(OpenFileId id) {
    const auto found = files_.find(id);
    CHECK(found != files_.end(), id);
    return found->second;
}

std::optional<OpenFile> OpenFileTable::put(OpenFileId id) {
    OpenFile& file = at(id);
    CHECK(file.references > 0, id);
    if (--file.references) return std::nullopt;
    OpenFile last = std::move(file);
    files_.erase(id);
    return last;
}

int FdTable::lowest_free(int from, u64 limit) const {
    for (u64 fd = static_cast<u64>(from); fd < limit; ++fd)
        if (fd >= slots_.size() || slots_[fd].file == 0) return static_cast<int>(fd);
    return -1;
}

void FdTable::set(int fd, Slot slot) {
    CHECK(fd >= 0, fd);
    if (static_cast<size_t>(fd) >= slots_.size()) slots_.resize(static_cast<size_t>(fd) + 1);
    slots_[static_cast<size_t>(fd)] = slot;
}

FdTable::Slot* FdTable::find(int fd) {
    if (fd < 0 || fd >= size() || slots_[static_cast<size_t>(fd)].file == 0) return nullptr;
    return &slots_[static_cast<size_t>(fd)];
}

FdTable::Slot FdTable::remove(int fd) {
    Slot* slot = find(fd);
    return slot ? std::exchange(*slot, Slot{}) : Slot{};
}

}  // namespace kernel
