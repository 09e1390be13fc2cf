module fieldfold.pod.projection;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.fields.options;
import fieldfold.fields.space;
import fieldfold.linalg.dense;
import fieldfold.pod.gappy;

namespace fieldfold {
namespace {

/// Block sizes at which intermediate results stay in the cache.
constexpr std::size_t block_states = 64;
constexpr std::size_t block_dof = 8192;

/// Largest number of entries in a block of whole states.
constexpr std::size_t most_numbers = std::size_t{1} << 22;

template <class T>
bool all_finite(std::span<const T> numbers) {
  return std::ranges::all_of(numbers, [](T x) { return std::isfinite(x); });
}

/// Sums coefficients over all ranks. \param latent  `(k, rank)`, contiguous
template <class T>
void sum_over_ranks(MatrixView<T> latent, const RowPartition& partition) {
  if (!partition.is_distributed()) return;
  std::vector<double> sums(latent.data, latent.data + latent.rows * latent.cols);
  partition.sum(sums);
  std::ranges::transform(sums, latent.data, [](double x) { return static_cast<T>(x); });
}

}  // namespace

void UndeterminedStates::add(const UndeterminedStates& other) {
  with_missing_numbers += other.with_missing_numbers;
  undetermined += other.undetermined;
  empty += other.empty;
}

void UndeterminedStates::warn_of(std::size_t states, std::size_t rank) const {
  if (with_missing_numbers > 0)
    warn(message("states: ", with_missing_numbers, " of ", states, " with missing numbers have coefficients of NaN; ",
                 "gappy_states fill estimates them"));
  if (undetermined > 0)
    warn(message("states: ", undetermined, " of ", states, ", ", empty, " of them without any number, have ",
                 "coefficients of NaN: their known entries do not determine the ", rank, " coefficients"));
}

template <class T>
template <class S>
void SpaceProjection<T>::transform(MatrixView<const S> states, std::size_t first, MatrixView<T> result) const {
  if (space_ != nullptr) return space_->transform(states, first, result);
  for (std::size_t k = 0; k < states.rows; ++k)
    std::ranges::transform(states.row(k), result.row(k).begin(), [](S x) { return static_cast<T>(x); });
}

template <class T>
template <class S>
void SpaceProjection<T>::multiply_states(MatrixView<const S> states, MatrixView<T> latent) const {
  if constexpr (std::is_same_v<S, T>)
    if (space_ == nullptr) return multiply(states, basis_, latent);
  const auto projector = weighted_.rows > 0 ? weighted_ : basis_;
  std::vector<T> buffer(std::min(block_states, states.rows) * std::min(block_dof, states.cols));
  std::vector<T> weights(std::min(block_dof, states.cols));
  for (std::size_t k = 0; k < latent.rows; ++k) std::ranges::fill(latent.row(k), T{0});
  for (std::size_t state = 0; state < states.rows; state += block_states)
    for (std::size_t first = 0; first < states.cols; first += block_dof) {
      const std::size_t rows = std::min(block_states, states.rows - state);
      const std::size_t count = std::min(block_dof, states.cols - first);
      const MatrixView<T> y{buffer.data(), rows, count};
      transform(MatrixView<const S>{states.row(state).data() + first, rows, count, states.stride}, first, y);
      if (has_diagonal_weights()) {
        for (std::size_t i = 0; i < count; ++i) weights[i] = static_cast<T>(space_->weight(first + i));
        for (std::size_t k = 0; k < rows; ++k)
          std::ranges::transform(y.row(k), weights, y.row(k).begin(), std::multiplies<>{});
      }
      add_product(readable(y), {projector.row(first).data(), count, projector.cols, projector.stride},
                  {latent.row(state).data(), rows, latent.cols, latent.stride});
    }
}

template <class T>
template <class S>
UndeterminedStates SpaceProjection<T>::compress(MatrixView<const S> states, GappyStates policy, MatrixView<T> latent,
                                                std::size_t first) const {
  multiply_states(states, latent);
  sum_over_ranks(latent, partition_);
  std::vector<std::size_t> gappy;
  for (std::size_t state = 0; state < states.rows; ++state)
    if (!all_finite(readable(latent).row(state))) gappy.push_back(state);
  if (gappy.empty()) return {};
  if (policy == GappyStates::error) throw_missing<S>(first + gappy.front(), states.row(gappy.front()));
  if (policy == GappyStates::nan) {
    // Infinities, too.
    for (const std::size_t state : gappy) std::ranges::fill(latent.row(state), std::numeric_limits<T>::quiet_NaN());
    return {.with_missing_numbers = gappy.size()};
  }
  UndeterminedStates result;
  for (const auto& [condition, known] : fill(gappy, states, latent)) {
    if (std::isinf(condition)) ++result.undetermined;
    if (known == 0) ++result.empty;
  }
  return result;
}

template <class T>
template <class S>
void SpaceProjection<T>::throw_missing(std::size_t state, std::span<const S> numbers) const {
  std::optional<std::size_t> hole;
  for (std::size_t i = numbers.size(); i-- > 0;)
    if (!std::isfinite(numbers[i]) && (space_ == nullptr || !space_->is_masked(i))) hole = i;
  // Other ranks hear of the error of the one with the hole.
  if (!hole) partition_.any(false);
  if (!hole)
    throw InvalidArgument(message("states: expected numbers whose coefficients do not overflow, got state ", state));
  const std::string field =
      space_ == nullptr ? "" : message(", field ", space_->parts().fields[space_->layout().field(*hole)]);
  throw InvalidArgument(message("states: expected finite numbers, got ", numbers[*hole], " in state ", state,
                                ", entry ", partition_.number(*hole), field,
                                "; gappy_states nan or fill permits missing numbers"));
}

template <class T>
template <class S>
std::vector<std::pair<double, std::size_t>> SpaceProjection<T>::fill(const std::vector<std::size_t>& gappy,
                                                                     MatrixView<const S> states,
                                                                     MatrixView<T> latent) const {
  GappyInnerProduct product;
  std::vector<double> weights;
  if (has_mass()) {
    product.apply = [this](MatrixView<const double> values, MatrixView<double> result) {
      space_->apply_weights(values, result);
    };
  } else if (has_diagonal_weights()) {
    for (std::size_t i = 0; i < states.cols; ++i) weights.push_back(space_->weight(i));
    product.weights = weights;
  }
  if (partition_.is_distributed()) return fill_over_ranks(gappy, states, product, latent);
  std::vector<T> y(states.cols);
  const auto transform_state = [&](std::size_t state) {
    transform(MatrixView<const S>{states.row(state).data(), 1, states.cols}, 0, MatrixView<T>{y.data(), 1, y.size()});
  };
  std::map<std::vector<bool>, std::vector<std::size_t>> patterns;
  for (std::size_t k = 0; k < gappy.size(); ++k) {
    transform_state(gappy[k]);
    std::vector<bool> known(y.size());
    for (std::size_t i = 0; i < y.size(); ++i) known[i] = std::isfinite(y[i]);
    patterns[std::move(known)].push_back(k);
  }
  std::vector<std::pair<double, std::size_t>> found(gappy.size());
  for (const auto& [pattern, members] : patterns) {
    std::vector<std::size_t> known;
    for (std::size_t i = 0; i < pattern.size(); ++i)
      if (pattern[i] && (space_ == nullptr || !space_->is_masked(i))) known.push_back(i);
    const std::size_t count = known.size();
    try {
      const GappyLeastSquares<T> squares(basis_, std::move(known), product);
      for (const std::size_t k : members) {
        transform_state(gappy[k]);
        std::ranges::transform(squares.solve(y), latent.row(gappy[k]).begin(),
                               [](double c) { return static_cast<T>(c); });
        found[k] = {squares.condition(), count};
      }
    } catch (const NumericalError&) {
      for (const std::size_t k : members) {
        std::ranges::fill(latent.row(gappy[k]), std::numeric_limits<T>::quiet_NaN());
        found[k] = {std::numeric_limits<double>::infinity(), count};
      }
    }
  }
  return found;
}

template <class T>
template <class S>
std::vector<std::pair<double, std::size_t>> SpaceProjection<T>::fill_over_ranks(const std::vector<std::size_t>& gappy,
                                                                                MatrixView<const S> states,
                                                                                const GappyInnerProduct& product,
                                                                                MatrixView<T> latent) const {
  NormalEquations<T> equations(basis_, product);
  std::vector<T> y(states.cols);
  for (const std::size_t state : gappy) {
    transform(MatrixView<const S>{states.row(state).data(), 1, states.cols}, 0, MatrixView<T>{y.data(), 1, y.size()});
    for (std::size_t i = 0; i < y.size() && space_ != nullptr; ++i)
      if (space_->is_masked(i)) y[i] = std::numeric_limits<T>::quiet_NaN();
    equations.add(y);
  }
  equations.reduce(partition_);
  std::vector<std::pair<double, std::size_t>> found;
  for (std::size_t k = 0; k < gappy.size(); ++k) {
    std::vector<double> result(basis_.cols + 1);
    try {
      const auto [coefficients, condition] = equations.solve(k);
      std::ranges::copy(coefficients, result.begin());
      result.back() = condition;
    } catch (const NumericalError&) {
      std::ranges::fill(result, std::numeric_limits<double>::quiet_NaN());
      result.back() = std::numeric_limits<double>::infinity();
    }
    partition_.agree(result);
    std::ranges::transform(std::span(result).first(basis_.cols), latent.row(gappy[k]).begin(),
                           [](double c) { return static_cast<T>(c); });
    found.emplace_back(result.back(), equations.known(k));
  }
  return found;
}

template <class T>
void SpaceProjection<T>::reconstruct(MatrixView<const T> latent, MatrixView<T> states) const {
  multiply_transposed(latent, basis_, states);
  if (space_ != nullptr) space_->inverse_transform(states);
}

template <class T>
double SpaceProjection<T>::squared_norm(const std::vector<double>& y) const {
  const std::size_t dof = basis_.rows;
  double sum = 0.0;
  if (!has_mass()) {
    const bool is_weighted = has_diagonal_weights();
    for (std::size_t i = 0; i < dof; ++i) sum += (is_weighted ? space_->weight(i) : 1.0) * y[i] * y[i];
    return sum;
  }
  std::vector<double> weighed(dof);
  space_->apply_weights({y.data(), dof, 1}, {weighed.data(), dof, 1});
  for (std::size_t i = 0; i < dof; ++i) sum += y[i] * weighed[i];
  return partition_.is_distributed() ? sum : std::max(0.0, sum);
}

template <class T>
SpaceProjection<T>::Norm SpaceProjection<T>::norm(std::span<const T> y) const {
  if (!has_mass() && !has_diagonal_weights()) {
    const double squares = sum_of_squares(MatrixView<const T>{y.data(), 1, y.size()});
    if (std::isnormal(squares)) return {1.0, squares};
  }
  // Scaled by the largest entry, so that squares neither overflow nor underflow.
  double largest = 0.0;
  for (const T x : y) largest = std::max(largest, std::abs(static_cast<double>(x)));
  // A mass matrix couples the points of all ranks, which then have one scale.
  if (has_mass()) partition_.maximum({&largest, 1});
  if (largest == 0.0 || !std::isfinite(largest)) return {largest, 1.0};
  std::vector<double> scaled(y.begin(), y.end());
  for (double& x : scaled) x /= largest;
  return {largest, squared_norm(scaled)};
}

template <class T>
void SpaceProjection<T>::norms_over_ranks(const std::vector<Norm>& own, std::span<double> norms) const {
  std::vector<double> scales;
  scales.reserve(own.size());
  for (const Norm& norm : own) scales.push_back(norm.scale);
  partition_.maximum(scales);
  std::vector<double> squares;
  for (std::size_t k = 0; k < own.size(); ++k) {
    const double share = scales[k] > 0.0 && std::isfinite(scales[k]) ? own[k].scale / scales[k] : 0.0;
    squares.push_back(share * share * own[k].squares);
  }
  partition_.sum(squares);
  for (std::size_t k = 0; k < own.size(); ++k)
    norms[k] = std::isfinite(scales[k]) ? scales[k] * std::sqrt(std::max(0.0, squares[k])) : scales[k];
}

template <class T>
template <class S>
void SpaceProjection<T>::assess(MatrixView<const S> states, const Assessment& result) const {
  const auto& [latent, distances, norms, conditions] = result;
  multiply_states(states, latent);
  sum_over_ranks(latent, partition_);
  std::ranges::fill(conditions, 1.0);
  std::vector<char> is_gappy(states.rows, 0);
  // States with no more numbers than coefficients are at no distance, whatever they are.
  std::vector<char> has_distance(states.rows, 1);
  std::vector<std::size_t> gappy;
  for (std::size_t state = 0; state < states.rows; ++state)
    if (!all_finite(readable(latent).row(state))) gappy.push_back(state);
  const auto found = fill(gappy, states, latent);
  for (std::size_t k = 0; k < gappy.size(); ++k) {
    is_gappy[gappy[k]] = 1;
    conditions[gappy[k]] = found[k].first;
    has_distance[gappy[k]] = found[k].second > latent.cols ? 1 : 0;
  }
  std::vector<Norm> of_states;
  std::vector<Norm> of_residuals;
  // Ranks weigh states of the same block at the same time.
  const std::size_t most_cols = partition_.largest(states.cols);
  const std::size_t block =
      std::max<std::size_t>(1, std::min(block_states, most_numbers / std::max<std::size_t>(1, most_cols)));
  std::vector<T> buffer(std::min(block, states.rows) * states.cols);
  for (std::size_t first = 0; first < states.rows; first += block) {
    const std::size_t count = std::min(block, states.rows - first);
    const MatrixView<T> y{buffer.data(), count, states.cols};
    transform(MatrixView<const S>{states.row(first).data(), count, states.cols, states.stride}, 0, y);
    // Missing numbers count as 0 in the norm and in the residual.
    std::vector<std::vector<std::size_t>> holes(count);
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t i = 0; i < y.cols && is_gappy[first + k] != 0; ++i)
        if (!std::isfinite(y(k, i))) holes[k].push_back(i);
      for (const std::size_t i : holes[k]) y(k, i) = T{0};
      of_states.push_back(norm(readable(y).row(k)));
    }
    subtract_product_transposed({latent.row(first).data(), count, latent.cols, latent.stride}, basis_, y);
    for (std::size_t k = 0; k < count; ++k) {
      for (const std::size_t i : holes[k]) y(k, i) = T{0};
      of_residuals.push_back(norm(readable(y).row(k)));
    }
  }
  norms_over_ranks(of_states, norms);
  norms_over_ranks(of_residuals, distances);
  for (std::size_t state = 0; state < states.rows; ++state)
    if (std::isinf(conditions[state]) || has_distance[state] == 0)
      distances[state] = std::numeric_limits<double>::quiet_NaN();
}

template <class T>
double SpaceProjection<T>::orthonormality_defect() const {
  const std::size_t rank = basis_.cols;
  xt::xarray<double> products = zeros<double>({rank, rank});
  if (has_mass()) {
    add_symmetric_product(basis_, weighted_, as_matrix(products));
  } else if (!has_diagonal_weights()) {
    add_gram(basis_, as_matrix(products));
  } else {
    std::vector<T> scaled(std::min(block_dof, basis_.rows) * rank);
    for (std::size_t first = 0; first < basis_.rows; first += block_dof) {
      const std::size_t count = std::min(block_dof, basis_.rows - first);
      for (std::size_t i = 0; i < count; ++i) {
        const T root = static_cast<T>(std::sqrt(space_->weight(first + i)));
        for (std::size_t mode = 0; mode < rank; ++mode) scaled[i * rank + mode] = root * basis_(first + i, mode);
      }
      add_gram(MatrixView<const T>{scaled.data(), count, rank}, as_matrix(products));
    }
  }
  partition_.sum(entries_of(products));
  double largest = 0.0;
  for (std::size_t i = 0; i < rank; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const double off = std::abs(products(i, j) - (i == j ? 1.0 : 0.0));
      largest = off > largest || std::isnan(off) ? off : largest;
    }
  return largest;
}

template <class T>
xt::xarray<T> weighted_basis(const FieldSpace& space, const xt::xarray<T>& basis, std::size_t threads) {
  auto weighed = xt::xarray<double>::from_shape(basis.shape());
  if constexpr (std::is_same_v<T, double>) {
    space.apply_weights(as_matrix(basis), as_matrix(weighed), threads);
    return weighed;
  } else {
    const xt::xarray<double> columns = array_cast<double>(basis);
    space.apply_weights(as_matrix(columns), as_matrix(weighed), threads);
    return array_cast<T>(weighed);
  }
}

template class SpaceProjection<double>;
template class SpaceProjection<float>;
template void SpaceProjection<double>::assess(MatrixView<const double>, const Assessment&) const;
template void SpaceProjection<float>::assess(MatrixView<const float>, const Assessment&) const;
template void SpaceProjection<float>::assess(MatrixView<const double>, const Assessment&) const;
template UndeterminedStates SpaceProjection<double>::compress(MatrixView<const double>, GappyStates, MatrixView<double>,
                                                              std::size_t) const;
template UndeterminedStates SpaceProjection<float>::compress(MatrixView<const float>, GappyStates, MatrixView<float>,
                                                             std::size_t) const;
template UndeterminedStates SpaceProjection<float>::compress(MatrixView<const double>, GappyStates, MatrixView<float>,
                                                             std::size_t) const;
template xt::xarray<double> weighted_basis(const FieldSpace&, const xt::xarray<double>&, std::size_t);
template xt::xarray<float> weighted_basis(const FieldSpace&, const xt::xarray<float>&, std::size_t);

}  // namespace fieldfold
