module;

#include <cstddef>
#include <optional>
#include <vector>

/// How many modes of a decomposition to keep.
export module fieldfold.decomposition.rank_rule;

import fieldfold.base.arrays;
import fieldfold.decomposition.truncated_svd;

export namespace fieldfold {

/// How many modes to keep. Of several rules that are given, `rank` wins over `sample_tol`, over `reconstruction_tol`,
/// over `noise`, over `optimal_threshold`, over `energy_tol`; none given means an energy of 0.95. Where rounding puts a
/// tolerance out of reach, the numerical rank is taken.
struct RankRule {
  /// This many, from 1 to min(dof, samples).
  std::optional<std::size_t> rank = std::nullopt;
  /// The fewest whose energy, the share of the sum of squared singular values, is at least this; in (0, 1].
  std::optional<double> energy_tol = std::nullopt;
  /// The fewest whose relative Frobenius error on the training snapshots is at most this; not negative.
  std::optional<double> reconstruction_tol = std::nullopt;
  /// The fewest whose relative error on each of the training snapshots is at most this; not negative.
  std::optional<double> sample_tol = std::nullopt;
  /// The standard deviation of white noise in the numbers of the snapshots, above 0: keeps the singular values above
  /// the threshold that has the least error in the limit of large matrices (Gavish and Donoho 2014,
  /// doi:10.1109/TIT.2014.2323359).
  std::optional<double> noise = std::nullopt;
  /// The same where there is white noise of an unknown deviation, which is taken from the median singular value.
  bool optimal_threshold = false;

  /// Whether nothing is asked for.
  bool is_empty() const {
    return !rank && !sample_tol && !reconstruction_tol && !noise && !optimal_threshold && !energy_tol;
  }
};

/// \throws InvalidArgument  a number of the rule is out of its range
void validate(const RankRule& rule);

/// The share of the sum of squares that a rule is likely to leave; 1 where it does not tell.
double expected_tail(const RankRule& rule);

/// Applies a rule.
/// \throws InvalidArgument  a rank above min(dof, samples)
template <class T>
RankChoice choose_rank(const RankRule& rule, const Spectrum<T>& spectrum);

/// The share of the sum of squares from each singular value on: element r is the squared relative error of rank r,
/// summed from the smallest up so that small shares keep their digits.
/// \param s           `(k,)`, descending, the first above 0
/// \param unresolved  the sum of squares of those that are not in s
template <class T>
std::vector<double> tail_shares(const xt::xarray<T>& s, double unresolved = 0.0);

/// The optimal hard threshold of an m x n matrix with white noise of deviation 1, over the root of its longer side.
/// \param ratio  of the shorter side to the longer, in (0, 1]
double threshold_of_known_noise(double ratio);

/// The optimal hard threshold over the median singular value.
double threshold_of_median(double ratio);

}  // namespace fieldfold
