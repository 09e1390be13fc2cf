module;

#include <span>
#include <vector>

module fieldfold.linalg.vector;

namespace fieldfold {

// Each is lanes.cpp compiled with other flags.
const InstructionSet& instruction_set_baseline();
#ifdef __x86_64__
const InstructionSet& instruction_set_avx2();
const InstructionSet& instruction_set_avx512();
#endif

std::span<const InstructionSet* const> instruction_sets() {
  static const std::vector<const InstructionSet*> found = [] {
    std::vector<const InstructionSet*> sets{&instruction_set_baseline()};
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back(&instruction_set_avx2());
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw"))
      sets.push_back(&instruction_set_avx512());
#endif
    return sets;
  }();
  return found;
}

const InstructionSet& instruction_set() { return *instruction_sets().back(); }

}  // namespace fieldfold
