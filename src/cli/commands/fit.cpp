#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <map>
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
#include "../files.hpp"
#include "../options.hpp"
#include "../words.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

/// Snapshots in files, the names and units of their fields, and their grid.
struct Snapshots {
  std::unique_ptr<RowSource<double>> rows;
  std::vector<std::string> names;
  std::map<std::string, std::string> units;
  Shape grid_shape;
  Grid grid;
  std::size_t bytes = 0;  ///< of the numbers
};

/// Checks that fields lie on the points of the coordinates.
void check_points(const StoredFieldRows& rows, const xt::xarray<double>& coords, const std::string& field) {
  if (size_of(rows.grid_shape()) * std::max<std::size_t>(coords.shape().back(), 1) == coords.size()) return;
  const Shape& loop = rows.loop_shape();
  const std::size_t dim = coords.dimension() > 1 ? coords.shape().back() : 1;
  if (!loop.empty() && loop.back() * dim == coords.size())
    throw InvalidArgument(message("--field ", field, ": got the shape ", shape_text(joined(loop, rows.grid_shape())),
                                  " for ", loop.back(), " points; --components ", rows.grid_shape().back(),
                                  " is for a vector field with this last axis"));
  throw InvalidArgument(message("--field ", field, ": expected ", coords.size() / dim,
                                " points, as in --coords, got the shape ", shape_text(joined(loop, rows.grid_shape())),
                                coords.dimension() == 2 && dim == size_of(rows.grid_shape())
                                    ? "; coords of the shape (dim, num_pts) must be transposed"
                                    : ""));
}

Snapshots snapshots_of(const FitArguments& arguments) {
  Snapshots snapshots;
  if (!arguments.coords.empty()) snapshots.grid = load_input_grid(arguments.coords);
  if (!arguments.data.empty()) {
    const Address address = input_address(arguments.data);
    const auto dataset = open_dataset(address);
    const std::string name = array_name(address, *dataset);
    const auto array = dataset->array(name);
    snapshots.rows = std::make_unique<StoredMatrixRows>(array, arguments.data);
    snapshots.names = arguments.fields;
    snapshots.bytes = bytes_of(address, dataset->variable(name));
    return snapshots;
  }
  GivenFields given = open_fields(arguments.field_files, arguments.fields);
  if (arguments.coords.empty()) snapshots.grid = std::move(given.grid);
  const auto& coords = snapshots.grid.coords;
  auto rows = std::make_unique<StoredFieldRows>(given.arrays, grid_axes_of(given, arguments.grid_axes, coords));
  const std::string& first = given.arrays.front().name;
  if (rows->loop_shape().size() > 1 && !coords && !arguments.grid_axes && !given.loop_axes)
    throw InvalidArgument(
        message("field ", first, ": got the shape ", shape_text(joined(rows->loop_shape(), rows->grid_shape())),
                "; --grid-axes ", rows->loop_shape().size(), " is for one axis of samples and a grid of the others, ",
                "--grid-axes 1 for points on the last axis, --components ", rows->grid_shape().back(),
                " for vectors on it, and --coords of the shape (*grid_shape, dim) for a grid with coordinates"));
  if (const std::size_t points = size_of(rows->grid_shape()); !coords && rows->cols() >= 20 * points)
    warn(message("--field: ", rows->cols(), " samples of only ", points,
                 " points; is the last axis that of the points? --grid-axes says how many axes are the grid"));
  if (coords) check_points(*rows, *coords, first);
  snapshots.names = std::move(given.names);
  snapshots.units = std::move(given.units);
  snapshots.grid_shape = rows->grid_shape();
  snapshots.bytes = given.bytes;
  snapshots.rows = std::move(rows);
  return snapshots;
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
void report(const BasicSVDMap<T>& map, const Snapshots& snapshots, const FitArguments& arguments) {
  const RowSource<double>& rows = *snapshots.rows;
  const auto bytes = static_cast<std::size_t>(std::filesystem::file_size(arguments.output));
  const std::size_t rank = map.latent_ranges.size();
  if (rank * rows.rows() * sizeof(T) > snapshots.bytes)
    warn(message("the map has ", bytes_text(bytes), ", more than the ", bytes_text(snapshots.bytes), " of its data",
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
  if (format_of(arguments.output) != nullptr)
    throw InvalidArgument(message("--output: expected a file for a map, such as map.fold, got ",
                                  arguments.output.string(), ", which is named as a file of fields"));
  Snapshots snapshots = snapshots_of(arguments);
  note_output(arguments.output);
  const RowSource<double>& rows = *snapshots.rows;
  if (snapshots.grid_shape.size() < 2) snapshots.grid_shape.clear();
  const NotedSignals noted;
  ProgressBar bar;
  const BasicSVD<T> svd({.fields = snapshots.names,
                         .coords = snapshots.grid.coords,
                         .grid_shape = snapshots.grid_shape,
                         .mesh = snapshots.grid.mesh,
                         .units = snapshots.units,
                         .interpolate_method = arguments.interpolation.interpolate_method,
                         .interpolate_opts = options_of(arguments.interpolation)},
                        {.field_opts = options_of(arguments.space, snapshots.grid),
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
    const auto map = learn_to_file(arguments.output, svd, rows);
    bar.clear();
    if (map.num_dropped > 0) warn_of_dropped(map.num_dropped, rows, arguments);
    if (map.num_filled > 0) warn(message(map.num_filled, " missing numbers filled in snapshots"));
    report(map, snapshots, arguments);
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
