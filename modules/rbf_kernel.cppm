module;

#include <span>
#include <string_view>

/// The radial basis functions.
export module fieldfold.rbf.kernel;

import fieldfold.diagnostics;

export namespace fieldfold {

/// A radial basis function of the distance `r` between two points, each multiplied by epsilon. The signs make every
/// one conditionally positive definite of the order `minimum_degree + 1` (Wendland 2005,
/// doi:10.1017/CBO9780511617539; Fasshauer 2007, doi:10.1142/6437).
enum class Kernel {
  linear,                ///< -r
  thin_plate_spline,     ///< r^2 log r, 0 at r = 0
  cubic,                 ///< r^3
  quintic,               ///< -r^5
  multiquadric,          ///< -sqrt(1 + r^2)
  inverse_multiquadric,  ///< 1 / sqrt(1 + r^2)
  inverse_quadratic,     ///< 1 / (1 + r^2)
  gaussian,              ///< exp(-r^2)
  matern1_2,             ///< exp(-r)
  matern3_2,             ///< (1 + sqrt(3) r) exp(-sqrt(3) r)
  matern5_2,             ///< (1 + sqrt(5) r + 5 r^2 / 3) exp(-sqrt(5) r)
};

/// What is known of a kernel beside its formula.
struct KernelTraits {
  Kernel kernel;
  std::string_view name;  ///< as in the enumeration
  int minimum_degree;     ///< of the polynomial that makes the system uniquely solvable; -1: none is needed
  bool scale_invariant;   ///< epsilon changes nothing but rounding
};

/// All kernels.
std::span<const KernelTraits> kernels();

/// What is known of one kernel.
const KernelTraits& traits(Kernel kernel);

/// The kernel of this name.
/// \throws InvalidArgument  there is none; the message lists all names
Kernel kernel_named(std::string_view name);

/// Replaces squared distances `r^2` by the values of the kernel.
void evaluate_kernel(Kernel kernel, std::span<double> squared_distances);

}  // namespace fieldfold
