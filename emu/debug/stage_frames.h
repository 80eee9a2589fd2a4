// Turns the streams of events of the MMU and the kernel into calls of functions: which ones are active, with
// which arguments, and a stack in memory that a debugger can unwind. Each call and each return is a stage at
// which a debugger may stop: the event is told while the kernel or the MMU is at work, so what is read at a
// stage is as it is in the middle. It decides nothing itself.
#pragma once

#include <array>
#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include "emu/debug/kernel_functions.h"
#include "kernel/observer.h"
#include "mmu/arch/registers.h"
#include "mmu/observer.h"

namespace emu {

/// struct vm_area_struct as the symbol file describes it, from its object's first byte on.
struct AreaImage {
    u64 vm_start = 0, vm_end = 0, vm_flags = 0, vm_pgoff = 0;
};

class StageFrames final : public mmu::Observer, public kernel::Observer {
  public:
    /// `guest`: the registers that the guest trapped with; `at_stage` is called at each stage; `area` finds
    /// where the structure of an address's area is.
    StageFrames(const mmu::Registers& guest, std::function<void(u64 pc)> at_stage,
                std::function<u64(u64)> area)
        : guest_(guest), at_stage_(std::move(at_stage)), area_(std::move(area)) {}

    void on_event(const kernel::Event& event) override;
    void on_mmu_event(const mmu::MmuEvent& event) override;
    bool wants_references() const override { return true; }

    /// The guest's registers with those of the innermost function.
    mmu::Registers registers() const;
    /// Bytes of the stack and the functions; 0: none of these.
    usize read(u64 address, std::span<u8> bytes) const;
    static bool holds(u64 address);
    /// Whether the guest trapped by a system call, not by a fault.
    bool of_syscall() const;

  private:
    struct Frame {
        usize function = 0;
        std::array<u64, 4> arguments{};
    };
    void enter(std::string_view function, std::initializer_list<u64> arguments);
    void open(std::string_view function, std::initializer_list<u64> arguments = {});
    void leave(u64 value);
    void pass(std::string_view function, std::initializer_list<u64> arguments, u64 value);
    void leave_to(usize depth, u64 value);
    void end_translation();
    void begin_fault(const kernel::Event& event);
    void begin_call(const kernel::Event& event);
    void on_area_change(const kernel::Event& event);
    void on_fault_step(const kernel::Event& event);
    static u64 base_of(usize depth) { return kKernelStack - kKernelFrameBytes * (depth + 1); }

    const mmu::Registers& guest_;
    std::function<void(u64)> at_stage_;
    std::function<u64(u64)> area_;
    std::vector<Frame> frames_;
    usize fault_depth_ = 0;  ///< frames below the current fault's
    bool in_fault_ = false, in_translation_ = false, returned_ = false;
    usize translation_depth_ = 0;
    u64 value_ = 0;  ///< of the function that has returned
};

}  // namespace emu
