module;

#include <vector>

/// Choosing the scale of a kernel and the smoothing by leaving points out.
export module fieldfold.rbf.leave_one_out;

import fieldfold.base.arrays;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// What each value differs by from the interpolant of all others, in closed form, without solving again: the
/// coefficient of its kernel over the entry of the inverse of the system's matrix on its diagonal (Rippa 1999,
/// doi:10.1023/A:1018975909870).
/// \param points   `(P, N)`  \param values  `(P, ...)`
/// \param options  of an interpolant of all points
/// \returns        `(P, ...)`; it takes the time of `2 P^3` operations
/// \throws InvalidArgument  as `RBFInterpolator`; options have neighbors or a partition of unity; or the kernel has a
///                          compact support so small that thousands of points make a sparse system
/// \throws NumericalError   as `RBFInterpolator`
xt::xarray<double> leave_one_out_errors(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                        const RBFOptions& options);

/// The errors of one choice.
struct LeaveOneOutTrial {
  double epsilon;
  double smoothing;
  double error;  ///< root of the mean square, each column over its largest value, or what rounding does if that is
                 ///< more; infinite where the system has no trustworthy solution
};

/// The best choice, and all that were looked at.
struct LeaveOneOutChoice {
  RBFOptions options;                   ///< those given, with the best epsilon and smoothing
  double error;                         ///< of the best
  std::vector<LeaveOneOutTrial> curve;  ///< ascending by smoothing, then epsilon
};

/// Chooses epsilon and smoothing by the smallest errors of leaving one out.
/// \param epsilons    to look at; none: that of the options, and if they have none, where the kernel needs one, a
/// search
///                    over scales from a tenth of the distance of neighbors to a hundred times it
/// \param smoothings  to look at; none: that of the options
/// \throws  as `leave_one_out_errors`; NumericalError also where no choice has a trustworthy solution
LeaveOneOutChoice choose_by_leave_one_out(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                          const RBFOptions& options, const std::vector<double>& epsilons = {},
                                          const std::vector<double>& smoothings = {});

}  // namespace fieldfold
