/// Vectorized radial basis functions and systems, compiled once for each instruction set and chosen at run time.
export module fieldfold.rbf.lanes;

import fieldfold.base.standard;
import fieldfold.linalg.vector;
import fieldfold.rbf.kernel;

export namespace fieldfold {

/// Saddle point systems of one size, solved side by side, one per lane of a vector register: entry e of system l is at
/// `[e * lanes + l]`. A system of n points and m monomials is
///
///     [ K    P ] [ a ]   [ d ]
///     [ P^T  0 ] [ b ] = [ p ]
///
/// The first m points are pivots, on which the monomials are independent. With P_1 the rows of P at the pivots, P_2
/// those at the other points and `W = P_2 P_1^-1`, the matrix `B = K_22 - W K_12 - K_21 W^T + W K_11 W^T` of order
/// n - m is positive definite for a conditionally positive definite kernel.
struct LaneSystems {
  std::size_t points;         ///< n
  std::size_t monomials;      ///< m, at most n
  std::size_t dim;            ///< of the points
  const double* coordinates;  ///< `(dim, n)`, times epsilon
  const double* diagonal;     ///< `(n)`, added to the diagonal of K
  const double* present;      ///< `(n)`, 1, or 0 for padding; null: no padding
  const double* multipliers;  ///< W, `(n - m, m)`; 0 for padding
  double* pivot_block;        ///< result: K_11, `(m, m)`
  double* pivot_columns;      ///< result: `K_21 - W K_11 / 2`, `(n - m, m)`
  double* factor;             ///< result: L of `B = L L^T`, the lower triangle packed by rows
  double* inverse_diagonal;   ///< result: reciprocal diagonal of L, `(n - m)`; not finite where B is not
                              ///< numerically positive definite
  double* largest;            ///< result: the largest magnitude in K, `(1)`
};

/// The loops compiled for one instruction set.
struct KernelLoops {
  std::string_view name;  ///< of the instruction set
  std::size_t lanes;      ///< doubles per register

  /// Squared distances of a point `(dim)` from points stored axis by axis, `axes[axis * stride + j]`, with differences
  /// multiplied by epsilon.
  void (*squared_distances)(const double* point, const double* axes, std::size_t stride, std::size_t dim,
                            std::size_t count, double epsilon, double* squares);

  /// Replaces squared distances `r^2` by the values of the kernel.
  void (*kernel_values)(Kernel kernel, double* squares, std::size_t count);

  /// Replaces squared distances `r^2` by the derivative of the kernel with respect to `r^2`.
  void (*kernel_slopes)(Kernel kernel, double* squares, std::size_t count);

  /// Assembles and factorizes systems.
  void (*factorize)(Kernel kernel, const LaneSystems& systems);

  /// Squared distances of one query per system from the points of the system. \param query  `(dim)`, times epsilon
  /// \param squares  `(n)`
  void (*lane_squares)(const LaneSystems& systems, const double* query, double* squares);

  /// Solves for right-hand sides with p = 0.
  /// \param columns    `(n, count)`: d, replaced by a
  /// \param remainder  `(m, count)`: result, `P_1 b`
  void (*solve)(const LaneSystems& systems, double* columns, double* remainder, std::size_t count);

  /// Solves for right-hand sides d, p: kernels and monomials at a query, for which a holds the weights of the values.
  /// \param columns  `(n, count)`: d, replaced by a
  /// \param start    `(m, count)`: P_1^-T p
  void (*solve_adjoint)(const LaneSystems& systems, double* columns, const double* start, std::size_t count);
};

/// The loops for an instruction set of this machine; the widest by default.
const KernelLoops& kernel_loops(InstructionSet set = instruction_sets().back());

}  // namespace fieldfold
