module fieldfold.pod.map;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.compression.compressor;
import fieldfold.linalg.dense;
import fieldfold.pod.projection;

namespace fieldfold {
namespace {

void require(bool holds, const char* expected) {
  if (!holds) throw InvalidArgument(message("map: expected ", expected));
}

bool are_finite(const auto& array) {
  return std::ranges::all_of(array, [](auto x) { return std::isfinite(x); });
}

void validate_errors(const SnapshotErrors& errors, std::size_t samples) {
  const auto are_errors = [](const xt::xarray<double>& numbers, const Shape& shape) {
    return ArrayRef<double>(numbers).shape() == shape &&
           std::ranges::all_of(numbers, [](double error) { return error >= 0.0; });
  };
  const std::size_t num_qoi = errors.fields.size();
  require(samples > 0 && num_qoi > 0 && are_errors(errors.snapshots, {samples}) &&
              are_errors(errors.fields, {num_qoi}) && are_errors(errors.snapshot_fields, {samples, num_qoi}) &&
              (errors.rms.empty() || errors.rms.size() == num_qoi),
          "errors of 0 or more for each snapshot and field");
}

}  // namespace

double SnapshotErrors::largest_of_snapshots() const { return *std::ranges::max_element(snapshots); }

double SnapshotErrors::largest_of_fields() const { return *std::ranges::max_element(snapshot_fields); }

template <class T>
SpaceProjection<T> BasicSVDMap<T>::projection(const RowPartition& partition) const {
  const auto view = [](const xt::xarray<T>& array) {
    return array.dimension() == 2 ? as_matrix(array) : MatrixView<const T>{};
  };
  return {view(projection_matrix), space ? &*space : nullptr, view(weighted_basis), partition};
}

template <class T>
void BasicSVDMap<T>::complete(std::size_t threads) {
  const bool fits = projection_matrix.dimension() == 2 && space && projection_matrix.shape(0) == space->dof();
  if (fits && space->parts().mass && weighted_basis.shape() != projection_matrix.shape())
    weighted_basis = fieldfold::weighted_basis(*space, projection_matrix, threads);
}

template <class T>
void BasicSVDMap<T>::validate(const RowPartition& partition) const {
  const xt::xarray<T>& u = projection_matrix;
  require(u.dimension() == 2 && partition.total(u.shape(0)) > 0, "a projection matrix (dof, rank)");
  validate_figures(partition.total(u.shape(0)), u.shape(1));
  require(are_finite(u), "finite numbers");
  require(!space || space->dof() == u.shape(0), "a space with one number per row of the projection matrix");
  const xt::xarray<T>& weighted = weighted_basis;
  require(
      weighted.size() == 0 || (space && space->parts().mass && weighted.shape() == u.shape() && are_finite(weighted)),
      "a finite weighted basis of the shape of the basis, and only for a mass matrix");
  if (training_latents)
    require(training_latents->dimension() == 2 && training_latents->shape(0) == num_samples &&
                training_latents->shape(1) == u.shape(1) && are_finite(*training_latents),
            "finite training latents (num_samples, rank)");
  // The defect of an orthonormal basis is rounding error, below 1e-12 (1e-5 for float).
  const double tolerance = std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon()));
  require(projection(partition).orthonormality_defect() <= tolerance, "orthonormal columns");
}

template <class T>
void BasicSVDMap<T>::validate_figures(std::size_t dof, std::size_t rank) const {
  const xt::xarray<T>& s = singular_values;
  require(rank > 0 && s.dimension() == 1 && s.size() <= std::min(dof, num_samples) && rank <= s.size(),
          "at most min(dof, num_samples) singular values, and a rank of at most their number");
  require(unresolved_squares >= 0.0 && std::isfinite(unresolved_squares), "unresolved squares of 0 or more");
  require(are_finite(s), "finite numbers");
  const auto& covariance = latent_covariance;
  require((latent_mean.size() == 0 && covariance.size() == 0) ||
              (latent_mean.size() == rank && ArrayRef<double>(covariance).shape() == Shape{rank, rank} &&
               are_finite(latent_mean) && are_finite(covariance)),
          "a finite mean and covariance of the coefficients");
  require(s(0) > 0 && s(s.size() - 1) >= 0 && std::ranges::is_sorted(s, std::greater<>{}),
          "descending singular values, the first above 0");
  require(latent_ranges.size() == rank, "one latent range per mode");
  require(
      snapshot_numbers.empty() || (snapshot_numbers.size() == num_samples && std::ranges::is_sorted(snapshot_numbers)),
      "the numbers of all training snapshots");
  for (const auto& [low, high] : latent_ranges)
    require(std::isfinite(low) && std::isfinite(high) && low <= high, "latent ranges from low to high");
  if (errors) validate_errors(*errors, num_samples);
  if (validation_errors) validate_errors(*validation_errors, validation_errors->snapshots.size());
}

template <class T>
void BasicSVDMap<T>::set_latent_statistics(const xt::xarray<T>& latents, const std::vector<double>& weights) {
  const std::size_t rank = latents.shape(1);
  latent_mean = zeros<double>({rank});
  latent_covariance = zeros<double>({rank, rank});
  double total = 0.0;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    total += weights[j];
    for (std::size_t i = 0; i < rank; ++i) latent_mean(i) += weights[j] * static_cast<double>(latents(j, i));
  }
  for (double& mean : latent_mean) mean /= total;
  // In blocks that stay in the cache.
  constexpr std::size_t most_rows = 512;
  std::vector<double> deviations(std::min(most_rows, weights.size()) * rank);
  for (std::size_t first = 0; first < weights.size(); first += most_rows) {
    const MatrixView<double> block{deviations.data(), std::min(most_rows, weights.size() - first), rank};
    for (std::size_t j = 0; j < block.rows; ++j) {
      const double root = std::sqrt(weights[first + j] / total);
      for (std::size_t i = 0; i < rank; ++i)
        block(j, i) = root * (static_cast<double>(latents(first + j, i)) - latent_mean(i));
    }
    add_gram(readable(block), as_matrix(latent_covariance));
  }
  fill_upper(as_matrix(latent_covariance));
  const auto is_finite = [](double x) { return std::isfinite(x); };
  if (std::ranges::all_of(latent_mean, is_finite) && std::ranges::all_of(latent_covariance, is_finite)) return;
  // Squares overflow: the statistics are unknown.
  latent_mean = zeros<double>({0});
  latent_covariance = zeros<double>({0, 0});
}

template <class T>
LatentRanges ranges_of(const xt::xarray<T>& latents) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  LatentRanges ranges(latents.shape(1), {infinity, -infinity});
  for (std::size_t i = 0; i < latents.shape(0); ++i)
    for (std::size_t mode = 0; mode < ranges.size(); ++mode) {
      auto& [low, high] = ranges[mode];
      const double latent = static_cast<double>(latents(i, mode)) + 0.0;  // 0, not -0, for a zero snapshot
      low = std::min(low, latent);
      high = std::max(high, latent);
    }
  return ranges;
}

template struct BasicSVDMap<double>;
template struct BasicSVDMap<float>;
template LatentRanges ranges_of(const xt::xarray<double>&);
template LatentRanges ranges_of(const xt::xarray<float>&);

}  // namespace fieldfold
