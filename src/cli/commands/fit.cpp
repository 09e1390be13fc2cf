#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../progress.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../field_files.hpp"
#include "../options.hpp"
#include "../words.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

/// Snapshots in files, the names of their fields, and the shape of their grid.
struct Snapshots {
  std::unique_ptr<RowSource<double>> rows;
  std::vector<std::string> names;
  Shape grid_shape;
};

Snapshots snapshots_of(const FitArguments& arguments, const std::optional<xt::xarray<double>>& coords) {
  if (!arguments.data.empty()) return {std::make_unique<NpyRows<double>>(arguments.data), arguments.fields, {}};
  auto [files, names] = named_files(arguments.field_files);
  const std::size_t coord_axes = coords ? std::max<std::size_t>(coords->dimension(), 2) - 1 : 1;
  auto rows = std::make_unique<NpyFieldRows<double>>(files, arguments.grid_axes.value_or(coord_axes));
  if (rows->loop_shape().size() > 1 && !coords && !arguments.grid_axes)
    throw InvalidArgument(message(
        "field ", files.front().name, ": got the shape ", shape_text(joined(rows->loop_shape(), rows->grid_shape())),
        "; --grid-axes ", rows->loop_shape().size(), " is for one axis of samples and a grid of the others, ",
        "--grid-axes 1 for points on the last axis, --components ", rows->grid_shape().back(),
        " for vectors on it, and --coords of the shape (*grid_shape, dim) for a grid with coordinates"));
  if (const std::size_t points = size_of(rows->grid_shape()); !coords && rows->cols() >= 20 * points)
    warn(message("--field: ", rows->cols(), " samples of only ", points,
                 " points; is the last axis that of the points? --grid-axes says how many axes are the grid"));
  if (coords && size_of(rows->grid_shape()) * std::max<std::size_t>(coords->shape().back(), 1) != coords->size()) {
    const Shape& loop = rows->loop_shape();
    const std::size_t dim = coords->dimension() > 1 ? coords->shape().back() : 1;
    if (!loop.empty() && loop.back() * dim == coords->size())
      throw InvalidArgument(message("--field ", files.front().name, ": got the shape ",
                                    shape_text(joined(loop, rows->grid_shape())), " for ", loop.back(),
                                    " points; --components ", rows->grid_shape().back(),
                                    " is for a vector field with this last axis"));
    throw InvalidArgument(message("--field ", files.front().name, ": expected ", coords->size() / dim,
                                  " points, as in --coords, got the shape ",
                                  shape_text(joined(loop, rows->grid_shape())),
                                  coords->dimension() == 2 && dim == size_of(rows->grid_shape())
                                      ? "; coords of the shape (dim, num_pts) must be transposed"
                                      : ""));
  }
  Shape grid_shape = rows->grid_shape();
  return {std::move(rows), std::move(names), std::move(grid_shape)};
}

/// Says how many numbers are to blame for dropped snapshots, and how to keep these.
void warn_of_dropped(std::size_t num_dropped, const RowSource<double>& rows, const FitArguments& arguments) {
  const RowsWithMissingValues<double> marked(rows, arguments.space.missing_values);
  FieldOptions mask;
  set_mask(arguments.space.mask, mask);
  const auto [gappy, empty] = gappy_rows(marked, mask.mask_share);
  const bool is_masked = mask.mask != Mask::none;
  warn(message(num_dropped, " snapshots dropped because of NaN or infinity in ", is_masked ? gappy - empty : gappy,
               " of ", rows.rows(), " numbers; --mask auto:SHARE leaves out numbers that are often missing, and ",
               "--gappy fill fills gaps"));
}

/// One line about what was learned.
template <class T>
void report(const BasicSVDMap<T>& map, const RowSource<double>& rows, const FitArguments& arguments) {
  const auto bytes = static_cast<std::size_t>(std::filesystem::file_size(arguments.output));
  std::size_t data_bytes =
      arguments.data.empty() ? 0 : static_cast<std::size_t>(std::filesystem::file_size(arguments.data));
  for (const FieldFile& file : arguments.field_files.files)
    data_bytes += static_cast<std::size_t>(std::filesystem::file_size(file.path));
  const std::size_t rank = map.latent_ranges.size();
  if (rank * rows.rows() * sizeof(T) > data_bytes)
    warn(message("the map has ", bytes_text(bytes), ", more than the ", bytes_text(data_bytes), " of its data",
                 sizeof(T) == sizeof(double) ? "; --single halves it" : ""));
  if (arguments.is_quiet) return;
  const double tail = tail_shares(map.singular_values, map.unresolved_squares)[rank];
  std::cout << message(
      escaped_name(arguments.output.string()), ": rank ", rank, " of ", std::min(rows.rows(), map.num_samples),
      ", energy ", energy_text(tail), ", largest error of a snapshot ",
      map.errors ? rounded(map.errors->largest_of_snapshots()) : "unknown", ", ", bytes_text(bytes), "\n");
}

template <class T>
void fit_in(const FitArguments& arguments) {
  const auto coords = load_optional(arguments.coords);
  auto [rows, names, grid_shape] = snapshots_of(arguments, coords);
  if (grid_shape.size() < 2) grid_shape.clear();
  const NotedSignals noted;
  ProgressBar bar;
  const BasicSVD<T> svd({.fields = names,
                         .coords = coords,
                         .grid_shape = grid_shape,
                         .interpolate_method = arguments.interpolation.interpolate_method,
                         .interpolate_opts = options_of(arguments.interpolation)},
                        {.field_opts = options_of(arguments.space, coords),
                         .rule = {.rank = arguments.rank,
                                  .energy_tol = arguments.energy_tol,
                                  .reconstruction_tol = arguments.reconstruction_tol,
                                  .sample_tol = arguments.sample_tol,
                                  .noise = arguments.noise,
                                  .optimal_threshold = arguments.optimal_threshold},
                         .validate_every = arguments.validate_every,
                         .keep_training_latents = arguments.keep_training_latents,
                         .threads = arguments.threads,
                         .progress = [&](std::string_view phase, double share) { bar(phase, share); }});
  try {
    const auto map = learn_to_file(arguments.output, svd, *rows);
    bar.clear();
    if (map.num_dropped > 0) warn_of_dropped(map.num_dropped, *rows, arguments);
    if (map.num_filled > 0) warn(message(map.num_filled, " missing numbers filled in snapshots"));
    report(map, *rows, arguments);
  } catch (const Interrupted&) {
    bar.clear();
  }
}

}  // namespace

void fit(const FitArguments& arguments) {
  if (arguments.single_precision)
    fit_in<float>(arguments);
  else
    fit_in<double>(arguments);
}

}  // namespace fieldfold::cli
