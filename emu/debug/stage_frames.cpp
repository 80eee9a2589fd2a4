#include "emu/debug/stage_frames.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "emu/debug/symbol_file.h"
#include "kernel/page.h"
#include "mmu/base/check.h"

namespace emu {
namespace {

using kernel::Event, kernel::EventKind;
using mmu::MmuEvent, mmu::Stage;

constexpr usize kMostFrames = 48;

}  // namespace

/// A function becomes active without a stage of its own.
void StageFrames::open(std::string_view function, std::initializer_list<u64> arguments) {
    CHECK(kernel_function(function) < kernel_functions().size());
    Frame frame{kernel_function(function), {}};
    std::copy_n(arguments.begin(), std::min<usize>(4, arguments.size()), frame.arguments.begin());
    if (frames_.size() < kMostFrames) frames_.push_back(frame);
    returned_ = false;
}

void StageFrames::enter(std::string_view function, std::initializer_list<u64> arguments) {
    open(function, arguments);
    at_stage_(address_of(frames_.back().function) + kBody);
}

void StageFrames::leave(u64 value) {
    if (frames_.empty()) return;
    frames_.pop_back();
    if (frames_.empty()) return;
    returned_ = true;
    value_ = value;
    at_stage_(address_of(frames_.back().function) + kReturnSite);
}

void StageFrames::pass(std::string_view function, std::initializer_list<u64> arguments, u64 value) {
    enter(function, arguments);
    leave(value);
}

void StageFrames::leave_to(usize depth, u64 value) {
    while (frames_.size() > depth + 1) leave(value);
    if (frames_.size() > depth) frames_.pop_back();  // the trap's own frame: the guest goes on
    returned_ = false;
}

void StageFrames::end_translation() {
    if (!in_translation_) return;
    in_translation_ = false;
    frames_.resize(std::min(frames_.size(), translation_depth_));
    returned_ = false;
}

void StageFrames::begin_fault(const Event& e) {
    fault_depth_ = frames_.size();
    in_fault_ = true;
    // The kernel's own accesses fault within it.
    if (frames_.empty()) open("asm_exc_page_fault");
    enter("exc_page_fault", {e.flags, e.address, e.after});
    enter("do_user_addr_fault", {e.flags, e.address});
}

void StageFrames::begin_call(const Event& e) {
    frames_.clear();
    open("entry_SYSCALL_64");
    const std::string own = std::string("__do_sys_") + e.text;
    if (kernel_function(own) < kernel_functions().size())
        enter(own, {e.before, e.start, e.end});
    else
        enter("__do_sys", {e.address, e.before, e.start, e.end});
}

void StageFrames::on_event(const Event& e) {
    end_translation();
    switch (e.kind) {
        case EventKind::kSyscallEnter:
            return begin_call(e);
        case EventKind::kSyscallExit:
            return leave_to(0, e.after);
        case EventKind::kFaultEntry:
            return begin_fault(e);
        case EventKind::kFaultVerdict:
            if (!in_fault_) return;
            pass("fault_done", {e.address, e.after}, 0);
            in_fault_ = false;
            return fault_depth_ ? frames_.resize(std::min(frames_.size(), fault_depth_)) : leave_to(0, 0);
        default:
            break;
    }
    if (frames_.empty()) return;  // exec, before the guest runs
    switch (e.kind) {
        case EventKind::kTableAlloc:
            return pass("__pgtable_alloc", {e.level, e.pfn, e.address}, e.pfn);
        case EventKind::kPageAlloc:
            return pass("alloc_pages", {e.order, e.pfn, e.after}, kVmemmap + e.pfn * sizeof(kernel::Page));
        case EventKind::kPageFree:
            return pass("free_pages", {e.pfn, e.order, e.after}, 0);
        case EventKind::kSetPte:
            return pass("set_pte_at", {e.address, e.before, e.after}, 0);
        case EventKind::kFlush:
            return pass("flush_tlb_range", {e.start, e.end, e.after}, e.after);
        case EventKind::kMapChange:
            return on_area_change(e);
        default:
            break;
    }
    if (in_fault_) on_fault_step(e);
}

void StageFrames::on_area_change(const Event& e) {
    const bool known = kernel_function(e.text) < kernel_functions().size();
    const char* const function = known ? e.text : "vma_change";
    if (e.level == 1) return enter(function, {e.start, e.end, e.flags});
    // Of one that has told that it begins this is the end.
    if (frames_.back().function == kernel_function(function)) return leave(0);
    pass(function, {e.start, e.end, e.flags}, e.level == 2 ? e.start : 0);
}

void StageFrames::on_fault_step(const Event& e) {
    switch (e.kind) {
        case EventKind::kKernelAddress:
            return pass("do_kern_addr_fault", {e.address}, 0);
        case EventKind::kFindVma:
            return pass("find_vma", {e.address, e.start, e.end}, e.end ? area_(e.address) : 0);
        case EventKind::kStackExpand:
            return pass("expand_downwards", {e.address, e.before}, e.after);
        case EventKind::kAccessError:
            return pass("access_error", {e.address, e.flags}, 1);
        case EventKind::kHandleMmFault:
            return enter("handle_mm_fault", {area_(e.address), e.address, e.flags});
        case EventKind::kHandlePteFault: {
            const u64 area = area_(e.address);
            enter("handle_pte_fault", {area, e.address, e.before});
            if (kernel_function(e.text) < kernel_functions().size()) enter(e.text, {area, e.address});
            return;
        }
        case EventKind::kFileFault:
            return pass(e.text, {area_(e.address), e.address, e.pfn}, 0);
        case EventKind::kAnonHugePage:
            return pass("do_huge_pmd_anonymous_page", {area_(e.address), e.address}, 0);
        case EventKind::kCowCopy:
            return pass("wp_page_copy", {e.before, e.after}, e.after);
        case EventKind::kCowReuse:
            return pass("wp_page_reuse", {e.pfn}, e.pfn);
        case EventKind::kFaultAround:
            return pass("filemap_map_pages", {e.after}, e.after);
        case EventKind::kPageCacheMiss:
            return pass("filemap_fault", {e.start, e.end}, 0);
        default:
            return;
    }
}

void StageFrames::on_mmu_event(const MmuEvent& e) {
    if (e.stage == Stage::kReference) {
        end_translation();
        in_translation_ = true;
        translation_depth_ = frames_.size();
        if (frames_.empty()) open("mmu_reference");
        return enter("mmu_translate", {e.address.value, static_cast<u64>(e.access)});
    }
    if (!in_translation_) return;
    switch (e.stage) {
        case Stage::kTlbLookup:
            return pass("tlb_lookup", {e.address.value, e.level, e.pcid}, e.level);
        case Stage::kWalkEntry:
            return pass("walk_level", {e.level, e.physical.value, e.raw}, e.raw);
        case Stage::kVerdict:
            return pass("walk_verdict", {e.address.value, e.error_code, e.physical.value}, e.physical.value);
        case Stage::kFill:
            return pass("tlb_fill", {e.address.value, e.physical.value >> 12, e.raw}, 0);
        default:
            return;
    }
}

mmu::Registers StageFrames::registers() const {
    mmu::Registers r = guest_;
    if (frames_.empty()) return r;
    const u64 base = base_of(frames_.size() - 1);
    r.rip = address_of(frames_.back().function) + (returned_ ? kReturnSite : kBody);
    r.gpr[mmu::kRbp] = base;
    r.gpr[mmu::kRsp] = base - 64;
    if (returned_) r.gpr[mmu::kRax] = value_;
    return r;
}

bool StageFrames::of_syscall() const {
    return !frames_.empty() && frames_.front().function == kernel_function("entry_SYSCALL_64");
}

bool StageFrames::holds(u64 address) {
    return (address >= kKernelStack - kKernelStackBytes && address < kKernelStack) ||
           (address >= kKernelText && address < kKernelText + kernel_functions().size() * kFunctionBytes);
}

usize StageFrames::read(u64 address, std::span<u8> bytes) const {
    std::string image;
    u64 start = kKernelText;
    if (address >= kKernelText) {
        image = kernel_text();
    } else if (address >= kKernelStack - kKernelStackBytes && address < kKernelStack) {
        start = kKernelStack - kKernelStackBytes;
        image.assign(kKernelStackBytes, '\0');
        const auto put = [&](u64 where, u64 value) {
            std::memcpy(image.data() + (where - start), &value, sizeof value);
        };
        for (usize n = 0; n < frames_.size(); ++n) {
            const u64 base = base_of(n);
            const bool trap = kernel_functions()[frames_[n].function].trap;
            put(base, n ? base_of(n - 1) : guest_.gpr[mmu::kRbp]);
            put(base + 8, n ? address_of(frames_[n - 1].function) + kReturnSite : guest_.rip);
            if (trap) put(base + 16, guest_.gpr[mmu::kRsp]);
            for (usize a = 0; a < 4; ++a) put(base - 8 * (a + 1), frames_[n].arguments[a]);
        }
    }
    if (address < start || address - start >= image.size()) return 0;
    const usize count = std::min<u64>(bytes.size(), image.size() - (address - start));
    std::memcpy(bytes.data(), image.data() + (address - start), count);
    return count;
}

}  // namespace emu
