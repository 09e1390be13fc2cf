module fieldfold.pod.merging;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.compressor;
import fieldfold.decomposition.rank_rule;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.options;
import fieldfold.fields.scaling;
import fieldfold.fields.space;
import fieldfold.fields.statistics;
import fieldfold.linalg.dense;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.pod.validation;
import fieldfold.rows.missing_values;
import fieldfold.rows.source;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

/// A merged map could not keep the weights of its snapshots.
template <class T>
void expect_unweighted(const BasicSVD<T>& svd) {
  if (svd.options().field_opts.sample_weights)
    throw InvalidArgument("maps: expected snapshots of the weight 1, got sample_weights");
}

/// The columns of the scaled problem of two parts: the basis of the first times its singular values; columns of the
/// second; and the weighted difference of their means, if they are centred.
template <class T>
class PartsAsColumns final : public RowSource<T> {
 public:
  struct Parts {
    const BasicSVDMap<T>& first;
    const SpaceScaling<T>& scaling;
    const RowSource<T>& second;               ///< scaled
    std::vector<T> shift = {};                ///< `(dof,)`, subtracted from the second; empty: nothing
    std::vector<T> difference_of_means = {};  ///< `(dof,)`, scaled and weighted; empty: no such column
  };
  explicit PartsAsColumns(Parts parts) : parts_(std::move(parts)) {}

  std::size_t rows() const override { return parts_.second.rows(); }
  std::size_t cols() const override {
    return rank() + parts_.second.cols() + (parts_.difference_of_means.empty() ? 0 : 1);
  }
  std::size_t block_rows() const override { return parts_.second.block_rows(); }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override {
    std::vector<T> own;
    const auto second = parts_.second.read(first, count, own);
    buffer.resize(count * cols());
    const MatrixView<T> block{buffer.data(), count, cols()};
    const std::size_t r = rank();
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t row = first + i;
      const double scale = parts_.scaling.row_scale(row);
      for (std::size_t k = 0; k < r; ++k)
        block(i, k) = static_cast<T>(scale * static_cast<double>(parts_.first.projection_matrix(row, k)) *
                                     static_cast<double>(parts_.first.singular_values(k)));
      const T shift = parts_.shift.empty() ? T{0} : parts_.shift[row];
      for (std::size_t j = 0; j < second.cols; ++j) block(i, r + j) = second(i, j) - shift;
      if (!parts_.difference_of_means.empty()) block(i, r + second.cols) = parts_.difference_of_means[row];
    }
    return readable(block);
  }

 private:
  std::size_t rank() const { return parts_.first.latent_ranges.size(); }

  Parts parts_;
};

/// The coefficients of the snapshots of one part in the merged modes: their range, mean and covariance, and themselves,
/// if they are known.
template <class T>
struct Coefficients {
  LatentRanges ranges;
  std::vector<double> mean;
  xt::xarray<double> covariance;
  std::optional<xt::xarray<double>> latents;
};

/// `z Q + offset` of the coefficients z of a map. \param turn  Q, `(rank, modes)`
template <class T>
Coefficients<T> turned(const BasicSVDMap<T>& map, const xt::xarray<double>& turn, const std::vector<double>& offset) {
  const std::size_t rank = turn.shape(0);
  const std::size_t modes = turn.shape(1);
  Coefficients<T> result;
  if (map.training_latents) {
    result.latents = product(array_cast<double>(*map.training_latents), turn);
    for (std::size_t j = 0; j < result.latents->shape(0); ++j)
      for (std::size_t k = 0; k < modes; ++k) (*result.latents)(j, k) += offset[k];
    result.ranges = ranges_of(*result.latents);
  } else {
    for (std::size_t k = 0; k < modes; ++k) {
      std::pair<double, double> range{offset[k], offset[k]};
      for (std::size_t i = 0; i < rank; ++i) {
        const auto [low, high] = map.latent_ranges[i];
        range.first += std::min(turn(i, k) * low, turn(i, k) * high);
        range.second += std::max(turn(i, k) * low, turn(i, k) * high);
      }
      result.ranges.push_back(range);
    }
  }
  if (map.latent_mean.size() != rank) return result;
  result.covariance = transposed_product(turn, product(map.latent_covariance, turn));
  for (std::size_t k = 0; k < modes; ++k) {
    result.mean.push_back(offset[k]);
    for (std::size_t i = 0; i < rank; ++i) result.mean.back() += map.latent_mean(i) * turn(i, k);
  }
  return result;
}

/// The same of coefficients in memory.
template <class T>
Coefficients<T> coefficients_of(xt::xarray<double> latents) {
  BasicSVDMap<double> statistics;
  statistics.set_latent_statistics(latents, std::vector<double>(latents.shape(0), 1.0));
  Coefficients<T> result{.ranges = ranges_of(latents),
                         .mean = {statistics.latent_mean.begin(), statistics.latent_mean.end()},
                         .covariance = statistics.latent_covariance,
                         .latents = std::nullopt};
  result.latents = std::move(latents);
  return result;
}

/// Sets the ranges and the statistics of a map from those of its parts, of these weights.
template <class T>
void set_coefficients(BasicSVDMap<T>& map, const Coefficients<T>& a, const Coefficients<T>& b, double weight_a,
                      double weight_b) {
  const std::size_t modes = a.ranges.size();
  for (std::size_t k = 0; k < modes; ++k)
    map.latent_ranges.emplace_back(std::min(a.ranges[k].first, b.ranges[k].first),
                                   std::max(a.ranges[k].second, b.ranges[k].second));
  if (a.latents && b.latents) {
    auto latents = xt::xarray<T>::from_shape({a.latents->shape(0) + b.latents->shape(0), modes});
    const auto cast = [](double x) { return static_cast<T>(x); };
    std::transform(b.latents->begin(), b.latents->end(),
                   std::transform(a.latents->begin(), a.latents->end(), latents.data(), cast), cast);
    map.training_latents = std::move(latents);
  }
  if (a.mean.empty() || b.mean.empty()) return;
  const double share = weight_b / (weight_a + weight_b);
  map.latent_mean = zeros<double>({modes});
  map.latent_covariance = zeros<double>({modes, modes});
  for (std::size_t i = 0; i < modes; ++i) map.latent_mean(i) = (1.0 - share) * a.mean[i] + share * b.mean[i];
  for (std::size_t i = 0; i < modes; ++i)
    for (std::size_t k = 0; k < modes; ++k)
      map.latent_covariance(i, k) = (1.0 - share) * a.covariance(i, k) + share * b.covariance(i, k) +
                                    share * (1.0 - share) * (a.mean[i] - b.mean[i]) * (a.mean[k] - b.mean[k]);
}

/// A second part to merge with a map: the other columns of the scaled problem, and what is known of them.
template <class T>
struct SecondPart {
  const RowSource<T>& columns;        ///< scaled
  std::vector<double> difference;     ///< `(dof,)`: of its mean from that of the map, scaled; empty: not centred
  bool subtracts_difference = false;  ///< whether the columns are about the mean of the map
  double weight = 0.0;
  std::size_t num_samples = 0;
  double truncated_squares = 0.0;
  /// The coefficients of its snapshots, from those of its columns and their offset.
  std::function<Coefficients<T>(xt::xarray<double> columns, const std::vector<double>& offset)> coefficients;
};

template <class T>
BasicSVD<T> merged_with(const BasicSVD<T>& svd, const SpaceScaling<T>& scaling, const SecondPart<T>& second,
                        const RankRule& given) {
  const BasicSVDMap<T>& map = svd.map();
  const RankRule rule = merging_rule(svd, given);
  const auto weight = static_cast<double>(map.num_samples);
  const double share = second.weight / (weight + second.weight);
  const double root = std::sqrt(weight * share);
  typename PartsAsColumns<T>::Parts parts{map, scaling, second.columns};
  for (const double x : second.difference) {
    if (second.subtracts_difference) parts.shift.push_back(static_cast<T>(x));
    parts.difference_of_means.push_back(static_cast<T>(root * x));
  }
  const PartsAsColumns<T> columns(std::move(parts));
  if (rule.rank && *rule.rank > std::min(columns.rows(), columns.cols()))
    throw InvalidArgument(message("rank: expected at most ", std::min(columns.rows(), columns.cols()),
                                  ", the number of directions in both parts, got ", *rule.rank));
  const std::size_t num_samples = map.num_samples + second.num_samples;
  const double lost = truncated_squares(map, map.latent_ranges.size()) + second.truncated_squares;
  DecompositionRequest<T> request{.choose_rank =
                                      [&](Spectrum<T> spectrum) {
                                        spectrum.columns = num_samples;
                                        spectrum.unresolved_squares += lost;
                                        return choose_rank(rule, spectrum);
                                      },
                                  .needs_coefficients = false,
                                  .inner_product = scaling.inner_product(),
                                  .masked_rows = scaling.space().parts().masked,
                                  .threads = svd.options().threads};
  ArrayStore<T> basis;
  auto found = decompose<T>(columns, request, basis);
  if (found.rank == 0) throw InvalidArgument("maps: expected snapshots that are not zero");
  scaling.unscale(basis, as_matrix(found.coefficients), found.kept, found.report.threads);

  const auto coefficients = array_cast<double>(found.coefficients);
  const std::size_t rank = map.latent_ranges.size();
  auto turn = leading_block(coefficients, rank, found.rank);
  for (std::size_t k = 0; k < rank; ++k)
    for (std::size_t mode = 0; mode < found.rank; ++mode) {
      const auto s = static_cast<double>(map.singular_values(k));
      turn(k, mode) = s > 0.0 ? turn(k, mode) / s : 0.0;
    }
  std::vector<double> offset(found.rank, 0.0);
  std::vector<double> second_offset(found.rank, 0.0);
  for (std::size_t mode = 0; mode < found.rank && !second.difference.empty(); ++mode) {
    const double of_means = coefficients(coefficients.shape(0) - 1, mode) / root;
    offset[mode] = -share * of_means;
    second_offset[mode] = (1.0 - share) * of_means;
  }
  auto own = xt::xarray<double>::from_shape({second.columns.cols(), found.rank});
  for (std::size_t j = 0; j < own.shape(0); ++j)
    for (std::size_t mode = 0; mode < found.rank; ++mode) own(j, mode) = coefficients(rank + j, mode);

  BasicSVDMap<T> result{.projection_matrix = std::move(basis.array()),
                        .singular_values = leading_entries(found.s, std::min(found.s.size(), num_samples)),
                        .unresolved_squares = found.unresolved_squares + lost,
                        .latent_ranges = {},
                        .training_latents = std::nullopt,
                        .num_samples = num_samples,
                        .num_dropped = map.num_dropped,
                        .errors = std::nullopt,
                        .validation_errors = std::nullopt,
                        .num_filled = map.num_filled};
  set_coefficients(result, turned(map, turn, offset), second.coefficients(std::move(own), second_offset), weight,
                   second.weight);
  if (map.space) {
    FieldSpace space = scaling.space();
    for (std::size_t i = 0; i < second.difference.size(); ++i)
      if (const double scale = space.factor(i) * scaling.row_scale(i); scale != 0.0)
        space.set_mean(i, space.shift(i) + share * second.difference[i] / scale);
    result.space = std::move(space);
  }
  return BasicSVD<T>(svd.compression_options(), svd.options(), std::move(result));
}

bool are_equal(const auto& a, const auto& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

/// Checks that two maps have the same space, except for the mean.
template <class T>
void expect_same_space(const BasicSVD<T>& a, const BasicSVD<T>& b) {
  const auto expect = [](bool holds, std::string_view what) {
    if (!holds) throw InvalidArgument(message("maps: expected the same ", what, " of both"));
  };
  expect(a.fields() == b.fields(), "fields");
  expect(a.dof() == b.dof(), "number of points");
  const auto& first = a.compression_options();
  const auto& second = b.compression_options();
  expect(first.coords.has_value() == second.coords.has_value() &&
             (!first.coords || are_equal(*first.coords, *second.coords)),
         "coordinates");
  const FieldSpace space_a = space_of(a);
  const FieldSpace space_b = space_of(b);
  const auto& parts_a = space_a.parts();
  const auto& parts_b = space_b.parts();
  expect(parts_a.is_centered == parts_b.is_centered, "choice of a mean");
  for (std::size_t i = 0; i < parts_a.fields.size(); ++i) {
    const auto& x = parts_a.transforms[i];
    const auto& y = parts_b.transforms[i];
    if (x.is_logarithmic != y.is_logarithmic || x.offset != y.offset || x.shift != y.shift || x.factor != y.factor)
      throw InvalidArgument(message("maps: expected the same normalization of ", parts_a.fields[i],
                                    "; one that is learned differs between parts: give it as linear"));
  }
  expect(are_equal(parts_a.deviation, parts_b.deviation), "standard deviations");
  expect(are_equal(parts_a.point_weights, parts_b.point_weights), "point weights");
  expect(parts_a.field_weights == parts_b.field_weights, "field weights");
  expect(parts_a.masked == parts_b.masked, "mask");
  const auto* const mass_a = parts_a.mass ? parts_a.mass->sparse() : nullptr;
  const auto* const mass_b = parts_b.mass ? parts_b.mass->sparse() : nullptr;
  expect(parts_a.mass.has_value() == parts_b.mass.has_value() &&
             (!parts_a.mass || (mass_a != nullptr && mass_b != nullptr && mass_a->offsets == mass_b->offsets &&
                                mass_a->columns == mass_b->columns && mass_a->weights == mass_b->weights)),
         "mass matrix, sparse,");
}

/// The finite columns of scaled snapshots, and their mean, `(dof,)`.
template <class T>
std::pair<std::vector<std::size_t>, std::vector<double>> finite_columns(const RowSource<T>& rows, bool wants_mean) {
  std::vector<bool> is_finite(rows.cols(), true);
  std::vector<double> mean(wants_mean ? rows.rows() : 0, 0.0);
  std::vector<std::size_t> columns;
  std::vector<T> buffer;
  const auto for_rows = [&](const auto& visit) {
    for (std::size_t first = 0; first < rows.rows(); first += rows.block_rows()) {
      const auto block = rows.read(first, std::min(rows.block_rows(), rows.rows() - first), buffer);
      for (std::size_t i = 0; i < block.rows; ++i) visit(first + i, block.row(i));
    }
  };
  for_rows([&](std::size_t, std::span<const T> row) {
    for (std::size_t j = 0; j < row.size(); ++j)
      if (!std::isfinite(row[j])) is_finite[j] = false;
  });
  for (std::size_t j = 0; j < is_finite.size(); ++j)
    if (is_finite[j]) columns.push_back(j);
  if (wants_mean && !columns.empty())
    for_rows([&](std::size_t i, std::span<const T> row) {
      for (const std::size_t j : columns) mean[i] += static_cast<double>(row[j]);
      mean[i] /= static_cast<double>(columns.size());
    });
  return {std::move(columns), std::move(mean)};
}

template <class T>
void expect_one_process(const BasicSVD<T>& svd) {
  if (svd.compression_options().communicator)
    throw InvalidArgument("communicator: expected none, because maps on ranks are not merged; an incremental SVD is");
}

}  // namespace

template <class T>
RankRule merging_rule(const BasicSVD<T>& svd, const RankRule& given) {
  const auto needs_snapshots = [](const RankRule& rule) {
    return !rule.rank && (rule.sample_tol || rule.noise || rule.optimal_threshold);
  };
  if (needs_snapshots(given))
    throw InvalidArgument("rule: expected rank, energy_tol or reconstruction_tol: others need the snapshots");
  if (!given.is_empty()) return given;
  return needs_snapshots(svd.options().rule) ? RankRule{} : svd.options().rule;
}

template <class T>
double truncated_squares(const BasicSVDMap<T>& map, std::size_t rank) {
  double squares = map.unresolved_squares;
  for (std::size_t k = std::min(rank, map.latent_ranges.size()); k < map.singular_values.size(); ++k)
    squares += static_cast<double>(map.singular_values(k)) * static_cast<double>(map.singular_values(k));
  return squares;
}

template <class T>
BasicSVD<T> truncated(const BasicSVD<T>& svd, const RankRule& rule) {
  const BasicSVDMap<T>& map = svd.map();
  if (rule.is_empty()) throw InvalidArgument("rule: expected rank, energy_tol or reconstruction_tol, got none");
  merging_rule(svd, rule);
  const Spectrum<T> spectrum{map.singular_values, zeros<double>({0, 0}), svd.partition().total(svd.dof()),
                             map.num_samples, map.unresolved_squares};
  const std::size_t rank = choose_rank(rule, spectrum).rank;
  if (rank > svd.rank())
    throw InvalidArgument(message("rank: expected at most that of the map, ", svd.rank(), ", got ", rank));
  BasicSVDMap<T> result = map;
  result.projection_matrix = leading_block(map.projection_matrix, svd.dof(), rank);
  if (map.weighted_basis.size() > 0) result.weighted_basis = leading_block(map.weighted_basis, svd.dof(), rank);
  result.latent_ranges.resize(rank);
  if (map.training_latents) result.training_latents = leading_block(*map.training_latents, map.num_samples, rank);
  if (map.latent_mean.size() > 0) {
    result.latent_mean = leading_entries(map.latent_mean, rank);
    result.latent_covariance = leading_block(map.latent_covariance, rank, rank);
  }
  if (rank < svd.rank()) {
    result.errors.reset();
    result.validation_errors.reset();
  }
  return BasicSVD<T>(svd.compression_options(), svd.options(), std::move(result));
}

template <class T>
BasicSVD<T> merged(const BasicSVD<T>& a, const BasicSVD<T>& b, const RankRule& rule) {
  expect_one_process(a);
  expect_one_process(b);
  expect_same_space(a, b);
  expect_unweighted(a);
  expect_unweighted(b);
  const SpaceScaling<T> scaling(space_of(a));
  const FieldSpace space = space_of(b);
  const BasicSVDMap<T>& map = b.map();
  auto columns = xt::xarray<T>::from_shape({b.dof(), b.rank()});
  std::vector<double> difference;
  for (std::size_t i = 0; i < b.dof(); ++i) {
    for (std::size_t k = 0; k < b.rank(); ++k)
      columns(i, k) = static_cast<T>(scaling.row_scale(i) * static_cast<double>(map.projection_matrix(i, k)) *
                                     static_cast<double>(map.singular_values(k)));
    if (map.is_centered())
      difference.push_back((space.shift(i) - scaling.space().shift(i)) * space.factor(i) * scaling.row_scale(i));
  }
  const MatrixRows<T> rows(as_matrix(std::as_const(columns)));
  const SecondPart<T> second{rows,
                             std::move(difference),
                             false,
                             static_cast<double>(map.num_samples),
                             map.num_samples,
                             truncated_squares(map, map.latent_ranges.size()),
                             [&map](xt::xarray<double> own, const std::vector<double>& offset) {
                               for (std::size_t k = 0; k < own.shape(0); ++k)
                                 for (std::size_t mode = 0; mode < own.shape(1); ++mode) {
                                   const auto s = static_cast<double>(map.singular_values(k));
                                   own(k, mode) = s > 0.0 ? own(k, mode) / s : 0.0;
                                 }
                               return turned(map, own, offset);
                             }};
  return merged_with(a, scaling, second, rule);
}

template <class T>
BasicSVD<T> appended(const BasicSVD<T>& svd, const RowSource<double>& given, const RankRule& rule) {
  expect_one_process(svd);
  expect_unweighted(svd);
  const RowsWithMissingValues<double> snapshots(given, svd.options().field_opts.missing_values);
  if (snapshots.rows() != svd.dof())
    throw InvalidArgument(message("snapshots: expected ", svd.dof(), " rows, got ", snapshots.rows()));
  const SpaceScaling<T> scaling(space_of(svd));
  const std::vector<Gap> no_gaps;
  const ScaledRows<T, double> rows(snapshots, scaling, no_gaps);
  auto [columns, mean] = finite_columns(rows, svd.map().is_centered());
  if (columns.empty()) throw InvalidArgument("snapshots: expected at least one that is finite, got none");
  const std::size_t count = columns.size();
  const SelectedColumns<T> finite(rows, std::move(columns));
  const SecondPart<T> second{finite,
                             std::move(mean),
                             true,
                             static_cast<double>(count),
                             count,
                             0.0,
                             [](xt::xarray<double> own, const std::vector<double>& offset) {
                               for (std::size_t j = 0; j < own.shape(0); ++j)
                                 for (std::size_t mode = 0; mode < own.shape(1); ++mode) own(j, mode) += offset[mode];
                               return coefficients_of<T>(std::move(own));
                             }};
  BasicSVD<T> result = merged_with(svd, scaling, second, rule);
  if (count == snapshots.cols()) return result;
  BasicSVDMap<T> map = result.map();
  map.num_dropped += snapshots.cols() - count;
  return BasicSVD<T>(result.compression_options(), result.options(), std::move(map));
}

template RankRule merging_rule(const SVD&, const RankRule&);
template RankRule merging_rule(const BasicSVD<float>&, const RankRule&);
template double truncated_squares(const SVDMap&, std::size_t);
template double truncated_squares(const BasicSVDMap<float>&, std::size_t);
template SVD truncated(const SVD&, const RankRule&);
template BasicSVD<float> truncated(const BasicSVD<float>&, const RankRule&);
template SVD merged(const SVD&, const SVD&, const RankRule&);
template BasicSVD<float> merged(const BasicSVD<float>&, const BasicSVD<float>&, const RankRule&);
template SVD appended(const SVD&, const RowSource<double>&, const RankRule&);
template BasicSVD<float> appended(const BasicSVD<float>&, const RowSource<double>&, const RankRule&);

}  // namespace fieldfold
