/// Rules for the rank of a truncated decomposition.
export module fieldfold.decomposition.rank_rule;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.decomposition.truncated_svd;

export namespace fieldfold {

/// A rule for the rank. If several are given, `rank` takes precedence over `sample_tol`, `reconstruction_tol`, `noise`,
/// `optimal_threshold` and `energy_tol`, in this order; the default is an energy of 0.95. If rounding puts a tolerance
/// out of reach, the numerical rank is taken.
struct RankRule {
  /// This rank, from 1 to min(dof, samples).
  std::optional<std::size_t> rank = std::nullopt;
  /// The smallest rank whose energy, the share of the sum of squared singular values, is at least this; in (0, 1].
  std::optional<double> energy_tol = std::nullopt;
  /// The smallest rank whose relative Frobenius error on the training snapshots is at most this; nonnegative.
  std::optional<double> reconstruction_tol = std::nullopt;
  /// The smallest rank whose relative error on each training snapshot is at most this; nonnegative.
  std::optional<double> sample_tol = std::nullopt;
  /// The standard deviation of white noise in the snapshots, above 0: keeps the singular values above the hard
  /// threshold that is optimal in the limit of large matrices (Gavish and Donoho 2014, doi:10.1109/TIT.2014.2323359).
  std::optional<double> noise = std::nullopt;
  /// The same threshold for white noise of unknown deviation, which is estimated from the median singular value.
  bool optimal_threshold = false;

  /// Whether no rule is given.
  bool is_empty() const {
    return !rank && !sample_tol && !reconstruction_tol && !noise && !optimal_threshold && !energy_tol;
  }
};

/// \throws InvalidArgument  a number of the rule is out of range
void validate(const RankRule& rule);

/// Warns of members of a rule that are ignored, because another takes precedence.
void warn_of_ignored(const RankRule& rule);

/// The likely truncated share of the sum of squares under a rule; 1 if unknown.
double expected_tail(const RankRule& rule);

/// Applies a rule.
/// \throws InvalidArgument  a rank above min(dof, samples)
template <class T>
RankChoice choose_rank(const RankRule& rule, const Spectrum<T>& spectrum);

/// The truncated share of the sum of squares for each rank: element r is the squared relative error of rank r, summed
/// from the smallest singular value up so that small shares keep their digits.
/// \param s           `(k,)`, descending, the first above 0
/// \param unresolved  the sum of squares of the singular values that are not in s
template <class T>
std::vector<double> tail_shares(const xt::xarray<T>& s, double unresolved = 0.0);

/// The optimal hard threshold for an m x n matrix with white noise of deviation 1, divided by the root of its longer
/// side.
/// \param ratio  of the shorter side to the longer, in (0, 1]
double threshold_of_known_noise(double ratio);

/// The optimal hard threshold divided by the median singular value.
double threshold_of_median(double ratio);

}  // namespace fieldfold
