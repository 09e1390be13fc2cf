#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../terminal/progress.hpp"
#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../input/field_files.hpp"
#include "../input/files.hpp"
#include "../input/options.hpp"
#include "../ranks.hpp"
#include "../terminal/words.hpp"

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
  std::vector<std::string> left_out = {};
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
  snapshots.left_out = std::move(given.left_out);
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

/// Says what was learned, and of which fields.
template <class T>
void report_of(const BasicSVDMap<T>& map, const Snapshots& snapshots, const FitArguments& arguments,
               nlohmann::ordered_json folds) {
  const RowSource<double>& rows = *snapshots.rows;
  const auto bytes = static_cast<std::size_t>(std::filesystem::file_size(arguments.output));
  const std::size_t rank = map.latent_ranges.size();
  if (rank * rows.rows() * sizeof(T) > snapshots.bytes)
    warn(message("the map has ", bytes_text(bytes), ", more than the ", bytes_text(snapshots.bytes), " of its data",
                 sizeof(T) == sizeof(double) ? "; --single halves it" : ""));
  const double tail = tail_shares(map.singular_values, map.unresolved_squares)[rank];
  const std::string output = escaped_name(arguments.output.string());
  nlohmann::ordered_json facts{{"output", arguments.output.string()},
                               {"fields", snapshots.names},
                               {"left_out", snapshots.left_out},
                               {"dof", rows.rows()},
                               {"num_samples", map.num_samples},
                               {"num_dropped", map.num_dropped},
                               {"rank", rank},
                               {"energy", 1.0 - tail},
                               {"file_bytes", bytes}};
  if (map.errors) facts["largest_snapshot_error"] = map.errors->largest_of_snapshots();
  if (!folds.is_null()) facts["folds"] = std::move(folds);
  conclude(std::move(facts),
           message(output, ": rank ", rank, " of ", std::min(rows.rows(), map.num_samples), ", energy ",
                   energy_text(tail), ", largest error of a snapshot ",
                   map.errors ? rounded(map.errors->largest_of_snapshots()) : "unknown", ", ", bytes_text(bytes),
                   snapshots.left_out.empty() ? std::string()
                                              : message("; left out: ", escaped_name(listing(snapshots.left_out)))));
}

/// Cross-validation: learns from the snapshots without each fold, and measures the errors of that fold. A fold is every
/// k-th snapshot, so that series in time are covered evenly.
template <class T>
nlohmann::ordered_json validate_folds(BasicSVD<T> svd, const Snapshots& snapshots, const FitArguments& arguments) {
  const RowSource<double>& rows = *snapshots.rows;
  const std::size_t folds = arguments.folds;
  if (folds == 1 || folds > rows.cols())
    throw InvalidArgument(message("--folds: expected 2 to the number of snapshots, ", rows.cols(), ", got ", folds));
  if (!arguments.space.sample_weights.empty()) throw InvalidArgument("--folds: expected no --sample-weights");
  double sum = 0.0;
  double worst = 0.0;
  auto list = nlohmann::ordered_json::array();
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<std::size_t> learned;
    std::vector<std::size_t> held_out;
    for (std::size_t j = 0; j < rows.cols(); ++j) (j % folds == fold ? held_out : learned).push_back(j);
    const SelectedColumns<double> training(rows, std::move(learned));
    if constexpr (std::is_same_v<T, double>) {
      svd.compute_map(training);
    } else {
      const ConvertedRows<T, double> converted(training);
      svd.compute_map(converted);
    }
    const auto errors = projection_errors(svd, SelectedColumns<double>(rows, std::move(held_out)));
    double squares = 0.0;
    std::size_t count = 0;
    for (const double error : errors.snapshots)
      if (std::isfinite(error)) {
        squares += error * error;
        worst = std::max(worst, error);
        ++count;
      }
    const double rms = std::sqrt(squares / static_cast<double>(std::max<std::size_t>(1, count)));
    sum += rms;
    list.push_back({{"rank", svd.rank()}, {"error", rms}});
  }
  const double mean = sum / static_cast<double>(folds);
  if (!session().is_json && !session().is_quiet)
    std::cout << message(folds, " folds: error of snapshots not learned ", rounded(mean), " in the mean, ",
                         rounded(worst), " at most\n");
  return {{"mean_error", mean}, {"largest_error", worst}, {"folds", std::move(list)}};
}

/// The rows of an array with one for each point, or the array itself if it has none.
/// \param name  of the array in messages  \param is_flat  whether the result has one axis
xt::xarray<double> rows_of_share(const xt::xarray<double>& array, const Share& share, std::size_t num_pts,
                                 std::string_view name, bool is_flat) {
  const std::size_t width = is_flat || array.dimension() < 2 ? 1 : array.shape(array.dimension() - 1);
  if (array.size() != num_pts * width)
    throw InvalidArgument(
        message(name, ": expected ", num_pts, " points, got the shape ", shape_text(ArrayRef<double>(array).shape())));
  Shape shape{share.count};
  if (!is_flat) shape.push_back(width);
  auto part = xt::xarray<double>::from_shape(shape);
  std::copy_n(array.data() + share.first * width, part.size(), part.data());
  return part;
}

/// The options of a rank: those of its points.
FieldOptions options_of_share(FieldOptions options, const std::shared_ptr<const Communicator>& communicator,
                              const Share& share, std::size_t num_pts) {
  if (options.point_weights)
    options.point_weights = rows_of_share(*options.point_weights, share, num_pts, "point_weights", true);
  if (!options.mass) return options;
  if (options.mass->num_pts() != num_pts)
    throw InvalidArgument(
        message("mass: expected a matrix for ", num_pts, " points, got one for ", options.mass->num_pts()));
  std::array<std::vector<double>, 3> triplets;
  const SparseRows& rows = *options.mass->sparse();
  for (std::size_t i = share.first; i < share.first + share.count; ++i)
    for (std::uint64_t e = rows.offsets[i]; e < rows.offsets[i + 1]; ++e) {
      triplets[0].push_back(static_cast<double>(i));
      triplets[1].push_back(static_cast<double>(rows.columns[e]));
      triplets[2].push_back(rows.weights[e]);
    }
  const auto view = [&](std::size_t k) { return ArrayRef<double>(triplets[k].data(), {triplets[k].size()}); };
  options.mass.emplace(communicator, share.count, view(0), view(1), view(2));
  return options;
}

/// Learns on ranks, each of which reads the rows of an equal share of the points, and says so on the first.
template <class T>
void fit_together(const FitArguments& arguments, const std::shared_ptr<const Communicator>& communicator) {
  expect_map_name(arguments.output);
  if (arguments.folds > 0) throw InvalidArgument("--folds: expected none on several ranks");
  Snapshots snapshots = snapshots_of(arguments);
  note_output(arguments.output);
  const RowSource<double>& all = *snapshots.rows;
  if (snapshots.grid_shape.size() < 2) snapshots.grid_shape.clear();
  const std::size_t num_qoi = std::max<std::size_t>(1, snapshots.names.size());
  if (all.rows() % num_qoi != 0)
    throw InvalidArgument(message("snapshots: expected rows for ", num_qoi, " fields at each point, a multiple of ",
                                  num_qoi, ", got ", all.rows()));
  const std::size_t num_pts = all.rows() / num_qoi;
  const Share share = equal_share(*communicator, num_pts);
  const RowRange<double> rows(all, share.first * num_qoi, share.count * num_qoi);
  if (snapshots.grid.mesh) warn("the mesh is not in a map that several ranks write");
  CompressionOptions grid{.fields = snapshots.names,
                          .grid_shape = snapshots.grid_shape,
                          .units = snapshots.units,
                          .interpolate_method = arguments.interpolation.interpolate_method,
                          .interpolate_opts = options_of(arguments.interpolation),
                          .communicator = communicator};
  if (snapshots.grid.coords) grid.coords = rows_of_share(*snapshots.grid.coords, share, num_pts, "coords", false);
  if (grid.interpolate_opts.smoothing.dimension() > 0)
    grid.interpolate_opts.smoothing = rows_of_share(grid.interpolate_opts.smoothing, share, num_pts, "smoothing", true);
  SVDOptions options{
      .field_opts = options_of_share(options_of(arguments.space, snapshots.grid), communicator, share, num_pts),
      .rule = arguments.rule,
      .validate_every = arguments.validate_every,
      .keep_training_latents = arguments.keep_training_latents};
  const BasicSVD<T> svd(grid, options);
  ArrayStore<T> basis;
  auto map = svd.learn(rows, basis).first;
  map.projection_matrix = std::move(basis.array());
  const BasicSVD<T> learned(std::move(grid), std::move(options), std::move(map));
  save(arguments.output, learned);
  if (learned.num_dropped() > 0) warn(message(learned.num_dropped(), " snapshots dropped because of NaN or infinity"));
  if (learned.map().num_filled > 0) warn(message(learned.map().num_filled, " missing numbers filled in snapshots"));
  // Those of rank 0 have been shown.
  const std::vector<std::string> own = session().warnings;
  for (const std::string& warning : gathered(*communicator, own))
    if (std::ranges::find(own, warning) == own.end()) warn(warning);
  if (session().is_first_rank) report_of(learned.map(), snapshots, arguments, nlohmann::ordered_json());
}

template <class T>
void fit_in(const FitArguments& arguments) {
  if (const auto communicator = ranks_of_program())
    return communicator->together([&] { fit_together<T>(arguments, communicator); });
  expect_map_name(arguments.output);
  Snapshots snapshots = snapshots_of(arguments);
  note_output(arguments.output);
  const RowSource<double>& rows = *snapshots.rows;
  if (snapshots.grid_shape.size() < 2) snapshots.grid_shape.clear();
  const NotedSignals noted;
  ProgressBar bar(static_cast<double>(rows.rows() * rows.cols() * sizeof(double)) / 1e6);
  const BasicSVD<T> svd({.fields = snapshots.names,
                         .coords = snapshots.grid.coords,
                         .grid_shape = snapshots.grid_shape,
                         .mesh = snapshots.grid.mesh,
                         .units = snapshots.units,
                         .interpolate_method = arguments.interpolation.interpolate_method,
                         .interpolate_opts = options_of(arguments.interpolation)},
                        {.field_opts = options_of(arguments.space, snapshots.grid),
                         .rule = arguments.rule,
                         .validate_every = arguments.validate_every,
                         .keep_training_latents = arguments.keep_training_latents,
                         .progress = [&](std::string_view phase, double share) { bar(phase, share); }});
  try {
    auto folds = arguments.folds > 0 ? validate_folds(svd, snapshots, arguments) : nlohmann::ordered_json();
    const auto map = learn_to_file(arguments.output, svd, rows);
    bar.clear();
    if (map.num_dropped > 0) warn_of_dropped(map.num_dropped, rows, arguments);
    if (map.num_filled > 0) warn(message(map.num_filled, " missing numbers filled in snapshots"));
    report_of(map, snapshots, arguments, std::move(folds));
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
