module fieldfold.points.affine;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.linalg.dense;
import fieldfold.points.boxes;
import fieldfold.points.neighbors;

namespace fieldfold {
namespace {

/// The largest noise, and the noise that is silently neglected, over the least distance between points.
constexpr double share_of_noise = 1e-2;
constexpr double negligible_share = 1e-5;

/// The largest noise over the terms whose sum it is, and over the extent of the points.
constexpr double share_of_terms = 1e-4;
constexpr double share_of_extent = 1e-10;

/// Rounding errors of coordinates, in rounding units of the largest one.
constexpr double units_of_rounding = 16.0;

std::string name_of(std::size_t rank) {
  if (rank == 1) return "line";
  if (rank == 2) return "plane";
  return message("subspace of dimension ", rank);
}

double rounding_of(double coordinate) {
  return units_of_rounding * std::numeric_limits<double>::epsilon() * std::abs(coordinate);
}

/// The right singular vectors of a matrix, one per row, and its singular values.
/// \param rows  of this rank
ThinSVD<double> principal_axes(MatrixView<const double> rows, const RowPartition& partition) {
  RFactor<double> factor(rows.cols);
  constexpr std::size_t step = 256;
  std::vector<double> block;
  for (std::size_t first = 0; first < rows.rows; first += step) {
    const std::size_t count = std::min(step, rows.rows - first);
    block.assign(rows.row(first).data(), rows.row(first).data() + count * rows.cols);
    factor.add({block.data(), count, rows.cols});
  }
  const auto triangle_of = [&](const RFactor<double>& r) {
    auto triangle = xt::xarray<double>::from_shape({rows.cols, rows.cols});
    for (std::size_t i = 0; i < rows.cols; ++i)
      for (std::size_t j = 0; j < rows.cols; ++j) triangle(i, j) = r(i, j);
    return triangle;
  };
  auto triangle = triangle_of(factor);
  if (!partition.is_distributed()) return thin_svd(std::move(triangle));
  std::vector<double> all = partition.communicator()->gather(entries_of(triangle));
  RFactor<double> joint(rows.cols);
  joint.add({all.data(), all.size() / rows.cols, rows.cols});
  return agreed(thin_svd(triangle_of(joint)), partition);
}

/// An orthonormal basis of a subspace from the projections of the most independent axes, in their order: coordinates as
/// similar to the original ones as the subspace allows.
/// \param directions  `(width, rank)`, orthonormal columns  \returns  `(rank, width)`, orthonormal rows
xt::xarray<double> projected_axes(const xt::xarray<double>& directions) {
  const std::size_t width = directions.shape(0);
  const std::size_t rank = directions.shape(1);
  std::vector<std::size_t> chosen = pivot_rows(xt::xarray<double>(directions));
  chosen.resize(rank);
  std::ranges::sort(chosen);
  const auto dot = [](std::span<const double> a, std::span<const double> b) {
    double sum = 0.0;
    for (std::size_t r = 0; r < a.size(); ++r) sum += a[r] * b[r];
    return sum;
  };
  auto result = xt::xarray<double>::from_shape({rank, width});
  std::vector<std::vector<double>> basis;
  for (const std::size_t axis : chosen) {
    std::vector<double> own(as_matrix(directions).row(axis).begin(), as_matrix(directions).row(axis).end());
    // Twice is enough for orthogonality to rounding.
    for (int sweep = 0; sweep < 2; ++sweep)
      for (const auto& other : basis) {
        const double along = dot(own, other);
        for (std::size_t r = 0; r < rank; ++r) own[r] -= along * other[r];
      }
    const double length = std::sqrt(dot(own, own));
    for (double& x : own) x /= length;
    for (std::size_t k = 0; k < width; ++k) result(basis.size(), k) = dot(own, as_matrix(directions).row(k));
    basis.push_back(std::move(own));
  }
  return result;
}

}  // namespace

AffineSpan::AffineSpan(MatrixView<const double> points, const std::vector<bool>& kept)
    : AffineSpan(points, kept, {}, [&] { return least_distance(points); }) {}

AffineSpan::AffineSpan(MatrixView<const double> points, const std::vector<bool>& kept, const RowPartition& partition,
                       const std::function<double()>& spacing_of)
    : origin_(points.cols, 0.0) {
  basis_ = identity(dim());
  // Points of one rank that are not flat are enough.
  if (!partition.all(points.rows <= points.cols || may_be_flat(points, kept))) return;
  const Box box = box_around(points, partition);
  const auto& [low, high] = box;
  const auto is_kept = [&](std::size_t axis) { return !kept.empty() && kept[axis]; };
  std::vector<std::size_t> varying;
  std::vector<std::size_t> unchanged;
  for (std::size_t axis = 0; axis < dim(); ++axis) {
    if (is_kept(axis))
      unchanged.push_back(axis);
    else if (low[axis] < high[axis])
      varying.push_back(axis);
  }
  if (varying.size() + unchanged.size() == 0) return;
  for (std::size_t axis = 0; axis < dim(); ++axis)
    if (!is_kept(axis) && low[axis] == high[axis]) {
      origin_[axis] = low[axis];
      tolerance_ = std::max(tolerance_, rounding_of(low[axis]));
    }
  basis_ = zeros<double>({varying.size() + unchanged.size(), dim()});
  for (std::size_t i = 0; i < varying.size(); ++i) basis_(i, varying[i]) = 1.0;
  for (std::size_t i = 0; i < unchanged.size(); ++i) basis_(varying.size() + i, unchanged[i]) = 1.0;
  const double spacing = spacing_of();
  if (varying.size() > 1) restrict_to(points, varying, spacing, box, partition);
  if (std::isfinite(spacing)) tolerance_ = std::max(tolerance_, negligible_share * spacing);
}

void AffineSpan::restrict_to(MatrixView<const double> points, const std::vector<std::size_t>& varying, double spacing,
                             const Box& box, const RowPartition& partition) {
  const std::size_t width = varying.size();
  // Deviations from the mean, in a scale without overflow.
  auto rows = xt::xarray<double>::from_shape({points.rows, width});
  std::vector<double> mean(width, 0.0);
  double largest = 0.0;
  const auto part = static_cast<double>(points.rows) / static_cast<double>(partition.total(points.rows));
  for (std::size_t k = 0; k < width; ++k) {
    for (std::size_t i = 0; i < points.rows; ++i)
      mean[k] += (points(i, varying[k]) - mean[k]) / static_cast<double>(i + 1);
    mean[k] *= part;
  }
  partition.sum(mean);
  for (std::size_t k = 0; k < width; ++k)
    for (std::size_t i = 0; i < points.rows; ++i)
      largest = std::max(largest, std::abs(points(i, varying[k]) - mean[k]));
  partition.maximum({&largest, 1});
  const double scale = power_of_two_scale(largest);
  for (std::size_t i = 0; i < points.rows; ++i)
    for (std::size_t k = 0; k < width; ++k) rows(i, k) = scale * (points(i, varying[k]) - mean[k]);
  const auto deviations = as_matrix(std::as_const(rows));
  const auto axes = principal_axes(deviations, partition);
  const auto& [low, high] = box;
  std::size_t rank = width;
  for (; rank > 1; --rank) {
    const std::size_t r = rank - 1;
    double distance = 0.0;
    for (std::size_t i = 0; i < points.rows; ++i) {
      double along = 0.0;
      for (std::size_t k = 0; k < width; ++k) along += axes.v(k, r) * deviations(i, k);
      distance = std::max(distance, std::abs(along));
    }
    partition.maximum({&distance, 1});
    double rounding = 0.0;
    std::vector<double> terms;
    for (std::size_t k = 0; k < width; ++k) {
      const double share = std::abs(axes.v(k, r));
      const std::size_t axis = varying[k];
      rounding += scale * share * rounding_of(std::max(std::abs(low[axis]), std::abs(high[axis])));
      terms.push_back(scale * share * (high[axis] - low[axis]));
    }
    std::ranges::sort(terms, std::greater{});
    const bool is_near = distance <= share_of_noise * scale * spacing;
    const bool is_noise = distance <= share_of_terms * terms[1] || distance <= share_of_extent * scale * largest;
    if (is_near && distance > rounding && !is_noise) nearly_flat_ = distance / scale;
    if (distance > rounding && !(is_near && is_noise)) break;
    tolerance_ = std::max(tolerance_, rounding / scale);
  }
  if (rank == width) return;
  const std::size_t unchanged = basis_.shape(0) - width;
  auto basis = zeros<double>({rank + unchanged, dim()});
  const auto directions = projected_axes(leading_block(axes.v, width, rank));
  for (std::size_t r = 0; r < rank; ++r)
    for (std::size_t k = 0; k < width; ++k) basis(r, varying[k]) = directions(r, k);
  for (std::size_t r = 0; r < unchanged; ++r)
    for (std::size_t axis = 0; axis < dim(); ++axis) basis(rank + r, axis) = basis_(width + r, axis);
  basis_ = std::move(basis);
  for (std::size_t k = 0; k < width; ++k) origin_[varying[k]] = mean[k];
}

xt::xarray<double> AffineSpan::coordinates(MatrixView<const double> points) const {
  auto result = xt::xarray<double>::from_shape({points.rows, rank()});
  for (std::size_t i = 0; i < points.rows; ++i)
    for (std::size_t r = 0; r < rank(); ++r) {
      double along = 0.0;
      for (std::size_t axis = 0; axis < dim(); ++axis) along += basis_(r, axis) * (points(i, axis) - origin_[axis]);
      result(i, r) = along;
    }
  return result;
}

double AffineSpan::distance(MatrixView<const double> points) const {
  if (is_whole()) return 0.0;
  const auto projected = coordinates(points);
  double largest = 0.0;
  for (std::size_t i = 0; i < points.rows; ++i) {
    double length = 0.0;
    for (std::size_t axis = 0; axis < dim(); ++axis) {
      double apart = points(i, axis) - origin_[axis];
      for (std::size_t r = 0; r < rank(); ++r) apart -= basis_(r, axis) * projected(i, r);
      length = std::hypot(length, apart);
    }
    largest = std::max(largest, length);
  }
  return largest > tolerance_ ? largest : 0.0;
}

double AffineSpan::chain(std::size_t axis, std::span<const double> derivatives) const {
  double sum = 0.0;
  for (std::size_t r = 0; r < rank(); ++r) sum += basis_(r, axis) * derivatives[r];
  return sum;
}

void AffineSpan::warn_if_nearly_flat(std::string_view name) const {
  if (nearly_flat_ > 0.0)
    warn(message(
        name, ": all within ", nearly_flat_, " of a ", name_of(rank() - 1),
        ", far less than their distances: noise may decide the result off it; scales suit axes of other units"));
}

void AffineSpan::warn_if_off(MatrixView<const double> points, std::string_view name) const {
  if (const double off = distance(points); off > 0.0)
    warn(message(name, ": up to ", off, " off the ", name_of(rank()), " of the points, and projected to it"));
}

bool may_be_flat(MatrixView<const double> points, const std::vector<bool>& kept) {
  if (points.rows <= points.cols) return false;
  std::vector<std::size_t> free;
  for (std::size_t axis = 0; axis < points.cols; ++axis)
    if (kept.empty() || !kept[axis]) free.push_back(axis);
  const std::size_t width = free.size();
  // The scatter matrix of the points, whose smallest eigenvalue is the sum of squared distances from the nearest
  // hyperplane. Relative to a point of the set, so that a far origin costs no digits.
  std::vector<double> sums(width, 0.0);
  std::vector<double> scatter(width * width, 0.0);
  const auto count = static_cast<double>(points.rows);
  for (std::size_t i = 1; i < points.rows; ++i)
    for (std::size_t k = 0; k < width; ++k) {
      const double x = points(i, free[k]) - points(0, free[k]);
      sums[k] += x;
      for (std::size_t l = 0; l <= k; ++l) scatter[k * width + l] += x * (points(i, free[l]) - points(0, free[l]));
    }
  double trace = 0.0;
  for (std::size_t k = 0; k < width; ++k) {
    for (std::size_t l = 0; l <= k; ++l) scatter[k * width + l] -= sums[k] * (sums[l] / count);
    trace += scatter[k * width + k];
  }
  // The product of the eigenvalues over the largest possible product of all but the smallest.
  const double others = width > 1 ? trace / static_cast<double>(width - 1) : 1.0;
  double least = others;
  for (std::size_t k = 0; k < width; ++k) {
    const double pivot = scatter[k * width + k];
    if (!(pivot > 1e-14 * trace)) return true;
    least *= pivot / others;
    for (std::size_t i = k + 1; i < width; ++i)
      for (std::size_t j = k + 1; j <= i; ++j)
        scatter[i * width + j] -= scatter[i * width + k] * (scatter[j * width + k] / pivot);
  }
  const double distance = share_of_noise * bound_of_least_distance(points);
  return !(least > count * distance * distance);
}

}  // namespace fieldfold
