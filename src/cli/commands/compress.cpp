#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../progress.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../field_files.hpp"
#include "../map_file.hpp"
#include "../options.hpp"
#include "../words.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

/// The states as columns, `(dof, num_states)`, if they can be read by blocks: those of a file, or of fields on the grid
/// of the map.
template <class T>
std::unique_ptr<NpyFieldRows<double>> columns_of(const BasicSVD<T>& svd, const CompressArguments& arguments) {
  std::unique_ptr<NpyFieldRows<double>> columns;
  if (!arguments.states.empty()) {
    columns = std::make_unique<NpyFieldRows<double>>(std::vector<NpyField>{{"states", arguments.states}});
  } else if (auto [files, names] = named_files(arguments.field_files);
             arguments.coords.empty() && names == svd.fields()) {
    columns = std::make_unique<NpyFieldRows<double>>(files, std::max<std::size_t>(1, svd.grid_shape().size()));
  }
  if (columns && (columns->rows() != svd.dof() || !columns->reads_columns())) columns.reset();
  return columns;
}

/// The states to compress, in double precision whatever the precision of the map.
template <class T>
xt::xarray<double> states_of(const BasicSVD<T>& svd, const CompressArguments& arguments) {
  if (!arguments.states.empty()) return load_npy(arguments.states);
  CompressionOptions options = with_overrides(svd.compression_options(), arguments.interpolation);
  options.grid_shape = svd.grid_shape();
  const Compression grid(std::move(options));
  const auto fields = load_fields<double>(arguments.field_files);
  for (const auto& [name, values] : fields)
    if (std::ranges::find(svd.fields(), name) == svd.fields().end())
      throw InvalidArgument(unknown_name("--field: " + name, "a field of the map", svd.fields()));
  if (arguments.coords.empty()) return grid.join_fields(fields);
  const Holes holes = arguments.gappy.empty()                                    ? grid.compression_options().holes
                      : gappy_states_named(arguments.gappy) == GappyStates::fill ? Holes::skip
                                                                                 : Holes::propagate;
  return grid.interpolate_to_grid(load_npy(arguments.coords), fields, holes);
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
  const Ticker ticker("compressing");
  with_svd(arguments.map, [&]<class T>(const BasicSVD<T>& svd) {
    const auto policy =
        arguments.gappy.empty() ? svd.options().field_opts.gappy_states : gappy_states_named(arguments.gappy);
    const auto columns = columns_of(svd, arguments);
    const auto states = columns ? xt::xarray<double>() : states_of(svd, arguments);
    if (columns) warn_of_missing_values(svd, *columns);
    xt::xarray<T> latent = columns ? svd.compress(*columns, policy) : svd.compress(states, policy);
    if (columns) latent.reshape(joined(columns->loop_shape(), {svd.rank()}));
    if (arguments.whiten) latent = Whitening(svd.map()).apply(latent);
    if (!arguments.distances.empty()) {
      auto assessed = columns ? svd.assess(*columns) : svd.assess(states);
      if (columns) assessed.relative_distance.reshape(columns->loop_shape());
      double worst = 1.0;
      for (const double condition : assessed.condition)
        if (std::isfinite(condition)) worst = std::max(worst, condition);
      if (worst > 1.0)
        warn(
            message("states have missing numbers: distances are those of the numbers present, and errors in these are ",
                    "amplified by up to ", worst));
      save_npy(arguments.distances, assessed.relative_distance);
    }
    save_npy(arguments.output, latent);
  });
}

}  // namespace fieldfold::cli
