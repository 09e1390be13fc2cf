/// Radial basis functions.
export module fieldfold.rbf.kernel;

import fieldfold.base.standard;

export namespace fieldfold {

/// A radial basis function of the distance `r` between two points multiplied by epsilon. The signs make each kernel
/// conditionally positive definite of order `minimum_degree + 1` (Wendland 2005, doi:10.1017/CBO9780511617539;
/// Fasshauer 2007, doi:10.1142/6437). Wendland's kernels (1995, doi:10.1007/BF02123482) are 0 for `r >= 1`, and
/// positive definite in up to three dimensions.
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
  wendland_c0,           ///< (1 - r)^2
  wendland_c2,           ///< (1 - r)^4 (4 r + 1)
  wendland_c4,           ///< (1 - r)^6 (35 r^2 + 18 r + 3) / 3
  wendland_c6,           ///< (1 - r)^8 (32 r^3 + 25 r^2 + 8 r + 1)
  wendland_c8,           ///< (1 - r)^10 (429 r^4 + 450 r^3 + 210 r^2 + 50 r + 5) / 5
};

/// The properties of a kernel.
struct KernelTraits {
  Kernel kernel;
  std::string_view name;  ///< as in the enumeration
  int minimum_degree;     ///< of the polynomial that makes the system uniquely solvable; -1: none is needed
  bool scale_invariant;   ///< epsilon affects rounding only
  bool differentiable;    ///< everywhere; the others have no gradient at the data points
  bool compact;           ///< 0 for r >= 1
};

/// All kernels.
std::span<const KernelTraits> kernels();

/// The properties of one kernel.
const KernelTraits& traits(Kernel kernel);

/// A kernel by its name.
/// \throws InvalidArgument  an unknown name; the message lists the known ones
Kernel kernel_named(std::string_view name);

/// Checks kernel values. \throws NumericalError  a value is not finite: the kernel overflowed
void expect_finite(std::span<const double> values, Kernel kernel);

}  // namespace fieldfold
