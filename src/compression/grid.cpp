module fieldfold.compression.grid;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.names;
import fieldfold.compression.compressor;
import fieldfold.fields.layout;
import fieldfold.fields.mesh;
import fieldfold.fields.options;
import fieldfold.interpolation.method;
import fieldfold.linalg.dense;
import fieldfold.points.axes;
import fieldfold.points.checks;
import fieldfold.points.neighbors;
import fieldfold.points.regions;
import fieldfold.rows.missing_values;

namespace fieldfold {
namespace {

template <class T>
std::vector<std::string> names_of(const BasicFields<T>& fields) {
  std::vector<std::string> names;
  for (const auto& [name, values] : fields) names.push_back(name);
  return names;
}

/// A view of a field: one row of `size_of(inner_shape)` values for each index of the loop shape.
template <class T>
LoopRows<T> field_rows(const BasicFields<T>& fields, const std::string& name, const Shape& inner_shape) {
  const auto found = fields.find(name);
  if (found == fields.end())
    throw InvalidArgument(message("fields: expected one named ", name, ", got ", listing(names_of(fields))));
  return split_loop(ArrayRef<T>(found->second), inner_shape, message("field ", name));
}

bool has_holes(MatrixView<const double> columns) {
  const std::span<const double> numbers(columns.data, columns.rows * columns.cols);
  return !std::ranges::all_of(numbers, [](double x) { return std::isfinite(x); });
}

/// The largest distance between points of the same index.
double largest_distance(MatrixView<const double> a, MatrixView<const double> b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.rows; ++i) {
    double length = 0.0;
    for (std::size_t axis = 0; axis < a.cols; ++axis) length = std::hypot(length, a(i, axis) - b(i, axis));
    largest = std::max(largest, length);
  }
  return largest;
}

/// The rows of all fields, which must have the same loop shape.
template <class T>
std::vector<LoopRows<T>> rows_of_all(const BasicFields<T>& fields, const std::vector<std::string>& names,
                                     const Shape& inner_shape) {
  std::vector<LoopRows<T>> all;
  for (const std::string& name : names) {
    all.push_back(field_rows(fields, name, inner_shape));
    if (all.back().loop_shape != all.front().loop_shape)
      throw InvalidArgument(message("field ", name, ": expected the loop shape ", shape_text(all.front().loop_shape),
                                    " of the field ", names.front(), ", got ", shape_text(all.back().loop_shape)));
  }
  return all;
}

}  // namespace

/// Points as a matrix, and their original shape.
template <class T>
struct BasicCompression<T>::Points {
  Shape coord_shape;
  xt::xarray<double> rows;  ///< `(num, dim)`
};

template <class T>
BasicCompression<T>::BasicCompression(CompressionOptions options)
    : options_(std::move(options)),
      interpolation_({options_.interpolate_method, options_.interpolate_opts}, options_.operator_cache_bytes,
                     options_.communicator) {
  if (options_.fields.empty()) options_.fields = {"field"};
  together([&] { check_options(); });
}

template <class T>
void BasicCompression<T>::check_options() {
  expect_field_names(options_.fields);
  if (!options_.grid_shape.empty()) {
    const std::size_t points = size_of(options_.grid_shape);
    if (!options_.communicator) num_pts_ = points;
    if (points == 0)
      throw InvalidArgument(message("grid_shape: expected at least one point, got ", shape_text(options_.grid_shape)));
  }
  for (const auto& [field, unit] : options_.units)
    if (std::ranges::find(options_.fields, field) == options_.fields.end())
      throw InvalidArgument(unknown_name("units: " + field, "a field", options_.fields));
  if (options_.mesh) validate(*options_.mesh);
  if (options_.mesh && options_.communicator)
    throw InvalidArgument("mesh: expected none for points that are distributed among ranks");
  check_coords();
  if (options_.mesh && num_pts_ && options_.mesh->num_pts() != *num_pts_)
    throw InvalidArgument(
        message("mesh: expected ", *num_pts_, " points as in the grid, got ", options_.mesh->num_pts()));
  if (options_.mesh) num_pts_ = options_.mesh->num_pts();
}

template <class T>
void BasicCompression<T>::check_coords() {
  if (!options_.coords) return;
  xt::xarray<double>& coords = *options_.coords;
  Shape shape(coords.shape().begin(), coords.shape().end());
  if (shape.size() == 1) shape.push_back(1);
  const bool is_part = options_.communicator && coords.dimension() == 2 && coords.shape(1) > 0;
  if (coords.dimension() == 0 || (coords.size() == 0 && !is_part))
    throw InvalidArgument(message("coords: expected the shape (num_pts, dim), (num_pts,) or (*grid_shape, dim), got ",
                                  shape_text(ArrayRef<double>(coords).shape())));
  expect_finite_coordinates({coords.data(), coords.size()}, "coords");
  const std::size_t dim = shape.back();
  shape.pop_back();
  if (num_pts_ && (num_pts_ != size_of(shape) || (shape.size() > 1 && shape != options_.grid_shape)))
    throw InvalidArgument(message("coords: expected points of the grid shape ", shape_text(options_.grid_shape),
                                  ", got the shape ", shape_text(ArrayRef<double>(coords).shape())));
  num_pts_ = size_of(shape);
  if (shape.size() > 1 && !options_.communicator) options_.grid_shape = shape;
  coords.reshape({*num_pts_, dim});
}

template <class T>
RowPartition BasicCompression<T>::partition_of(std::size_t rows) const {
  if (!options_.communicator) return {};
  RowPartition partition(*options_.communicator, rows);
  const std::size_t points = size_of(options_.grid_shape);
  if (!options_.grid_shape.empty() && partition.total(rows) != points * num_qoi())
    throw InvalidArgument(message("grid_shape: expected ", partition.total(rows) / num_qoi(),
                                  " points of all ranks, got ", shape_text(options_.grid_shape)));
  return partition;
}

template <class T>
const xt::xarray<double>& BasicCompression<T>::coords() const {
  if (!options_.coords) throw NotReady("coords are missing: the compression was constructed without them");
  return *options_.coords;
}

template <class T>
std::size_t BasicCompression<T>::num_pts() const {
  if (!num_pts_) throw NotReady("the number of points is unknown: there are neither coords nor a map");
  return *num_pts_;
}

template <class T>
std::size_t BasicCompression<T>::num_pts_of(std::size_t dof, std::string_view name) const {
  if (has_grid() && dof != this->dof()) {
    const bool is_transposed = options_.coords && coords().shape(1) * num_qoi() == dof;
    throw InvalidArgument(message(name, ": expected ", num_pts(), " num_pts x ", num_qoi(), " num_qoi = ", this->dof(),
                                  " rows to fit the ", options_.coords ? "coords" : "grid_shape", ", got ", dof,
                                  is_transposed ? "; coords of the shape (dim, num_pts) must be transposed" : ""));
  }
  if (dof % num_qoi() != 0)
    throw InvalidArgument(message(name, ": expected rows for ", num_qoi(), " fields at each point, a multiple of ",
                                  num_qoi(), ", got ", dof));
  return dof / num_qoi();
}

template <class T>
BasicFields<T> BasicCompression<T>::split_fields(const ArrayRef<T>& states) const {
  return split(states, grid_shape());
}

/// \param shape  of num_pts points
template <class T>
BasicFields<T> BasicCompression<T>::split(const ArrayRef<T>& states, const Shape& shape) const {
  const auto [loop_shape, rows] = split_loop(states, {dof()}, "states");
  BasicFields<T> fields;
  for (std::size_t qoi = 0; qoi < num_qoi(); ++qoi) {
    auto values = xt::xarray<T>::from_shape(joined(loop_shape, shape));
    extract_field(rows, {num_qoi()}, qoi, as_matrix(values, rows.rows, num_pts()));
    fields.emplace(options_.fields[qoi], std::move(values));
  }
  return fields;
}

template <class T>
xt::xarray<T> BasicCompression<T>::join_fields(const BasicFields<T>& fields) const {
  return join(fields, num_pts_ ? grid_shape() : shape_of_snapshots(fields));
}

template <class T>
xt::xarray<T> BasicCompression<T>::join_snapshots(const BasicFields<T>& fields) const {
  return join(fields, has_grid() ? grid_shape() : shape_of_snapshots(fields));
}

template <class T>
std::vector<LoopRows<T>> BasicCompression<T>::snapshot_rows(const BasicFields<T>& fields) const {
  return rows_of_all(fields, options_.fields, has_grid() ? grid_shape() : shape_of_snapshots(fields));
}

/// The shape of a grid that only the fields determine: their last axis.
template <class T>
Shape BasicCompression<T>::shape_of_snapshots(const BasicFields<T>& fields) const {
  const std::string& name = options_.fields.front();
  const auto first = fields.find(name);
  if (first == fields.end() || first->second.dimension() == 0) return {1};
  const Shape shape(first->second.shape().begin(), first->second.shape().end());
  if (shape.back() == 0 && !options_.communicator)
    throw InvalidArgument(message("field ", name, ": expected at least one point, got none"));
  if (shape.size() > 2)
    throw InvalidArgument(message("field ", name, ": expected the shape (num_samples, num_pts), got ",
                                  shape_text(shape), "; coords of the shape (*grid_shape, dim) or the option ",
                                  "grid_shape say which axes are the grid"));
  return {shape.back()};
}

template <class T>
xt::xarray<T> BasicCompression<T>::join(const BasicFields<T>& fields, const Shape& shape) const {
  const auto all = rows_of_all(fields, options_.fields, shape);
  const std::size_t points = all.front().matrix.cols;
  auto states = xt::xarray<T>::from_shape(joined(all.front().loop_shape, {points * num_qoi()}));
  const auto rows = as_matrix(states, all.front().matrix.rows, points * num_qoi());
  for (std::size_t qoi = 0; qoi < num_qoi(); ++qoi) insert_field(all[qoi].matrix, {num_qoi()}, qoi, rows);
  return states;
}

template <class T>
typename BasicCompression<T>::Points BasicCompression<T>::points_of(const ArrayRef<double>& coords,
                                                                    std::string_view name) const {
  Shape shape = coords.shape();
  if (shape.size() < 2) shape = dim() == 1 ? Shape{coords.size(), 1} : joined({1}, shape);
  if (shape.back() != dim())
    throw InvalidArgument(
        message(name, ": expected points of dimension ", dim(), ", (*coord_shape, ", dim(), "), got ",
                shape_text(coords.shape()),
                shape.front() == dim() ? "; coordinates of the shape (dim, num_pts) must be transposed" : ""));
  expect_finite_coordinates(coords.values(), name);
  Points points{.coord_shape = {shape.begin(), shape.end() - 1}, .rows = coords.copy()};
  points.rows.reshape({size_of(points.coord_shape), dim()});
  return points;
}

template <class T>
bool BasicCompression<T>::is_grid(const Points& points) const {
  constexpr double share_of_spacing = 1e-5;
  if (is_anywhere(points.rows.shape(0) != num_pts())) return false;
  if (!is_anywhere(points.rows != coords())) return true;
  // Distances are those of the interpolation.
  const Axes axes(interpolate_opts().scales, interpolate_opts().periods);
  axes.expect_dim(dim());
  const auto grid = axes.embedded(as_matrix(coords()));
  const auto given = axes.embedded(as_matrix(points.rows));
  double moved = largest_distance(as_matrix(given), as_matrix(grid));
  if (options_.communicator) {
    options_.communicator->maximum({&moved, 1});
    return moved <= share_of_spacing * least_distance(as_matrix(grid), {*options_.communicator, num_pts()});
  }
  return moved <= share_of_spacing * bound_of_least_distance(as_matrix(grid)) &&
         moved <= share_of_spacing * least_distance(as_matrix(grid));
}

/// Interpolates values `(points, samples, fields)`. Columns with the same points without a value are interpolated
/// together, from the other points.
template <class T>
xt::xarray<double> BasicCompression<T>::interpolate(const xt::xarray<double>& from, const xt::xarray<double>& values,
                                                    const xt::xarray<double>& to, Holes holes) const {
  const std::size_t samples = values.shape(1);
  const auto columns = as_matrix(values, from.shape(0), samples * num_qoi());
  const bool skips = holes == Holes::skip;
  const auto present = options_.mask == Mask::none ? zeros<double>({0, 0}) : present_points(columns);
  const bool has_masked = is_anywhere(std::ranges::find(present, 0.0) != present.end() && samples > 0);
  if (!has_masked && !is_anywhere(skips && has_holes(columns))) return interpolation_(from, values, to);

  std::vector<std::vector<bool>> used(columns.cols, std::vector<bool>(columns.rows));
  for (std::size_t c = 0; c < columns.cols; ++c)
    for (std::size_t p = 0; p < columns.rows; ++p)
      used[c][p] = skips ? std::isfinite(columns(p, c)) : present(p, FieldLayout{num_qoi()}.field(c)) == 1.0;
  auto result = xt::xarray<double>::from_shape({to.shape(0), samples, num_qoi()});
  std::ranges::fill(result, std::numeric_limits<double>::quiet_NaN());
  const auto results = as_matrix(result, to.shape(0), columns.cols);
  for (const auto& group : groups_of(used)) {
    const auto found = interpolate_group(from, columns, to, used[group.front()], group);
    for (std::size_t q = 0; q < results.rows && found; ++q)
      for (std::size_t k = 0; k < group.size(); ++k) results(q, group[k]) = (*found)(q, k);
  }
  if (has_masked) {
    const CachedInterpolation nearest(
        {"nearest", {.scales = interpolate_opts().scales, .periods = interpolate_opts().periods}}, 0,
        options_.communicator);
    const xt::xarray<double> has_value = nearest(from, present, to);
    for (std::size_t q = 0; q < results.rows; ++q)
      for (std::size_t c = 0; c < results.cols; ++c)
        if (has_value(q, FieldLayout{num_qoi()}.field(c)) == 0.0)
          results(q, c) = std::numeric_limits<double>::quiet_NaN();
  }
  return result;
}

/// 1 for points `(points, fields)` at which a field has a value in any sample, 0 for others.
template <class T>
xt::xarray<double> BasicCompression<T>::present_points(MatrixView<const double> columns) const {
  xt::xarray<double> present = zeros<double>({columns.rows, num_qoi()});
  for (std::size_t p = 0; p < columns.rows; ++p)
    for (std::size_t c = 0; c < columns.cols; ++c)
      if (std::isfinite(columns(p, c))) present(p, FieldLayout{num_qoi()}.field(c)) = 1.0;
  return present;
}

/// Interpolates some columns from the points that are used. None if these are too few.
template <class T>
std::optional<xt::xarray<double>> BasicCompression<T>::interpolate_group(const xt::xarray<double>& from,
                                                                         MatrixView<const double> columns,
                                                                         const xt::xarray<double>& to,
                                                                         const std::vector<bool>& used,
                                                                         const std::vector<std::size_t>& group) const {
  std::vector<std::size_t> kept;
  for (std::size_t p = 0; p < used.size(); ++p)
    if (used[p]) kept.push_back(p);
  if (!is_anywhere(!kept.empty())) return std::nullopt;
  const bool uses_all = !is_anywhere(kept.size() < used.size());
  auto own = xt::xarray<double>::from_shape({kept.size(), group.size()});
  for (std::size_t k = 0; k < kept.size(); ++k)
    for (std::size_t i = 0; i < group.size(); ++i) own(k, i) = columns(kept[k], group[i]);
  try {
    return interpolation_(kept.size() == used.size() ? from : rows_of(from, kept), own, to);
  } catch (const InvalidArgument&) {
    // Too few points, which all ranks find.
    if (uses_all) throw;
  } catch (const NumericalError&) {
    if (uses_all || options_.communicator) throw;
  }
  return std::nullopt;
}

/// The points of a sample of which this rank may have none.
template <class T>
xt::xarray<double> BasicCompression<T>::some_points(const xt::xarray<double>& coords) const {
  return coords.size() == 0 ? zeros<double>({0, dim()}) : coords;
}

template <class T>
bool BasicCompression<T>::is_anywhere(bool holds) const {
  std::array number{holds ? 1.0 : 0.0};
  if (options_.communicator) options_.communicator->maximum(number);
  return number[0] > 0.0;
}

/// Columns with the same points, on all ranks; collective. \param used  for each column, whether a point of this rank
/// is
template <class T>
std::vector<std::vector<std::size_t>> BasicCompression<T>::groups_of(const std::vector<std::vector<bool>>& used) const {
  std::map<std::vector<bool>, double> kinds;
  std::vector<double> kind_of;
  for (const auto& own : used) kind_of.push_back(kinds.emplace(own, static_cast<double>(kinds.size())).first->second);
  const std::vector<double> all = options_.communicator ? options_.communicator->gather(kind_of) : kind_of;
  std::map<std::vector<double>, std::vector<std::size_t>> columns;
  for (std::size_t c = 0; c < used.size(); ++c) {
    std::vector<double> kind;
    for (std::size_t i = c; i < all.size(); i += used.size()) kind.push_back(all[i]);
    columns[std::move(kind)].push_back(c);
  }
  std::vector<std::vector<std::size_t>> groups;
  for (auto& [kind, group] : columns) groups.push_back(std::move(group));
  return groups;
}

template <class T>
BasicFields<T> BasicCompression<T>::interpolate_from_grid(const ArrayRef<T>& states,
                                                          const ArrayRef<double>& new_coords) const {
  BasicFields<T> fields;
  together([&] { fields = interpolate_from_grid_together(states, new_coords); });
  return fields;
}

template <class T>
BasicFields<T> BasicCompression<T>::interpolate_from_grid_together(const ArrayRef<T>& states,
                                                                   const ArrayRef<double>& new_coords) const {
  const Points points = points_of(new_coords, "new_coords");
  if (is_grid(points)) return split(states, points.coord_shape);
  const auto [loop_shape, rows] = split_loop(states, {dof()}, "states");
  auto on_grid = xt::xarray<double>::from_shape({num_pts(), rows.rows, num_qoi()});
  columns_of_states(rows, {num_qoi()}, as_matrix(on_grid, num_pts(), rows.rows * num_qoi()));
  const xt::xarray<double> elsewhere = interpolate(coords(), on_grid, points.rows, Holes::propagate);
  const auto columns = as_matrix(elsewhere, points.rows.shape(0), rows.rows * num_qoi());
  BasicFields<T> fields;
  for (std::size_t qoi = 0; qoi < num_qoi(); ++qoi) {
    auto values = xt::xarray<T>::from_shape(joined(loop_shape, points.coord_shape));
    field_of_columns(columns, {num_qoi()}, qoi, as_matrix(values, rows.rows, points.rows.shape(0)));
    fields.emplace(options_.fields[qoi], std::move(values));
  }
  return fields;
}

template <class T>
std::vector<BasicFields<T>> BasicCompression<T>::interpolate_from_grid(const ArrayRef<T>& states,
                                                                       const CoordsPerSample& new_coords) const {
  std::vector<BasicFields<T>> samples;
  together([&] { samples = interpolate_samples_from_grid(states, new_coords); });
  return samples;
}

template <class T>
std::vector<BasicFields<T>> BasicCompression<T>::interpolate_samples_from_grid(
    const ArrayRef<T>& states, const CoordsPerSample& new_coords) const {
  if (states.dimension() < 2 || states.shape()[0] != new_coords.size())
    throw InvalidArgument(message("states: expected the shape (", new_coords.size(),
                                  ", *loop_shape, dof), one sample for each of new_coords, got ",
                                  shape_text(states.shape())));
  const Shape sample_shape(states.shape().begin() + 1, states.shape().end());
  std::vector<BasicFields<T>> samples;
  for (std::size_t i = 0; i < new_coords.size(); ++i) {
    const std::size_t length = size_of(sample_shape);
    const ArrayRef<T> sample(states.data() + i * length, sample_shape);
    const bool is_missing = !is_anywhere(new_coords[i].size() > 0);
    samples.push_back(is_missing ? BasicFields<T>{} : interpolate_from_grid(sample, some_points(new_coords[i])));
  }
  return samples;
}

template <class T>
xt::xarray<T> BasicCompression<T>::interpolate_to_grid(const ArrayRef<double>& field_coords,
                                                       const BasicFields<T>& field_values) const {
  return interpolate_to_grid(field_coords, field_values, options_.holes);
}

template <class T>
xt::xarray<T> BasicCompression<T>::interpolate_to_grid(const ArrayRef<double>& field_coords,
                                                       const BasicFields<T>& field_values, Holes holes) const {
  xt::xarray<T> states;
  together([&] { states = interpolate_to_grid_together(field_coords, field_values, holes); });
  return states;
}

template <class T>
xt::xarray<T> BasicCompression<T>::interpolate_to_grid_together(const ArrayRef<double>& field_coords,
                                                                const BasicFields<T>& field_values, Holes holes) const {
  const Points points = points_of(field_coords, "field_coords");
  if (is_grid(points)) return join(field_values, points.coord_shape);
  if (!is_anywhere(points.rows.size() > 0))
    throw InvalidArgument("field_coords: expected at least one point, got none");
  const auto all = rows_of_all(field_values, options_.fields, points.coord_shape);
  const std::size_t count = all.front().matrix.rows;
  auto elsewhere = xt::xarray<double>::from_shape({points.rows.shape(0), count, num_qoi()});
  const auto columns = as_matrix(elsewhere, points.rows.shape(0), count * num_qoi());
  for (std::size_t qoi = 0; qoi < num_qoi(); ++qoi) columns_of_field(all[qoi].matrix, {num_qoi()}, qoi, columns);
  if (!options_.missing_values.empty())
    for (double& x : elsewhere)
      if (is_missing_value(x, options_.missing_values)) x = std::numeric_limits<double>::quiet_NaN();
  const xt::xarray<double> on_grid = interpolate(points.rows, elsewhere, coords(), holes);
  auto states = xt::xarray<T>::from_shape(joined(all.front().loop_shape, {dof()}));
  states_of_columns(as_matrix(on_grid, num_pts(), count * num_qoi()), {num_qoi()}, as_matrix(states, count, dof()));
  return states;
}

template <class T>
xt::xarray<T> BasicCompression<T>::interpolate_to_grid(const CoordsPerSample& field_coords,
                                                       const std::vector<BasicFields<T>>& field_values) const {
  xt::xarray<T> states;
  together([&] { states = interpolate_samples_to_grid(field_coords, field_values); });
  return states;
}

template <class T>
xt::xarray<T> BasicCompression<T>::interpolate_samples_to_grid(const CoordsPerSample& field_coords,
                                                               const std::vector<BasicFields<T>>& field_values) const {
  if (field_coords.size() != field_values.size())
    throw InvalidArgument(message("field_values: expected one set of fields for each of the ", field_coords.size(),
                                  " field_coords, got ", field_values.size()));
  std::vector<std::optional<xt::xarray<T>>> states(field_coords.size());
  const std::optional<xt::xarray<T>>* first = nullptr;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (!is_anywhere(field_coords[i].size() > 0 && !field_values[i].empty())) continue;
    states[i] = interpolate_to_grid(some_points(field_coords[i]), field_values[i]);
    if (first == nullptr) first = &states[i];
    if (states[i]->shape() != (*first)->shape())
      throw InvalidArgument(message("field_values: expected the same loop shape for each sample, got states of ",
                                    shape_text(ArrayRef<T>(**first).shape()), " and ",
                                    shape_text(ArrayRef<T>(*states[i]).shape())));
  }
  const Shape sample_shape = first == nullptr ? Shape{dof()} : ArrayRef<T>(**first).shape();
  auto stacked = xt::xarray<T>::from_shape(joined({states.size()}, sample_shape));
  const auto rows = as_matrix(stacked, states.size(), size_of(sample_shape));
  for (std::size_t i = 0; i < states.size(); ++i)
    if (states[i])
      std::ranges::copy(*states[i], rows.row(i).begin());
    else
      std::ranges::fill(rows.row(i), std::numeric_limits<T>::quiet_NaN());
  return stacked;
}

template class BasicCompression<double>;
template class BasicCompression<float>;

}  // namespace fieldfold
