module fieldfold.pod.svd;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.compressor;
import fieldfold.compression.grid;
import fieldfold.fields.options;
import fieldfold.fields.space;
import fieldfold.linalg.dense;
import fieldfold.pod.map;
import fieldfold.pod.projection;
import fieldfold.rows.missing_values;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

/// States with NaN in place of missing values; a view of the given ones if none stands for a missing value.
template <class S>
class MarkedStates {
 public:
  MarkedStates(const ArrayRef<S>& states, std::span<const double> missing_values) {
    if (missing_values.empty()) {
      view_.emplace(states.data(), states.shape());
      return;
    }
    copy_ = states.copy();
    for (S& x : copy_)
      if (is_missing_value(static_cast<double>(x), missing_values)) x = std::numeric_limits<S>::quiet_NaN();
    view_.emplace(copy_.data(), states.shape());
  }
  MarkedStates(const MarkedStates&) = delete;
  MarkedStates& operator=(const MarkedStates&) = delete;

  const ArrayRef<S>& states() const { return *view_; }

 private:
  xt::xarray<S> copy_;
  std::optional<ArrayRef<S>> view_;
};

template <class T>
BasicAssessment<T> assessment_of(const Shape& loop_shape, std::size_t rank) {
  return {xt::xarray<T>::from_shape(joined(loop_shape, {rank})), xt::xarray<double>::from_shape(loop_shape),
          xt::xarray<double>::from_shape(loop_shape), xt::xarray<double>::from_shape(loop_shape)};
}

/// Assesses states, the first of which is number `first` of the result.
template <class T, class S>
void assess_block(const SpaceProjection<T>& projection, MatrixView<const S> states, std::size_t first,
                  BasicAssessment<T>& result) {
  const std::size_t rank = result.latent.shape().back();
  const auto part = [&](xt::xarray<double>& numbers) { return std::span(numbers.data() + first, states.rows); };
  // The norms are replaced by the quotients below.
  projection.assess(states, {.latent = {result.latent.data() + first * rank, states.rows, rank},
                             .distances = part(result.distance),
                             .norms = part(result.relative_distance),
                             .conditions = part(result.condition)});
  for (std::size_t k = first; k < first + states.rows; ++k) {
    double& relative = result.relative_distance.data()[k];
    const double distance = result.distance.data()[k];
    relative = distance > 0.0 ? distance / relative : distance;
  }
}

}  // namespace

template <class T>
template <class S>
xt::xarray<T> BasicSVD<T>::compress_states(const ArrayRef<S>& states, GappyStates policy) const {
  xt::xarray<T> latent;
  this->together([&] {
    const MarkedStates<S> marked(states, options_.field_opts.missing_values);
    const auto [loop_shape, rows] = split_loop(marked.states(), {this->dof()}, "states");
    latent = xt::xarray<T>::from_shape(joined(loop_shape, {rank()}));
    projection().compress(rows, policy, as_matrix(latent, rows.rows, rank())).warn_of(rows.rows, rank());
  });
  return latent;
}

template <class T>
void BasicSVD<T>::for_blocks_of_states(
    const RowSource<double>& states,
    const std::function<void(std::size_t first, MatrixView<const double> block)>& work) const {
  if (states.rows() != this->dof())
    throw InvalidArgument(message("states: expected a length of ", this->dof(), ", got ", states.rows()));
  // Large blocks: states with the same holes share a factorization.
  constexpr std::size_t most_numbers = std::size_t{1} << 21;
  const std::size_t most_rows = partition_.largest(states.rows());
  const std::size_t step = std::max<std::size_t>(1, most_numbers / most_rows);
  const RowsWithMissingValues<double> marked(states, options_.field_opts.missing_values);
  std::vector<double> buffer;
  for (std::size_t first = 0; first < states.cols(); first += step)
    work(first, marked.read_columns(first, std::min(step, states.cols() - first), buffer));
}

template <class T>
xt::xarray<T> BasicSVD<T>::compress(const RowSource<double>& states, GappyStates policy) const {
  auto latent = xt::xarray<T>::from_shape({states.cols(), rank()});
  this->together([&] {
    UndeterminedStates undetermined;
    for_blocks_of_states(states, [&](std::size_t first, MatrixView<const double> block) {
      const MatrixView<T> part{latent.data() + first * rank(), block.rows, rank()};
      undetermined.add(projection().compress(block, policy, part, first));
    });
    undetermined.warn_of(states.cols(), rank());
  });
  return latent;
}

template <class T>
void BasicSVD<T>::compress(const ArrayRef<T>& states, std::span<T> latent) const {
  this->together([&] {
    const MarkedStates<T> marked(states, options_.field_opts.missing_values);
    const auto rows = split_loop(marked.states(), {this->dof()}, "states").matrix;
    if (latent.size() != rows.rows * rank())
      throw InvalidArgument(
          message("latent: expected memory for ", rows.rows, " x ", rank(), " numbers, got ", latent.size()));
    projection()
        .compress(rows, options_.field_opts.gappy_states, {latent.data(), rows.rows, rank()})
        .warn_of(rows.rows, rank());
  });
}

template <class T>
template <class S>
BasicAssessment<T> BasicSVD<T>::assess_states(const ArrayRef<S>& states) const {
  BasicAssessment<T> result;
  this->together([&] {
    const MarkedStates<S> marked(states, options_.field_opts.missing_values);
    const auto [loop_shape, rows] = split_loop(marked.states(), {this->dof()}, "states");
    result = assessment_of<T>(loop_shape, rank());
    assess_block(projection(), rows, 0, result);
  });
  return result;
}

template <class T>
BasicAssessment<T> BasicSVD<T>::assess(const RowSource<double>& states) const {
  auto result = assessment_of<T>({states.cols()}, rank());
  this->together([&] {
    for_blocks_of_states(states, [&](std::size_t first, MatrixView<const double> block) {
      assess_block(projection(), block, first, result);
    });
  });
  return result;
}

template <class T>
xt::xarray<T> BasicSVD<T>::reconstruct(const ArrayRef<T>& latent) const {
  const auto [loop_shape, rows] = split_loop(latent, {rank()}, "latent");
  auto states = xt::xarray<T>::from_shape(joined(loop_shape, {this->dof()}));
  reconstruct(latent, {states.data(), states.size()});
  return states;
}

template <class T>
void BasicSVD<T>::reconstruct(const ArrayRef<T>& latent, std::span<T> states) const {
  const auto rows = split_loop(latent, {rank()}, "latent").matrix;
  if (states.size() != rows.rows * this->dof())
    throw InvalidArgument(
        message("states: expected memory for ", rows.rows, " x ", this->dof(), " numbers, got ", states.size()));
  projection().reconstruct(rows, {states.data(), rows.rows, this->dof()});
}

template <class T>
BasicFields<T> BasicSVD<T>::reconstruct_at(const ArrayRef<T>& latent, const ArrayRef<double>& new_coords) const {
  BasicFields<T> fields;
  this->together([&] { fields = reconstruct_at_together(latent, new_coords); });
  return fields;
}

template <class T>
BasicFields<T> BasicSVD<T>::reconstruct_at_together(const ArrayRef<T>& latent,
                                                    const ArrayRef<double>& new_coords) const {
  const auto [loop_shape, rows] = split_loop(latent, {rank()}, "latent");
  const FieldSpace* const space = map().space ? &*map().space : nullptr;
  if (rows.rows <= rank() || (space != nullptr && space->is_logarithmic()))
    return this->interpolate_from_grid(reconstruct(latent), new_coords);
  // The modes, and the state with coefficients 0.
  const std::size_t origin = space != nullptr ? 1 : 0;
  xt::xarray<T> modes = zeros<T>({rank() + origin, this->dof()});
  const MatrixView<T> changes{modes.data(), rank(), this->dof()};
  transpose_into(as_matrix(projection_matrix()), changes);
  auto coefficients = xt::xarray<T>::from_shape({rows.rows, rank() + origin});
  for (std::size_t k = 0; k < rows.rows; ++k) {
    std::ranges::copy(rows.row(k), as_matrix(coefficients).row(k).begin());
    if (origin > 0) coefficients(k, rank()) = T{1};
  }
  if (space != nullptr) {
    space->inverse_transform_linear(changes);
    space->inverse_transform(MatrixView<T>{&modes(rank(), 0), 1, this->dof()});
  }
  BasicFields<T> fields = this->interpolate_from_grid(modes, new_coords);
  for (auto& [name, values] : fields) {
    const Shape coord_shape(values.shape().begin() + 1, values.shape().end());
    auto summed = xt::xarray<T>::from_shape(joined(loop_shape, coord_shape));
    const std::size_t count = size_of(coord_shape);
    multiply(as_matrix(std::as_const(coefficients)), as_matrix(std::as_const(values), rank() + origin, count),
             as_matrix(summed, rows.rows, count));
    values = std::move(summed);
  }
  return fields;
}

template xt::xarray<double> BasicSVD<double>::compress_states(const ArrayRef<double>&, GappyStates) const;
template xt::xarray<float> BasicSVD<float>::compress_states(const ArrayRef<float>&, GappyStates) const;
template xt::xarray<float> BasicSVD<float>::compress_states(const ArrayRef<double>&, GappyStates) const;
template BasicAssessment<double> BasicSVD<double>::assess_states(const ArrayRef<double>&) const;
template BasicAssessment<float> BasicSVD<float>::assess_states(const ArrayRef<float>&) const;
template BasicAssessment<float> BasicSVD<float>::assess_states(const ArrayRef<double>&) const;
template xt::xarray<double> BasicSVD<double>::compress(const RowSource<double>&, GappyStates) const;
template void BasicSVD<double>::compress(const ArrayRef<double>&, std::span<double>) const;
template BasicAssessment<double> BasicSVD<double>::assess(const RowSource<double>&) const;
template xt::xarray<double> BasicSVD<double>::reconstruct(const ArrayRef<double>&) const;
template void BasicSVD<double>::reconstruct(const ArrayRef<double>&, std::span<double>) const;
template BasicFields<double> BasicSVD<double>::reconstruct_at(const ArrayRef<double>&, const ArrayRef<double>&) const;
template xt::xarray<float> BasicSVD<float>::compress(const RowSource<double>&, GappyStates) const;
template void BasicSVD<float>::compress(const ArrayRef<float>&, std::span<float>) const;
template BasicAssessment<float> BasicSVD<float>::assess(const RowSource<double>&) const;
template xt::xarray<float> BasicSVD<float>::reconstruct(const ArrayRef<float>&) const;
template void BasicSVD<float>::reconstruct(const ArrayRef<float>&, std::span<float>) const;
template BasicFields<float> BasicSVD<float>::reconstruct_at(const ArrayRef<float>&, const ArrayRef<double>&) const;

}  // namespace fieldfold
