// /proc/cpuinfo as text. It knows the CPU's model alone; the kernel hands it to programs.
#include "emu/cpu/cpuinfo.h"

namespace emu {
namespace {

void line(std::string& text, const char* name, const std::string& value) {
    text += name + std::string("\t: ") + value + '\n';
}

/// Where Linux calls a feature otherwise than CPUID's reader does.
std::string linux_flag(Feature feature) {
    if (feature == Feature::kSse3) return "pni";
    if (feature == Feature::kLzcnt) return "abm";
    if (feature == Feature::kOsxsave) return "";  // no flag: the kernel's own doing
    return name_of(feature);
}

std::string flags_of(const CpuModel& model, const mmu::CpuIdentity& cpu) {
    std::string flags = "fpu pse tsc pae cx8 pge cmov pse36 clflush mmx fxsr sse sse2 syscall nx";
    if (cpu.page_1g) flags += " pdpe1gb";
    flags += " lm constant_tsc nopl nonstop_tsc lahf_lm smep smap umip";
    if (cpu.la57()) flags += " la57";
    for (const FeatureRow& row : feature_rows())
        if (model.has(row.feature) && !linux_flag(row.feature).empty())
            flags += " " + linux_flag(row.feature);
    return flags;
}

}  // namespace

std::string proc_cpuinfo(const CpuModel& model, const mmu::CpuIdentity& cpu) {
    std::string text;
    line(text, "processor", "0");
    line(text, "vendor_id", cpu.vendor);
    line(text, "cpu family", std::to_string(cpu.family));
    line(text, "model\t", std::to_string(cpu.model));
    line(text, "model name", cpu.brand);
    line(text, "stepping", std::to_string(cpu.stepping));
    line(text, "cpu MHz\t", "1000.000");  // a nanosecond an instruction
    line(text, "physical id", "0");
    line(text, "siblings", "1");
    line(text, "core id", "0");
    line(text, "cpu cores", "1");
    line(text, "apicid", "0");
    line(text, "initial apicid", "0");
    line(text, "fpu\t", "yes");
    line(text, "fpu_exception", "yes");
    line(text, "cpuid level", std::to_string(model.cpuid(0, 0).eax));
    line(text, "wp\t", "yes");
    line(text, "flags\t", flags_of(model, cpu));
    line(text, "bugs\t", "");
    line(text, "bogomips", "2000.00");
    line(text, "clflush size", "64");
    line(text, "cache_alignment", "64");
    line(text, "address sizes",
         std::to_string(cpu.physical_bits) + " bits physical, " + std::to_string(cpu.virtual_bits) +
             " bits virtual");
    return text + "power management:\n\n";
}

}  // namespace emu
