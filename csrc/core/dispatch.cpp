#include "core/dispatch.hpp"

#include <atomic>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define GW_DECLARE(isa)                     \
  namespace isa {                           \
  extern const Kernels<float> kernels_f32;  \
  extern const Kernels<double> kernels_f64; \
  }

namespace gatewright {

GW_DECLARE(baseline)
#if defined(__x86_64__)
GW_DECLARE(avx2)
GW_DECLARE(avx512)
GW_DECLARE(wide)
#endif

namespace {

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
// Not every compiler that builds the kernels knows this extension by name. The registers are those of AVX-512.
bool has_avx512_bf16() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return has_avx512() && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 5 & 1);
}
#else
bool has_avx512_bf16() { return false; }
#endif
bool always() { return true; }

// Widest first. `wide` has the vector width of AVX-512, built from AVX2 registers. It tests 16-wide code on processors
// without AVX-512, and comes last since it is never the best choice.
const InstructionSet all_sets[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, &avx512::kernels_f32, &avx512::kernels_f64},
    {"avx2", has_avx2, &avx2::kernels_f32, &avx2::kernels_f64},
    {"sse2", always, &baseline::kernels_f32, &baseline::kernels_f64},
    {"wide", has_avx2, &wide::kernels_f32, &wide::kernels_f64},
#else
    {"neon", always, &baseline::kernels_f32, &baseline::kernels_f64},
#endif
};

const InstructionSet* widest() {
  for (const InstructionSet& set : all_sets)
    if (set.runs_here()) return &set;
  return nullptr;  // not reached: every processor runs the baseline
}

std::atomic<const InstructionSet*> chosen{nullptr};
std::atomic<bool> bf16_instructions{true};

}  // namespace

std::vector<const InstructionSet*> available_instruction_sets() {
  std::vector<const InstructionSet*> sets;
  for (const InstructionSet& set : all_sets)
    if (set.runs_here()) sets.push_back(&set);
  return sets;
}

const InstructionSet& instruction_set() {
  const InstructionSet* set = chosen.load();
  if (set) return *set;
  set = widest();
  chosen.store(set);
  return *set;
}

bool choose_instruction_set(const char* name) {
  for (const InstructionSet* set : available_instruction_sets())
    if (std::strcmp(set->name, name) == 0) {
      chosen.store(set);
      return true;
    }
  return false;
}

Products bf16_products() {
  static const bool supported = has_avx512_bf16();
  const bool used = supported && bf16_instructions.load() && std::strcmp(instruction_set().name, "avx512") == 0;
  return used ? Products::pairs : Products::rounded;
}

void use_bf16_instructions(bool use) { bf16_instructions.store(use); }

}  // namespace gatewright
