module fieldfold.compression.grid;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.compressor;
import fieldfold.fields.layout;
import fieldfold.fields.options;
import fieldfold.interpolation.method;
import fieldfold.points.checks;

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
      interpolation_({options_.interpolate_method, options_.interpolate_opts}, options_.operator_cache_bytes) {
  if (options_.fields.empty()) options_.fields = {"field"};
  const std::set<std::string> distinct(options_.fields.begin(), options_.fields.end());
  if (distinct.contains("")) throw InvalidArgument("fields: expected names, got an empty one");
  if (distinct.size() != options_.fields.size())
    throw InvalidArgument(message("fields: expected distinct names, got ", listing(options_.fields)));
  if (!options_.coords) return;
  xt::xarray<double>& coords = *options_.coords;
  if (coords.dimension() == 1) coords.reshape({coords.size(), std::size_t{1}});
  if (coords.dimension() != 2 || coords.size() == 0)
    throw InvalidArgument(message("coords: expected the shape (num_pts, dim) or (num_pts,), got ",
                                  shape_text(ArrayRef<double>(coords).shape())));
  expect_finite_coordinates({coords.data(), coords.size()}, "coords");
  num_pts_ = coords.shape(0);
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
  if (options_.coords && dof != this->dof())
    throw InvalidArgument(message(name, ": expected ", num_pts(), " num_pts x ", num_qoi(), " num_qoi = ", this->dof(),
                                  " rows to fit the coords, got ", dof));
  if (dof % num_qoi() != 0)
    throw InvalidArgument(message(name, ": expected rows for ", num_qoi(), " fields at each point, a multiple of ",
                                  num_qoi(), ", got ", dof));
  return dof / num_qoi();
}

template <class T>
BasicFields<T> BasicCompression<T>::split_fields(const ArrayRef<T>& states) const {
  const auto [loop_shape, rows] = split_loop(states, {dof()}, "states");
  BasicFields<T> fields;
  for (std::size_t qoi = 0; qoi < num_qoi(); ++qoi) {
    auto values = xt::xarray<T>::from_shape(joined(loop_shape, {num_pts()}));
    extract_field(rows, {num_qoi()}, qoi, as_matrix(values, rows.rows, num_pts()));
    fields.emplace(options_.fields[qoi], std::move(values));
  }
  return fields;
}

template <class T>
xt::xarray<T> BasicCompression<T>::join_fields(const BasicFields<T>& fields) const {
  return join(fields, num_pts_);
}

template <class T>
xt::xarray<T> BasicCompression<T>::join_snapshots(const BasicFields<T>& fields) const {
  return join(fields, options_.coords ? num_pts_ : std::nullopt);
}

template <class T>
std::vector<LoopRows<T>> BasicCompression<T>::snapshot_rows(const BasicFields<T>& fields) const {
  return rows_on_grid(fields, options_.coords ? num_pts_ : std::nullopt);
}

template <class T>
std::vector<LoopRows<T>> BasicCompression<T>::rows_on_grid(const BasicFields<T>& fields,
                                                           std::optional<std::size_t> num_pts) const {
  const auto first = fields.find(options_.fields.front());
  const bool tells = first != fields.end() && first->second.dimension() > 0;
  const std::size_t points = num_pts.value_or(tells ? first->second.shape().back() : 1);
  if (points == 0)
    throw InvalidArgument(message("field ", options_.fields.front(), ": expected at least one point, got none"));
  return rows_of_all(fields, options_.fields, {points});
}

template <class T>
xt::xarray<T> BasicCompression<T>::join(const BasicFields<T>& fields, std::optional<std::size_t> num_pts) const {
  const auto all = rows_on_grid(fields, num_pts);
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
    throw InvalidArgument(message(name, ": expected points of dimension ", dim(), ", (*coord_shape, ", dim(), "), got ",
                                  shape_text(coords.shape())));
  expect_finite_coordinates(coords.values(), name);
  Points points{.coord_shape = {shape.begin(), shape.end() - 1}, .rows = coords.copy()};
  points.rows.reshape({size_of(points.coord_shape), dim()});
  return points;
}

template <class T>
bool BasicCompression<T>::is_grid(const Points& points, double relative, double absolute) const {
  return points.coord_shape == Shape{num_pts()} &&
         std::ranges::equal(points.rows, coords(), [=](double x, double grid) {
           return std::abs(x - grid) <= absolute + relative * std::abs(grid);
         });
}

/// Interpolates values `(points, samples, fields)`; with a mask, points without a value in any sample are excluded.
template <class T>
xt::xarray<double> BasicCompression<T>::interpolate(const xt::xarray<double>& from, const xt::xarray<double>& values,
                                                    const xt::xarray<double>& to) const {
  if (options_.mask == Mask::none) return interpolation_(from, values, to);
  const std::size_t samples = values.shape(1);
  xt::xarray<double> present = zeros<double>({from.shape(0), num_qoi()});
  for (std::size_t p = 0; p < from.shape(0); ++p)
    for (std::size_t i = 0; i < samples; ++i)
      for (std::size_t qoi = 0; qoi < num_qoi(); ++qoi)
        if (std::isfinite(values(p, i, qoi))) present(p, qoi) = 1.0;
  if (samples == 0 || std::ranges::find(present, 0.0) == present.end()) return interpolation_(from, values, to);
  const Interpolation nearest{"nearest", {.scales = interpolate_opts().scales, .periods = interpolate_opts().periods}};
  const xt::xarray<double> has_value = nearest(from, present, to);
  auto result = xt::xarray<double>::from_shape({to.shape(0), samples, num_qoi()});
  for (std::size_t qoi = 0; qoi < num_qoi(); ++qoi) {
    std::vector<std::size_t> kept;
    for (std::size_t p = 0; p < from.shape(0); ++p)
      if (present(p, qoi) == 1.0) kept.push_back(p);
    auto points = xt::xarray<double>::from_shape({kept.size(), from.shape(1)});
    auto own = xt::xarray<double>::from_shape({kept.size(), samples});
    for (std::size_t k = 0; k < kept.size(); ++k) {
      for (std::size_t axis = 0; axis < from.shape(1); ++axis) points(k, axis) = from(kept[k], axis);
      for (std::size_t i = 0; i < samples; ++i) own(k, i) = values(kept[k], i, qoi);
    }
    xt::xarray<double> found = zeros<double>({to.shape(0), samples});
    if (!kept.empty()) found = interpolation_(points, own, to);
    for (std::size_t q = 0; q < to.shape(0); ++q)
      for (std::size_t i = 0; i < samples; ++i)
        result(q, i, qoi) = has_value(q, qoi) == 1.0 ? found(q, i) : std::numeric_limits<double>::quiet_NaN();
  }
  return result;
}

template <class T>
BasicFields<T> BasicCompression<T>::interpolate_from_grid(const ArrayRef<T>& states,
                                                          const ArrayRef<double>& new_coords) const {
  const Points points = points_of(new_coords, "new_coords");
  if (is_grid(points, 1e-5, 1e-8)) return split_fields(states);
  const auto [loop_shape, rows] = split_loop(states, {dof()}, "states");
  auto on_grid = xt::xarray<double>::from_shape({num_pts(), rows.rows, num_qoi()});
  columns_of_states(rows, {num_qoi()}, as_matrix(on_grid, num_pts(), rows.rows * num_qoi()));
  const xt::xarray<double> elsewhere = interpolate(coords(), on_grid, points.rows);
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
  if (states.dimension() < 2 || states.shape()[0] != new_coords.size())
    throw InvalidArgument(message("states: expected the shape (", new_coords.size(),
                                  ", *loop_shape, dof), one sample for each of new_coords, got ",
                                  shape_text(states.shape())));
  const Shape sample_shape(states.shape().begin() + 1, states.shape().end());
  std::vector<BasicFields<T>> samples;
  for (std::size_t i = 0; i < new_coords.size(); ++i) {
    const std::size_t length = size_of(sample_shape);
    const ArrayRef<T> sample(states.data() + i * length, sample_shape);
    samples.push_back(new_coords[i].size() == 0 ? BasicFields<T>{} : interpolate_from_grid(sample, new_coords[i]));
  }
  return samples;
}

template <class T>
xt::xarray<T> BasicCompression<T>::interpolate_to_grid(const ArrayRef<double>& field_coords,
                                                       const BasicFields<T>& field_values) const {
  const Points points = points_of(field_coords, "field_coords");
  if (is_grid(points, 0.0, 0.0)) return join_fields(field_values);
  if (points.rows.size() == 0) throw InvalidArgument("field_coords: expected at least one point, got none");
  const auto all = rows_of_all(field_values, options_.fields, points.coord_shape);
  const std::size_t count = all.front().matrix.rows;
  auto elsewhere = xt::xarray<double>::from_shape({points.rows.shape(0), count, num_qoi()});
  const auto columns = as_matrix(elsewhere, points.rows.shape(0), count * num_qoi());
  for (std::size_t qoi = 0; qoi < num_qoi(); ++qoi) columns_of_field(all[qoi].matrix, {num_qoi()}, qoi, columns);
  const xt::xarray<double> on_grid = interpolate(points.rows, elsewhere, coords());
  auto states = xt::xarray<T>::from_shape(joined(all.front().loop_shape, {dof()}));
  states_of_columns(as_matrix(on_grid, num_pts(), count * num_qoi()), {num_qoi()}, as_matrix(states, count, dof()));
  return states;
}

template <class T>
xt::xarray<T> BasicCompression<T>::interpolate_to_grid(const CoordsPerSample& field_coords,
                                                       const std::vector<BasicFields<T>>& field_values) const {
  if (field_coords.size() != field_values.size())
    throw InvalidArgument(message("field_values: expected one set of fields for each of the ", field_coords.size(),
                                  " field_coords, got ", field_values.size()));
  std::vector<std::optional<xt::xarray<T>>> states(field_coords.size());
  const std::optional<xt::xarray<T>>* first = nullptr;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (field_coords[i].size() == 0 || field_values[i].empty()) continue;
    states[i] = interpolate_to_grid(field_coords[i], field_values[i]);
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
