module fieldfold.rbf.stencils;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.points.affine;
import fieldfold.rbf.lanes;
import fieldfold.rbf.polynomial;
import fieldfold.rbf.system;

namespace fieldfold {

StencilBatch::StencilBatch(const PointCloud& cloud, const KernelLoops& loops)
    : cloud_(cloud),
      loops_(&loops),
      lanes_(loops.lanes),
      smooths_(std::ranges::any_of(cloud.smoothing, [](double s) { return s != 0.0; })) {
  const Monomials monomials(cloud.points.cols, cloud.model.degree, cloud.model.redundant_squares);
  lane_.reserve(lanes_);
  for (std::size_t l = 0; l < lanes_; ++l) lane_.push_back({{}, monomials, {}, {}, std::nullopt});
}

StencilBatch::Factors StencilBatch::factorize(const std::vector<std::span<const std::size_t>>& stencils) {
  const std::size_t dim = cloud_.points.cols;
  const std::size_t m = lane_.front().monomials.size();
  used_ = stencils.size();
  size_ = 0;
  all_alike_ = true;
  for (const auto& stencil : stencils) {
    size_ = std::max(size_, stencil.size());
    all_alike_ = all_alike_ && stencil.size() == stencils.front().size();
  }
  resize(m);
  for (std::size_t l = 0; l < lanes_; ++l) {
    // Unused lanes repeat the last stencil.
    Lane& lane = lane_[l];
    lane.stencil = stencils[std::min(l, used_ - 1)];
    lane.fallback.reset();
    lane.points.resize(lane.stencil.size() * dim);
    const MatrixView<double> points{lane.points.data(), lane.stencil.size(), dim};
    for (std::size_t i = 0; i < lane.stencil.size(); ++i)
      std::ranges::copy(cloud_.points.row(lane.stencil[i]), points.row(i).begin());
    lane.monomials.fit(readable(points));
    const bool independent = lane.pivots.choose(readable(points), lane.monomials);
    pack(l, independent);
    if (l < used_ &&
        (!independent || (may_be_flat(readable(points)) && !span_of(readable(points), cloud_.model).is_whole())))
      factorize_by_fallback(lane);
  }
  systems_ = {.points = size_,
              .monomials = m,
              .dim = dim,
              .coordinates = coordinates_.data(),
              .diagonal = diagonal_.data(),
              .present = all_alike_ ? nullptr : present_.data(),
              .multipliers = multipliers_.data(),
              .pivot_block = pivot_block_.data(),
              .pivot_columns = pivot_columns_.data(),
              .factor = factor_.data(),
              .inverse_diagonal = inverse_diagonal_.data(),
              .largest = largest_.data()};
  loops_->factorize(cloud_.model.kernel, systems_);
  for (std::size_t l = 0; l < used_; ++l) {
    bool sound = std::isfinite(largest_[l]);
    for (std::size_t i = 0; i < size_ - m; ++i) sound = sound && std::isfinite(at(inverse_diagonal_, i, l));
    if (!sound && !lane_[l].fallback) factorize_by_fallback(lane_[l]);
  }
  return Factors(*this);
}

void StencilBatch::resize(std::size_t m) {
  const std::size_t dim = cloud_.points.cols;
  const std::size_t rest = size_ - m;
  coordinates_.resize(dim * size_ * lanes_);
  diagonal_.resize(size_ * lanes_);
  present_.resize(size_ * lanes_);
  multipliers_.resize(rest * m * lanes_);
  pivot_block_.resize(m * m * lanes_);
  pivot_columns_.resize(rest * m * lanes_);
  factor_.resize(rest * (rest + 1) / 2 * lanes_);
  inverse_diagonal_.resize(rest * lanes_);
  largest_.resize(lanes_);
}

void StencilBatch::pack(std::size_t l, bool usable) {
  const Lane& lane = lane_[l];
  const std::size_t dim = cloud_.points.cols;
  const std::size_t n = lane.stencil.size();
  const std::size_t m = lane.monomials.size();
  const MatrixView<const double> points{lane.points.data(), n, dim};
  const auto multipliers = lane.pivots.multipliers();
  const auto order = lane.pivots.order();
  // Relative to a point of the stencil, coordinates are exact where it matters, however far away the origin is.
  for (std::size_t axis = 0; axis < dim; ++axis)
    for (std::size_t i = 0; i < size_; ++i)
      at(coordinates_, axis * size_ + i, l) =
          cloud_.model.epsilon * (points(i < n ? order[i] : 0, axis) - points(0, axis));
  for (std::size_t i = 0; i < size_ && smooths_; ++i)
    at(diagonal_, i, l) = i < n ? cloud_.smoothing[lane.stencil[order[i]]] : 0.0;
  for (std::size_t i = 0; i < size_ && !all_alike_; ++i) at(present_, i, l) = i < n ? 1.0 : 0.0;
  const double* const from = multipliers.data;
  for (std::size_t e = 0; e < (size_ - m) * m; ++e) at(multipliers_, e, l) = e < (n - m) * m && usable ? from[e] : 0.0;
}

void StencilBatch::factorize_by_fallback(Lane& lane) {
  const MatrixView<const double> points{lane.points.data(), lane.stencil.size(), cloud_.points.cols};
  std::vector<double> smoothing;
  smoothing.reserve(lane.stencil.size());
  for (const std::size_t i : lane.stencil) smoothing.push_back(cloud_.smoothing[i]);
  const RBFModel model = cloud_.allow_lower_degree ? determined(cloud_.model, points) : cloud_.model;
  try {
    lane.fallback.emplace(points, smoothing, model);
  } catch (const NumericalError& error) {
    throw NumericalError(message("among the ", points.rows, " points around (", listing(points.row(0)), "), point ",
                                 lane.stencil.front(), ": ", error.what()));
  }
}

double StencilBatch::largest_coefficient(std::size_t l, std::size_t column, std::size_t columns) {
  double largest = 0.0;
  for (std::size_t i = 0; i < lane_[l].stencil.size(); ++i)
    largest = std::max(largest, std::abs(at(columns_, i * columns + column, l)));
  return largest;
}

void StencilBatch::note_error(double error) {
  if (std::isfinite(error))
    defects_.relative_error = std::max(defects_.relative_error, error * std::numeric_limits<double>::epsilon());
}

void StencilBatch::note_error_of_weights(std::size_t l, std::span<const double> weights,
                                         std::span<const double> probe) {
  double sum = 0.0;
  double magnitudes = 0.0;
  double largest_weight = 1.0;
  double largest_kernel = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double value = weights[i] * probe[lane_[l].stencil[i]];
    sum += value;
    magnitudes += std::abs(value);
    largest_weight = std::max(largest_weight, std::abs(weights[i]));
    largest_kernel = std::max(largest_kernel, std::abs(at(kernel_, i, l)));
  }
  // Rounding errors of the weights, of the kernel at the query, and of the matrix, amplified by weights above 1. Far
  // outside the points the result is as large as the terms of its sum.
  const double coefficient = largest_coefficient(l, 1, 2);
  const double error = std::max(coefficient * largest_kernel, norm_bound(l) * coefficient * largest_weight);
  note_error(std::max(magnitudes, error) / std::max(largest_value_[l], std::abs(sum)));
}

void StencilBatch::pack_queries(MatrixView<const double> queries, std::optional<std::size_t> derivative_axis,
                                std::span<const double> probe) {
  const std::size_t dim = cloud_.points.cols;
  const std::size_t m = systems_.monomials;
  const std::size_t columns = probe.empty() ? 1 : 2;
  std::vector<double> monomials(m);
  std::vector<double> derivatives(m);
  largest_value_.assign(lanes_, 0.0);
  for (std::size_t l = 0; l < lanes_; ++l) {
    const Lane& lane = lane_[l];
    const std::span<const double> query = queries.row(std::min(l, used_ - 1));
    for (std::size_t axis = 0; axis < dim; ++axis)
      at(query_, axis, l) = cloud_.model.epsilon * (query[axis] - lane.points[axis]);
    lane.monomials.evaluate(query, monomials);
    if (derivative_axis) {
      lane.monomials.differentiate(query, monomials, *derivative_axis, derivatives);
      std::ranges::copy(derivatives, monomials.begin());
    }
    if (!lane.fallback) lane.pivots.solve_transposed(monomials);
    for (std::size_t k = 0; k < m; ++k) {
      at(start_, k * columns, l) = monomials[k];
      if (columns == 2) at(start_, k * columns + 1, l) = 0.0;
    }
    if (columns == 1) continue;
    for (std::size_t i = 0; i < size_; ++i) {
      const bool present = i < lane.stencil.size();
      const double value = present ? probe[lane.stencil[lane.pivots.order()[i]]] : 0.0;
      at(columns_, i * 2 + 1, l) = value;
      largest_value_[l] = std::max(largest_value_[l], std::abs(value));
    }
  }
}

void StencilBatch::pack_kernels(std::optional<std::size_t> derivative_axis, std::size_t columns) {
  loops_->lane_squares(systems_, query_.data(), kernel_.data());
  if (derivative_axis)
    loops_->kernel_slopes(cloud_.model.kernel, kernel_.data(), size_ * lanes_);
  else
    loops_->kernel_values(cloud_.model.kernel, kernel_.data(), size_ * lanes_);
  for (std::size_t i = 0; i < size_; ++i)
    for (std::size_t l = 0; l < lanes_; ++l) {
      double value = i < lane_[l].stencil.size() ? at(kernel_, i, l) : 0.0;
      if (derivative_axis)
        value *= 2.0 * cloud_.model.epsilon *
                 (at(query_, *derivative_axis, l) - at(coordinates_, *derivative_axis * size_ + i, l));
      at(columns_, i * columns, l) = value;
    }
}

bool StencilBatch::unpack_weights(std::size_t l, std::size_t columns, std::span<double> weights) {
  bool finite = true;
  for (std::size_t i = 0; finite && i < weights.size(); ++i) {
    const double weight = at(columns_, i * columns, l);
    finite = std::isfinite(weight);
    weights[lane_[l].pivots.order()[i]] = weight;
  }
  return finite;
}

void StencilBatch::weights_by_fallback(std::size_t l, std::span<const double> query,
                                       std::optional<std::size_t> derivative_axis, std::span<double> weights,
                                       std::span<const double> probe) {
  Lane& lane = lane_[l];
  const std::size_t n = lane.stencil.size();
  if (!lane.fallback) factorize_by_fallback(lane);
  defects_.off_span = std::max(defects_.off_span, lane.fallback->span().distance({query.data(), 1, query.size()}));
  lane.fallback->weights({query.data(), 1, query.size()}, derivative_axis, {weights.data(), 1, n});
  if (probe.empty()) return;
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = probe[lane.stencil[i]];
  defects_.relative_error =
      std::max(defects_.relative_error, lane.fallback->solve({values.data(), 1, n}).relative_error);
}

void StencilBatch::compute_weights(MatrixView<const double> queries, std::optional<std::size_t> derivative_axis,
                                   const std::vector<std::span<double>>& weights, std::span<const double> probe) {
  const std::size_t columns = probe.empty() ? 1 : 2;
  query_.resize(cloud_.points.cols * lanes_);
  kernel_.resize(size_ * lanes_);
  columns_.resize(size_ * columns * lanes_);
  start_.resize(systems_.monomials * columns * lanes_);
  pack_queries(queries, derivative_axis, probe);
  pack_kernels(derivative_axis, columns);
  loops_->solve_adjoint(systems_, columns_.data(), start_.data(), columns);
  for (std::size_t l = 0; l < used_; ++l) {
    if (lane_[l].fallback || !unpack_weights(l, columns, weights[l]))
      weights_by_fallback(l, queries.row(l), derivative_axis, weights[l], probe);
    else if (columns == 2 && derivative_axis)
      note_error(norm_bound(l) * largest_coefficient(l, 1, 2) / largest_value_[l]);
    else if (columns == 2)
      note_error_of_weights(l, weights[l], probe);
  }
}

void StencilBatch::solve_by_fallback(const Lane& lane, MatrixView<const double> values, Coefficients& result) {
  auto own = xt::xarray<double>::from_shape({values.cols, lane.stencil.size()});
  for (std::size_t i = 0; i < lane.stencil.size(); ++i)
    for (std::size_t c = 0; c < values.cols; ++c) own(c, i) = values(lane.stencil[i], c);
  auto solution = lane.fallback->solve(as_matrix(std::as_const(own)));
  defects_.relative_error = std::max(defects_.relative_error, solution.relative_error);
  result = {lane.fallback->axes(), lane.fallback->monomials(), std::nullopt, std::move(solution.coefficients)};
  if (!lane.fallback->span().is_whole()) result.span = lane.fallback->span();
}

void StencilBatch::compute_coefficients(MatrixView<const double> values, std::span<Coefficients> results) {
  const std::size_t dim = cloud_.points.cols;
  const std::size_t m = systems_.monomials;
  const std::size_t k = values.cols;
  columns_.resize(size_ * k * lanes_);
  start_.resize(m * k * lanes_);
  largest_value_.assign(lanes_ * k, 0.0);
  for (std::size_t l = 0; l < lanes_; ++l) {
    const Lane& lane = lane_[l];
    for (std::size_t i = 0; i < size_; ++i)
      for (std::size_t c = 0; c < k; ++c) {
        const double value = i < lane.stencil.size() ? values(lane.stencil[lane.pivots.order()[i]], c) : 0.0;
        at(columns_, i * k + c, l) = value;
        largest_value_[l * k + c] = std::max(largest_value_[l * k + c], std::abs(value));
      }
  }
  loops_->solve(systems_, columns_.data(), start_.data(), k);
  for (std::size_t l = 0; l < used_; ++l) {
    Lane& lane = lane_[l];
    const std::size_t n = lane.stencil.size();
    Coefficients& result = results[l];
    if (lane.fallback) {
      solve_by_fallback(lane, values, result);
      continue;
    }
    result = {xt::xarray<double>::from_shape({dim, n}), lane.monomials, std::nullopt,
              xt::xarray<double>::from_shape({k, n + m})};
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t axis = 0; axis < dim; ++axis)
        result.axes(axis, i) = lane.points[lane.pivots.order()[i] * dim + axis];
    for (std::size_t c = 0; c < k; ++c) {
      const auto row = as_matrix(result.coefficients).row(c);
      for (std::size_t i = 0; i < n; ++i) row[i] = at(columns_, i * k + c, l);
      for (std::size_t i = 0; i < m; ++i) row[n + i] = at(start_, i * k + c, l);
      lane.pivots.solve(row.subspan(n));
      // Monomials are at most 1 at the points.
      double monomials = 0.0;
      for (const double coefficient : row.subspan(n)) monomials += std::abs(coefficient);
      // The estimate of `RBFSystem::solve`.
      const double error = norm_bound(l) * largest_coefficient(l, c, k);
      note_error(std::max(monomials, error) / largest_value_[l * k + c]);
    }
  }
}

}  // namespace fieldfold
