// Lines from a person: edited, with history and completion, on a terminal (libedit); plain ones from
// anything else. The door to libedit.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace emu {

class LineEditor {
  public:
    /// Reads from the descriptor `in`. `complete` is given the line up to the cursor and says what its last
    /// word may become.
    using Complete = std::function<std::vector<std::string>(const std::string&)>;
    /// `stopped`: nobody waits for a line any more; asked now and then.
    LineEditor(int in, Complete complete, std::function<bool()> stopped);
    ~LineEditor();
    LineEditor(const LineEditor&) = delete;
    LineEditor& operator=(const LineEditor&) = delete;

    /// A person sits there.
    bool interactive() const;
    enum class Event { kLine, kEnd, kInterrupted };
    /// The next line, without its end. Longer ones than a megabyte end the input.
    Event read(const std::string& prompt, std::string& line);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The beginning that all of them have.
std::string common_beginning(const std::vector<std::string>& words);
/// What Tab adds to `line`, whose last word may become one of these; a blank behind the only one.
std::string completion(const std::string& line, const std::vector<std::string>& words);

}  // namespace emu
