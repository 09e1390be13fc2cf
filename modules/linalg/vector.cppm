/// Vectorized loops, compiled for each instruction set and selected at run time.
export module fieldfold.linalg.vector;

import fieldfold.base.standard;

export namespace fieldfold {

/// Instruction sets of the loops, in ascending register width.
enum class InstructionSet { baseline, avx2, avx512 };

/// The instruction sets of this machine, the widest last.
std::span<const InstructionSet> instruction_sets();

/// The loops compiled for one instruction set.
struct VectorLoops {
  std::string_view name;  ///< of the instruction set

  /// Replaces numbers by their base-10 logarithms.
  void (*decimal_logarithms)(double* numbers, std::size_t count);

  /// `sums = weights[0] rows[0] + ...`, over `count` rows of the same length.
  void (*sum_rows)(const double* const* rows, const double* weights, std::size_t count, std::size_t length,
                   double* sums);

  /// `c = a b^T` for a few rows of a, `(rows, count)`, and b, `(cols, count)`, where BLAS is inefficient.
  void (*multiply_transposed)(const double* a, std::size_t a_stride, std::size_t rows, const double* b,
                              std::size_t b_stride, std::size_t cols, std::size_t count, double* c,
                              std::size_t c_stride);
};

/// The loops for an instruction set of this machine.
const VectorLoops& vector_loops(InstructionSet set = instruction_sets().back());

}  // namespace fieldfold
