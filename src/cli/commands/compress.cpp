#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../terminal/progress.hpp"
#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../input/field_files.hpp"
#include "../input/files.hpp"
#include "../input/map_file.hpp"
#include "../input/options.hpp"
#include "../input/watched.hpp"
#include "../terminal/words.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

/// States to compress: read by blocks as columns, `(dof, num_states)`, or in memory.
struct States {
  std::unique_ptr<RowSource<double>> columns;  ///< null: in memory
  Shape loop_shape;                            ///< of the columns
  xt::xarray<double> array;                    ///< `(*loop_shape, dof)`, in double precision whatever that of the map
  bool is_interpolated = false;
};

/// States in a file, `(*loop_shape, dof)`.
States states_in(const std::string& text) {
  const Address address = input_address(text);
  const auto dataset = open_dataset(address);
  auto rows = std::make_unique<StoredFieldRows>(
      std::vector<StoredField>{{"states", dataset->array(array_name(address, *dataset))}});
  Shape loop_shape = rows->loop_shape();
  return {std::move(rows), std::move(loop_shape), {}};
}

/// Warns of points of the map that lie far outside of the box around the given ones, by more than a tenth of its size:
/// values there are extrapolated far.
void warn_of_extrapolation(const xt::xarray<double>& targets, const xt::xarray<double>& points) {
  const std::size_t dim = targets.shape(1);
  if (points.dimension() == 0 || points.size() % dim != 0 || points.size() == 0) return;
  const auto low_and_high = [&](std::size_t axis) {
    std::pair range{points.data()[axis], points.data()[axis]};
    for (std::size_t i = axis; i < points.size(); i += dim)
      range = {std::min(range.first, points.data()[i]), std::max(range.second, points.data()[i])};
    return range;
  };
  std::vector<bool> is_outside(targets.shape(0), false);
  for (std::size_t axis = 0; axis < dim; ++axis) {
    const auto [low, high] = low_and_high(axis);
    const double little = 0.1 * (high - low);
    for (std::size_t p = 0; p < is_outside.size(); ++p)
      is_outside[p] = is_outside[p] || targets(p, axis) < low - little || targets(p, axis) > high + little;
  }
  const auto count = std::ranges::count(is_outside, true);
  if (count > 0)
    warn(message(count, " of the ", is_outside.size(),
                 " points of the map lie far outside of the box around the given "
                 "points; values there are extrapolated"));
}

/// The states of fields in files.
template <class T>
States states_of(const BasicSVD<T>& svd, const CompressArguments& arguments) {
  const GivenFields given = open_fields(arguments.field_files, svd.fields());
  std::optional<xt::xarray<double>> coords;
  if (!arguments.coords.empty())
    coords = load_input_grid(arguments.coords).coords;
  else if (given.grid.coords && svd.has_coords() && !are_points_of(svd, *given.grid.coords))
    coords = given.grid.coords;
  if (!coords && given.names == svd.fields()) {
    auto rows = std::make_unique<StoredFieldRows>(given.arrays, std::max<std::size_t>(1, svd.grid_shape().size()));
    Shape loop_shape = rows->loop_shape();
    if (rows->rows() == svd.dof() && rows->reads_columns()) return {std::move(rows), std::move(loop_shape), {}};
  }
  CompressionOptions options = with_overrides(svd.compression_options(), arguments.interpolation);
  options.grid_shape = svd.grid_shape();
  const Compression grid(std::move(options));
  for (const auto& file : arguments.field_files.files)
    for (const auto& [name, array, components] : given.arrays)
      if (name == file.name && components == 1 && std::ranges::find(svd.fields(), name) == svd.fields().end())
        throw InvalidArgument(unknown_name("--field: " + name, "a field of the map", svd.fields()));
  Fields fields = load_fields(given);
  std::erase_if(fields,
                [&](const auto& field) { return std::ranges::find(svd.fields(), field.first) == svd.fields().end(); });
  if (fields.empty())
    throw InvalidArgument(unknown_name("--field: " + given.names.front(), "a field of the map", svd.fields()));
  if (!coords) return {nullptr, {}, grid.join_fields(fields)};
  if (svd.has_coords()) warn_of_extrapolation(svd.coords(), *coords);
  const Holes holes = arguments.gappy.empty()                                    ? grid.compression_options().holes
                      : gappy_states_named(arguments.gappy) == GappyStates::fill ? Holes::skip
                                                                                 : Holes::propagate;
  return {nullptr, {}, grid.interpolate_to_grid(*coords, fields, holes), true};
}

/// Warns of numbers in the first states that are likely to stand for a missing value, if the map has none.
template <class T>
void warn_of_missing_values(const BasicSVD<T>& svd, const RowSource<double>& columns) {
  if (!svd.options().field_opts.missing_values.empty()) return;
  std::vector<double> buffer;
  const auto states = columns.read_columns(0, std::min(columns.cols(), columns.block_columns()), buffer);
  warn_of_likely_missing_values(TransposedRows<double>(states), svd.fields(),
                                ", but the map was learned without missing values; NaN in its place stands for one");
}

}  // namespace

void compress(const CompressArguments& arguments) {
  with_svd(arguments.map, [&]<class T>(const BasicSVD<T>& svd) {
    const auto policy =
        arguments.gappy.empty() ? svd.options().field_opts.gappy_states : gappy_states_named(arguments.gappy);
    States states = arguments.states.empty() ? states_of(svd, arguments) : states_in(arguments.states);
    if (states.columns && (states.columns->rows() != svd.dof() || !states.columns->reads_columns())) {
      states.array = load_input(arguments.states);
      states.columns.reset();
    }
    const RowSource<double>* const columns = states.columns.get();
    if (columns != nullptr) warn_of_missing_values(svd, *columns);
    xt::xarray<T> latent = columns != nullptr ? svd.compress(WatchedRows(*columns, "compressing"), policy)
                                              : svd.compress(states.array, policy);
    if (columns != nullptr) latent.reshape(joined(states.loop_shape, {svd.rank()}));
    if (arguments.whiten) latent = Whitening(svd.map()).apply(latent);
    if (!arguments.distances.empty()) {
      auto assessed = columns != nullptr ? svd.assess(WatchedRows(*columns, "assessing")) : svd.assess(states.array);
      if (columns != nullptr) assessed.relative_distance.reshape(states.loop_shape);
      double worst = 1.0;
      for (const double condition : assessed.condition)
        if (std::isfinite(condition)) worst = std::max(worst, condition);
      if (worst > 1.0)
        warn(
            message("states have missing numbers: distances are those of the numbers present, and errors in these are ",
                    "amplified by up to ", worst));
      save_output<T>(arguments.distances, assessed.relative_distance, "distance");
    }
    save_output<T>(arguments.output, latent, "latent");
    const std::size_t count = latent.size() / svd.rank();
    conclude({{"output", arguments.output},
              {"num_states", count},
              {"rank", svd.rank()},
              {"interpolated", states.is_interpolated}},
             message(escaped_name(arguments.output), ": ", svd.rank(), " coefficients of ",
                     count == 1 ? message("a state") : message("each of ", count, " states"),
                     states.is_interpolated ? ", interpolated to the points of the map" : ""));
  });
}

}  // namespace fieldfold::cli
