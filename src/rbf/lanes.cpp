module fieldfold.rbf.lanes;

import fieldfold.linalg.vector;

namespace fieldfold {

// lane_loops.cpp with the flags of each instruction set.
const KernelLoops& kernel_loops_baseline();
#ifdef __x86_64__
const KernelLoops& kernel_loops_avx2();
const KernelLoops& kernel_loops_avx512();
#endif

const KernelLoops& kernel_loops(InstructionSet set) {
#ifdef __x86_64__
  if (set == InstructionSet::avx512) return kernel_loops_avx512();
  if (set == InstructionSet::avx2) return kernel_loops_avx2();
#endif
  static_cast<void>(set);
  return kernel_loops_baseline();
}

}  // namespace fieldfold
