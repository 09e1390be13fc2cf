module fieldfold.decomposition.rank_rule;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.truncated_svd;
import fieldfold.linalg.dense;

namespace fieldfold {
namespace {

/// The median of the Marchenko-Pastur distribution. With `t = 1 + ratio + 2 sqrt(ratio) cos(angle)` its density is
/// smooth up to the ends.
double marchenko_pastur_median(double ratio) {
  const auto place = [=](double angle) { return 1.0 + ratio + 2.0 * std::sqrt(ratio) * std::cos(angle); };
  // The distribution function at the place of an angle, by the midpoint rule, which avoids the ends.
  const auto share_below = [&](double angle) {
    constexpr int steps = 2000;
    const double step = (std::numbers::pi - angle) / steps;
    double sum = 0.0;
    for (int k = 0; k < steps; ++k) {
      const double middle = angle + (k + 0.5) * step;
      sum += 2.0 * std::pow(std::sin(middle), 2) / (std::numbers::pi * place(middle));
    }
    return sum * step;
  };
  double low = 0.0;
  double high = std::numbers::pi;
  for (int bisection = 0; bisection < 50; ++bisection) {
    const double middle = (low + high) / 2.0;
    (share_below(middle) > 0.5 ? low : high) = middle;
  }
  return place(low);
}

template <class T>
std::optional<double> threshold(const RankRule& rule, const Spectrum<T>& spectrum) {
  const double rows = static_cast<double>(spectrum.rows);
  const double columns = static_cast<double>(spectrum.columns);
  const double longer = std::max(rows, columns);
  const double ratio = std::min(rows, columns) / longer;
  if (rule.noise) return *rule.noise * std::sqrt(longer) * threshold_of_known_noise(ratio);
  if (!rule.optimal_threshold) return std::nullopt;
  const std::size_t half = spectrum.s.size() / 2;
  const double upper = static_cast<double>(spectrum.s(half));
  const double median = spectrum.s.size() % 2 == 1 ? upper : (upper + static_cast<double>(spectrum.s(half - 1))) / 2.0;
  return median * threshold_of_median(ratio);
}

/// The smallest rank that truncates at most a given share of the sum of squares of each column.
template <class T>
std::size_t rank_of_worst_column(const Spectrum<T>& spectrum, double share) {
  const std::size_t modes = spectrum.coefficients.shape(1);
  std::size_t rank = 1;
  for (std::size_t j = 0; j < spectrum.columns; ++j) {
    double largest = 0.0;
    for (std::size_t mode = 0; mode < modes; ++mode)
      largest = std::max(largest, std::abs(spectrum.coefficients(j, mode)));
    if (largest == 0.0) continue;
    double square = 0.0;
    for (std::size_t mode = 0; mode < modes; ++mode) square += std::pow(spectrum.coefficients(j, mode) / largest, 2);
    double left = 0.0;
    std::size_t needed = modes;
    for (; needed > rank; --needed) {
      left += std::pow(spectrum.coefficients(j, needed - 1) / largest, 2);
      if (left > share * square) break;
    }
    rank = std::max(rank, needed);
  }
  return rank;
}

/// The smallest share of a nonzero column in the total sum of squares.
template <class T>
double smallest_column_share(const Spectrum<T>& spectrum) {
  const double scale = static_cast<double>(spectrum.s(0));
  double smallest = 1.0;
  double total = 0.0;
  for (std::size_t j = 0; j < spectrum.columns; ++j) {
    double square = 0.0;
    for (std::size_t mode = 0; mode < spectrum.coefficients.shape(1); ++mode)
      square += std::pow(spectrum.coefficients(j, mode) / scale, 2);
    if (square > 0.0) smallest = std::min(smallest, square);
    total += square;
  }
  return smallest / total;
}

}  // namespace

void validate(const RankRule& rule) {
  const auto check = [](const std::optional<double>& number, bool holds, const char* name, const char* range) {
    if (number && !holds) throw InvalidArgument(message(name, ": expected ", range, ", got ", *number));
  };
  if (rule.rank && *rule.rank == 0) throw InvalidArgument("rank: expected at least 1, got 0");
  check(rule.sample_tol, rule.sample_tol >= 0.0, "sample_tol", "a relative error of 0 or more");
  check(rule.reconstruction_tol, rule.reconstruction_tol >= 0.0, "reconstruction_tol", "a relative error of 0 or more");
  check(rule.noise, rule.noise > 0.0 && std::isfinite(rule.noise.value_or(0.0)), "noise",
        "a finite standard deviation above 0");
  check(rule.energy_tol, rule.energy_tol > 0.0 && rule.energy_tol <= 1.0, "energy_tol", "a share in (0, 1]");
}

void warn_of_ignored(const RankRule& rule) {
  std::vector<std::string_view> given;
  const auto add = [&](bool is_given, std::string_view name) {
    if (is_given) given.push_back(name);
  };
  add(rule.rank.has_value(), "rank");
  add(rule.sample_tol.has_value(), "sample_tol");
  add(rule.reconstruction_tol.has_value(), "reconstruction_tol");
  add(rule.noise.has_value(), "noise");
  add(rule.optimal_threshold && !rule.noise, "optimal_threshold");
  add(rule.energy_tol.has_value(), "energy_tol");
  if (given.size() < 2) return;
  const std::string_view first = given.front();
  given.erase(given.begin());
  warn(message("rule: ", first, " takes precedence, and ", listing(given), given.size() == 1 ? " is" : " are",
               " ignored"));
}

double expected_tail(const RankRule& rule) {
  if (rule.rank) return 1.0;
  // The smallest snapshot has less than the average share.
  if (rule.sample_tol) return 0.1 * *rule.sample_tol * *rule.sample_tol;
  if (rule.reconstruction_tol) return *rule.reconstruction_tol * *rule.reconstruction_tol;
  return rule.noise || rule.optimal_threshold ? 1.0 : 1.0 - rule.energy_tol.value_or(0.95);
}

template <class T>
std::vector<double> tail_shares(const xt::xarray<T>& s, double unresolved) {
  std::vector<double> tails(s.size() + 1, 0.0);
  const double largest = static_cast<double>(s(0));
  tails.back() = unresolved / largest / largest;
  for (std::size_t i = s.size(); i-- > 0;) {
    const double relative = static_cast<double>(s(i)) / largest;
    tails[i] = tails[i + 1] + relative * relative;
  }
  const double total = tails[0];
  for (double& tail : tails) tail /= total;
  return tails;
}

template <class T>
RankChoice choose_rank(const RankRule& rule, const Spectrum<T>& spectrum) {
  const std::size_t most = spectrum.s.size();
  if (rule.rank && *rule.rank > most)
    throw InvalidArgument(message("rank: expected 1 to min(dof, samples) = min(", spectrum.rows, ", ", spectrum.columns,
                                  "), got ", *rule.rank));
  if (!(spectrum.s(0) > 0)) return {.rank = rule.rank.value_or(1)};
  const std::vector<double> tails = tail_shares(spectrum.s, spectrum.unresolved_squares);
  if (rule.rank) return {*rule.rank, tails[*rule.rank]};
  const std::size_t full = numerical_rank(spectrum.s);
  const auto fewest = [&](const auto& fits) {
    return std::min(full, static_cast<std::size_t>(std::find_if(tails.begin() + 1, tails.end(), fits) - tails.begin()));
  };
  if (rule.sample_tol) {
    const double share = *rule.sample_tol * *rule.sample_tol;
    const std::size_t rank = std::min(full, rank_of_worst_column(spectrum, share));
    return {rank, std::min(tails[rank], share * smallest_column_share(spectrum))};
  }
  if (rule.reconstruction_tol) {
    const std::size_t rank = fewest([&](double tail) { return std::sqrt(tail) <= *rule.reconstruction_tol; });
    return {rank, tails[rank]};
  }
  if (const auto limit = threshold(rule, spectrum)) {
    std::size_t rank = 0;
    while (rank < full && *limit < static_cast<double>(spectrum.s(rank))) ++rank;
    if (rank == 0)
      warn("no singular value is above the optimal threshold: the snapshots look like noise; one mode is kept");
    rank = std::max<std::size_t>(1, rank);
    const double share = *limit / static_cast<double>(spectrum.s(0));
    return {rank, std::min(tails[rank], share * share * (1.0 - tails[1]))};
  }
  // Up to rounding, an energy of 1 is reached long before the last mode that contributes.
  const double energy = rule.energy_tol.value_or(0.95);
  const std::size_t rank = energy == 1.0 ? full : fewest([&](double tail) { return 1.0 - tail >= energy; });
  return {rank, tails[rank]};
}

double threshold_of_known_noise(double ratio) {
  return std::sqrt(2.0 * (ratio + 1.0) + 8.0 * ratio / (ratio + 1.0 + std::sqrt(ratio * ratio + 14.0 * ratio + 1.0)));
}

double threshold_of_median(double ratio) {
  return threshold_of_known_noise(ratio) / std::sqrt(marchenko_pastur_median(ratio));
}

template std::vector<double> tail_shares(const xt::xarray<double>&, double);
template std::vector<double> tail_shares(const xt::xarray<float>&, double);
template RankChoice choose_rank(const RankRule&, const Spectrum<double>&);
template RankChoice choose_rank(const RankRule&, const Spectrum<float>&);

}  // namespace fieldfold
