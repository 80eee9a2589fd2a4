// Notes what happens to processes (made, another program, ended) until the debugger asks, and tells all other
// events on. It only listens (kernel/observer.h).
#pragma once

#include <deque>
#include <optional>

#include "kernel/observer.h"

namespace emu {

class TaskWatch final : public kernel::Observer {
  public:
    explicit TaskWatch(kernel::Observer& next) : next_(next) {}

    void on_event(const kernel::Event& event) override {
        next_.on_event(event);
        if (event.kind == kernel::EventKind::kTaskNew || event.kind == kernel::EventKind::kTaskExec ||
            event.kind == kernel::EventKind::kTaskExit)
            events_.push_back(event);
    }

    /// The oldest that has not been taken yet.
    std::optional<kernel::Event> take() {
        if (events_.empty()) return std::nullopt;
        const kernel::Event event = events_.front();
        events_.pop_front();
        return event;
    }

  private:
    kernel::Observer& next_;
    std::deque<kernel::Event> events_;
};

}  // namespace emu
