module;

#include <cmath>

module fieldfold.pod.validation;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.fields.layout;
import fieldfold.fields.learn;
import fieldfold.fields.options;
import fieldfold.fields.space;
import fieldfold.linalg.dense;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.rows.missing_values;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

/// `W X` for columns X, `(dof, k)`.
xt::xarray<double> weighted(const FieldSpace& space, const xt::xarray<double>& columns) {
  xt::xarray<double> result = zeros<double>({columns.shape(0), columns.shape(1)});
  space.apply_weights(as_matrix(columns), as_matrix(result));
  return result;
}

/// `a^T b` of columns whose rows are distributed.
xt::xarray<double> transposed_product_of_all(const xt::xarray<double>& a, const xt::xarray<double>& b,
                                             const RowPartition& partition) {
  xt::xarray<double> result = transposed_product(a, b);
  partition.sum(entries_of(result));
  return result;
}

/// The sums over points of the products of two columns, `(k, fields)`.
xt::xarray<double> products_of_fields(FieldLayout layout, const xt::xarray<double>& x, const xt::xarray<double>& y,
                                      const RowPartition& partition) {
  auto sums = zeros<double>({x.shape(1), layout.num_qoi});
  for (std::size_t i = 0; i < x.shape(0); ++i)
    for (std::size_t j = 0; j < x.shape(1); ++j) sums(j, layout.field(i)) += x(i, j) * y(i, j);
  partition.sum(entries_of(sums));
  return sums;
}

/// The relative error from squares; infinity for an error where there is nothing.
double ratio(double error, double norm) {
  if (norm > 0.0) return std::sqrt(std::max(0.0, error) / norm);
  return error > 0.0 ? std::numeric_limits<double>::infinity() : 0.0;
}

template <class T>
SnapshotErrors errors_of(const BasicSVD<T>& svd, const RowSource<double>& given);

template <class T>
xt::xarray<double> angles_between(const BasicSVD<T>& a, const BasicSVD<T>& b);

}  // namespace

template <class T>
FieldSpace space_of(const BasicSVD<T>& svd) {
  return svd.map().space ? *svd.map().space : fixed_space(FieldOptions{}, svd.fields(), svd.num_pts());
}

template <class T>
SnapshotErrors projection_errors(const BasicSVD<T>& svd, const RowSource<double>& given) {
  SnapshotErrors errors;
  svd.together([&] { errors = errors_of(svd, given); });
  return errors;
}

template <class T>
xt::xarray<double> principal_angles(const BasicSVD<T>& a, const BasicSVD<T>& b) {
  xt::xarray<double> angles;
  a.together([&] { angles = angles_between(a, b); });
  return angles;
}

namespace {

template <class T>
SnapshotErrors errors_of(const BasicSVD<T>& svd, const RowSource<double>& given) {
  const RowPartition& partition = svd.partition();
  const RowsWithMissingValues<double> snapshots(given, svd.options().field_opts.missing_values);
  const std::size_t dof = svd.dof();
  const std::size_t count = snapshots.cols();
  const FieldLayout layout{svd.num_qoi()};
  if (snapshots.rows() != dof || count == 0)
    throw InvalidArgument(
        message("snapshots: expected ", dof, " rows and at least one column, got ", snapshots.rows(), " and ", count));
  const FieldSpace space = space_of(svd);
  const auto basis = array_cast<double>(svd.projection_matrix());
  const auto weighted_basis = weighted(space, basis);
  SnapshotErrors errors{.snapshots = zeros<double>({count}),
                        .fields = zeros<double>({layout.num_qoi}),
                        .snapshot_fields = zeros<double>({count, layout.num_qoi})};
  std::vector<double> squares(layout.num_qoi, 0.0);
  std::vector<double> norms(layout.num_qoi, 0.0);
  std::vector<double> buffer;
  const std::size_t step = partition.smallest(snapshots.block_columns());
  for (std::size_t first = 0; first < count; first += step) {
    const std::size_t block = std::min(step, count - first);
    const auto states = snapshots.read_columns(first, block, buffer);
    auto y = xt::xarray<double>::from_shape({block, dof});
    space.transform(states, 0, as_matrix(y));
    if (space.num_masked() > 0)
      for (std::size_t j = 0; j < block; ++j)
        for (std::size_t i = 0; i < dof; ++i)
          if (space.is_masked(i)) y(j, i) = 0.0;
    const auto columns = transposed(y);
    const auto latent = transposed_product_of_all(weighted_basis, columns, partition);
    xt::xarray<double> residual = columns;
    add_to(residual, scaled(product(basis, latent), -1.0));
    const auto of_errors = products_of_fields(layout, residual, weighted(space, residual), partition);
    const auto of_states = products_of_fields(layout, columns, weighted(space, columns), partition);
    for (std::size_t j = 0; j < block; ++j) {
      double error = 0.0;
      double norm = 0.0;
      for (std::size_t field = 0; field < layout.num_qoi; ++field) {
        error += of_errors(j, field);
        norm += of_states(j, field);
        errors.snapshot_fields(first + j, field) = ratio(of_errors(j, field), of_states(j, field));
      }
      const bool is_known = std::isfinite(error) && std::isfinite(norm);
      errors.snapshots(first + j) = is_known ? ratio(error, norm) : std::numeric_limits<double>::quiet_NaN();
      for (std::size_t field = 0; field < layout.num_qoi; ++field) {
        if (!is_known) errors.snapshot_fields(first + j, field) = std::numeric_limits<double>::quiet_NaN();
        squares[field] += is_known ? of_errors(j, field) : 0.0;
        norms[field] += is_known ? of_states(j, field) : 0.0;
      }
    }
  }
  for (std::size_t field = 0; field < layout.num_qoi; ++field)
    errors.fields(field) = ratio(squares[field], norms[field]);
  return errors;
}

template <class T>
xt::xarray<double> angles_between(const BasicSVD<T>& a, const BasicSVD<T>& b) {
  const RowPartition& partition = a.partition();
  if (partition.is_distributed() != b.partition().is_distributed())
    throw InvalidArgument("maps: expected both on the same ranks, got one of all points");
  if (a.dof() != b.dof())
    throw InvalidArgument(
        message("maps: expected the same number of numbers of a state, got ", a.dof(), " and ", b.dof()));
  const FieldSpace space = space_of(a);
  auto first = array_cast<double>(a.projection_matrix());
  auto second = array_cast<double>(b.projection_matrix());
  if (first.shape(1) < second.shape(1)) std::swap(first, second);
  // Bases of other inner products are made orthonormal in this one.
  const auto orthonormalize = [&](xt::xarray<double>& basis) {
    basis = product(basis, inverse_cholesky(transposed_product_of_all(basis, weighted(space, basis), partition)));
  };
  orthonormalize(first);
  orthonormalize(second);
  const auto cosines = transposed_product_of_all(first, weighted(space, second), partition);
  // The sines are the singular values of the part of the second basis outside of the span of the first.
  xt::xarray<double> outside = second;
  add_to(outside, scaled(product(first, cosines), -1.0));
  const auto roots = [](xt::xarray<double> gram_matrix) {
    std::vector<double> values;
    for (const double value : symmetric_eigen(std::move(gram_matrix)).values)
      values.push_back(std::sqrt(std::max(0.0, value)));
    return values;  // ascending
  };
  const auto sines = roots(transposed_product_of_all(outside, weighted(space, outside), partition));
  const auto cosine_values = roots(transposed_product(cosines, cosines));
  auto angles = xt::xarray<double>::from_shape({second.shape(1)});
  for (std::size_t k = 0; k < sines.size(); ++k) angles(k) = std::atan2(sines[k], cosine_values[sines.size() - 1 - k]);
  return angles;
}

}  // namespace

template FieldSpace space_of(const SVD&);
template FieldSpace space_of(const BasicSVD<float>&);
template SnapshotErrors projection_errors(const SVD&, const RowSource<double>&);
template SnapshotErrors projection_errors(const BasicSVD<float>&, const RowSource<double>&);
template xt::xarray<double> principal_angles(const SVD&, const SVD&);
template xt::xarray<double> principal_angles(const BasicSVD<float>&, const BasicSVD<float>&);

}  // namespace fieldfold
