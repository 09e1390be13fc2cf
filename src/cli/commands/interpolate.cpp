#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iostream>
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
#include "../input/options.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

/// The points of the fields, and the points to interpolate to.
struct Grids {
  xt::xarray<double> from;  ///< `(num_pts, dim)`
  Shape from_shape;         ///< of these points in fields
  xt::xarray<double> to;    ///< `(*coord_shape, dim)`
  Grid target;              ///< to write fields on
};

Grids load_grids(const InterpolateArguments& arguments, const GivenFields& given) {
  if (arguments.from.empty() && !given.grid.coords)
    throw InvalidArgument("--coords: expected the points of the fields, which their files do not have");
  Grids grids{arguments.from.empty() ? *given.grid.coords : *load_input_grid(arguments.from).coords, {}, {}, {}};
  grids.target = load_input_grid(arguments.to);
  grids.to = *grids.target.coords;
  if (grids.from.dimension() == 1) grids.from.reshape({grids.from.size(), std::size_t{1}});
  if (grids.from.dimension() < 2 || grids.from.size() == 0)
    throw InvalidArgument(message(arguments.from, ": expected coordinates of the shape (num_pts, dim), ",
                                  "(num_pts,) or (*grid_shape, dim), got ",
                                  shape_text(ArrayRef<double>(grids.from).shape())));
  grids.from_shape.assign(grids.from.shape().begin(), grids.from.shape().end() - 1);
  grids.from.reshape({size_of(grids.from_shape), grids.from.shape().back()});
  const std::size_t dim = grids.from.shape(1);
  const auto check_transposed = [](bool is_transposed, const std::string& path) {
    if (is_transposed)
      throw InvalidArgument(message(path, ": expected coordinates of the shape (num_pts, dim), got (dim, ",
                                    "num_pts): they must be transposed"));
  };
  check_transposed(grids.from_shape.size() == 1 && grids.from_shape[0] <= 3 && dim > 3, arguments.from);
  check_transposed(grids.to.dimension() == 2 && grids.to.shape(1) != dim && grids.to.shape(0) == dim, arguments.to);
  if (grids.to.dimension() < 2)
    grids.to.reshape(grids.from.shape(1) == 1 ? Shape{grids.to.size(), 1} : Shape{1, grids.to.size()});
  grids.target.coords = grids.to;
  return grids;
}

/// The samples of all fields as columns, `(num_pts, columns)`, to interpolate them together.
xt::xarray<double> columns_of(const std::vector<LoopRows<double>>& fields, std::size_t num_pts) {
  std::size_t num_columns = 0;
  for (const auto& field : fields) num_columns += field.matrix.rows;
  auto columns = xt::xarray<double>::from_shape({num_pts, num_columns});
  std::size_t column = 0;
  for (const auto& field : fields) {
    for (std::size_t p = 0; p < num_pts; ++p)
      for (std::size_t i = 0; i < field.matrix.rows; ++i) columns(p, column + i) = field.matrix(i, p);
    column += field.matrix.rows;
  }
  return columns;
}

/// Chooses epsilon for all columns together, and prints the errors of the trials.
RBFOptions chosen_options(const Grids& grids, const xt::xarray<double>& columns, const RBFOptions& options) {
  const auto choice = choose_by_leave_one_out(grids.from, columns, options);
  if (session().is_quiet || session().is_json) return choice.options;
  std::cout << "epsilon  leave-one-out error\n";
  for (const auto& trial : choice.curve) std::cout << message(trial.epsilon, "  ", trial.error, "\n");
  std::cout << message("chosen: ", choice.options.epsilon.value_or(1.0), "\n");
  return choice.options;
}

}  // namespace

void interpolate(const InterpolateArguments& arguments) {
  const Ticker ticker("interpolating");
  Interpolation interpolation{arguments.interpolation.interpolate_method, options_of(arguments.interpolation)};
  std::optional<InterpolationOperator> kept;
  std::optional<Grids> grids;
  const bool has_fields = !arguments.field_files.empty();
  const GivenFields given = has_fields ? open_fields(arguments.field_files) : GivenFields{};
  if (!arguments.operator_file.empty())
    kept.emplace(load_operator(arguments.operator_file));
  else
    grids.emplace(load_grids(arguments, given));
  const Shape from_shape = kept ? Shape{kept->num_points()} : grids->from_shape;
  const std::size_t num_pts = size_of(from_shape);
  const Shape coord_shape = kept ? kept->query_shape() : Shape(grids->to.shape().begin(), grids->to.shape().end() - 1);

  const Fields fields = load_fields(given);
  std::vector<LoopRows<double>> rows;
  for (const auto& [name, values] : fields)
    rows.push_back(split_loop(ArrayRef<double>(values), from_shape, message("field ", name)));
  const auto columns = columns_of(rows, num_pts);
  const auto missing = std::ranges::count_if(columns, [](double x) { return !std::isfinite(x); });
  if (missing > 0)
    warn(message("--field: ", missing, " of ", columns.size(),
                 " numbers are NaN or infinity, and so is what depends on them"));
  warn_of_likely_missing_values(MatrixRows<double>(as_matrix(columns)), {""},
                                "; if it stands for a missing value, NaN in its place says so", "--field");
  if (arguments.choose_by_leave_one_out) interpolation.options = chosen_options(*grids, columns, interpolation.options);
  if (!arguments.save_operator_file.empty()) {
    const MatrixView<const double> probed = fields.empty() ? MatrixView<const double>{} : as_matrix(columns);
    kept.emplace(grids->from, grids->to, interpolation, probed);
    save(arguments.save_operator_file, *kept);
  }
  if (fields.empty()) {
    const auto& path = arguments.save_operator_file;
    conclude({{"operator", path.string()},
              {"num_points", kept->num_points()},
              {"num_queries", size_of(kept->query_shape())}},
             message(escaped_name(path.string()), ": operator from ", kept->num_points(), " to ",
                     size_of(kept->query_shape()), " points"));
    return;
  }
  const std::size_t num_queries = size_of(coord_shape);
  if (grids) grids->to.reshape({num_queries, grids->to.shape().back()});
  const xt::xarray<double> interpolated = kept ? (*kept)(columns) : interpolation(grids->from, columns, grids->to);

  Fields results;
  std::size_t column = 0;
  auto row = rows.begin();
  for (const auto& [name, values] : fields) {
    auto result = xt::xarray<double>::from_shape(joined(row->loop_shape, coord_shape));
    const auto matrix = as_matrix(result, row->matrix.rows, num_queries);
    for (std::size_t q = 0; q < matrix.cols; ++q)
      for (std::size_t i = 0; i < matrix.rows; ++i) matrix(i, q) = interpolated(q, column + i);
    column += matrix.rows;
    results.emplace(name, std::move(result));
    ++row;
  }
  if (results.empty()) return;
  const std::size_t loop_axes = results.begin()->second.dimension() - coord_shape.size();
  auto set = field_set(given.names, results, loop_axes, given.units, grids ? std::move(grids->target) : Grid{});
  set.times = given.times;
  write_output(arguments.output, set);
  conclude(facts_of(arguments.output, set), line_of(arguments.output, set));
}

}  // namespace fieldfold::cli
