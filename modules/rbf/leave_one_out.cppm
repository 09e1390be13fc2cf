/// Leave-one-out choice of epsilon and smoothing.
export module fieldfold.rbf.leave_one_out;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// Leave-one-out residuals in closed form, without solving again: each kernel's coefficient over its diagonal entry of
/// the inverse of the system's matrix (Rippa 1999, doi:10.1023/A:1018975909870).
/// \param points   `(P, N)`  \param values  `(P, ...)`
/// \param options  of an interpolant of all points
/// \returns        `(P, ...)`, at the cost of `2 P^3` operations
/// \throws InvalidArgument  as `RBFInterpolator`; options with neighbors or a partition of unity; a compactly supported
///                          kernel with a sparse system, of thousands of points
/// \throws NumericalError   as `RBFInterpolator`
xt::xarray<double> leave_one_out_errors(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                        const RBFOptions& options);

/// The error of one choice.
struct LeaveOneOutTrial {
  double epsilon;
  double smoothing;
  double error;  ///< root mean square, each column over its largest value, or the rounding error if larger; infinite
                 ///< without a trustworthy solution
};

/// The best choice, and all trials.
struct LeaveOneOutChoice {
  RBFOptions options;                   ///< those given, with the best epsilon and smoothing
  double error;                         ///< of the best
  std::vector<LeaveOneOutTrial> curve;  ///< sorted by smoothing, then epsilon
};

/// Chooses epsilon and smoothing by the smallest leave-one-out error.
/// \param epsilons    candidates; empty: that of the options, or where the kernel needs one and they have none, a
///                    search over length scales from a tenth of the spacing of the points to a hundred times it
/// \param smoothings  candidates; empty: that of the options
/// \throws  as `leave_one_out_errors`; NumericalError also if no choice has a trustworthy solution
LeaveOneOutChoice choose_by_leave_one_out(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                          const RBFOptions& options, const std::vector<double>& epsilons = {},
                                          const std::vector<double>& smoothings = {});

}  // namespace fieldfold
