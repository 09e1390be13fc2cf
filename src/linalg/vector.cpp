module fieldfold.linalg.vector;

namespace fieldfold {

// From vector_loops.cpp, compiled with the flags of each instruction set.
const VectorLoops& vector_loops_baseline();
#ifdef __x86_64__
const VectorLoops& vector_loops_avx2();
const VectorLoops& vector_loops_avx512();
#endif

std::span<const InstructionSet> instruction_sets() {
  static const std::vector<InstructionSet> found = [] {
    std::vector<InstructionSet> sets{InstructionSet::baseline};
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back(InstructionSet::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw"))
      sets.push_back(InstructionSet::avx512);
#endif
    return sets;
  }();
  return found;
}

const VectorLoops& vector_loops(InstructionSet set) {
#ifdef __x86_64__
  if (set == InstructionSet::avx512) return vector_loops_avx512();
  if (set == InstructionSet::avx2) return vector_loops_avx2();
#endif
  static_cast<void>(set);
  return vector_loops_baseline();
}

}  // namespace fieldfold
