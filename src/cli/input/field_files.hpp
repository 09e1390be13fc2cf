#pragma once

// Fields in files: those given on the command line, and those to write.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../commands.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {

/// The fields of the command line, and what their files say of them.
struct GivenFields {
  std::vector<StoredField> arrays;  ///< one for each file or variable
  std::vector<std::string> names;   ///< of the fields; each component of a vector is one
  std::map<std::string, std::string> units;
  Grid grid;                               ///< that of the first array
  std::optional<std::size_t> loop_axes;    ///< the number of axes of samples; none: no file says
  std::vector<double> times;               ///< of the samples; empty: unknown
  std::size_t bytes = 0;                   ///< of the numbers, see `bytes_of`
  std::vector<std::string> left_out = {};  ///< fields in the files that were not asked for
};

/// Opens the files of the command line; their numbers are read later.
/// \param wanted  names of fields; files of several fields provide these. Empty: all of them, those at points if there
///                are any, and else those at cells
/// \throws InvalidArgument  a number of components that is not a whole number above 0, or for an unknown field; a field
///                          given twice; fields at points and at cells
/// \throws FileError        as `open_dataset`
GivenFields open_fields(const FieldFiles& fields, const std::vector<std::string>& wanted = {});

/// The bytes of an array in files: theirs, if they hold it alone, or else those of its numbers in double precision.
std::size_t bytes_of(const Address& address, const Variable& variable);

/// The number of axes of the grid: as given, or as the files say, or as in the coordinates.
std::size_t grid_axes_of(const GivenFields& given, std::optional<std::size_t> axes,
                         const std::optional<xt::xarray<double>>& coords);

/// Whether points are those of a map, up to rounding in single precision.
template <class T>
bool are_points_of(const BasicSVD<T>& svd, const xt::xarray<double>& coords) {
  if (coords.size() != svd.coords().size()) return false;
  double size = 0.0;
  for (const double x : svd.coords()) size = std::max(size, std::abs(x));
  return std::equal(coords.begin(), coords.end(), svd.coords().begin(),
                    [&](double a, double b) { return std::abs(a - b) <= 1e-7 * size; });
}

/// The snapshots of files that have the fields and the points of a map.
/// \throws InvalidArgument  other fields or points
template <class T>
std::unique_ptr<StoredFieldRows> rows_of_map(const BasicSVD<T>& svd, const GivenFields& given) {
  if (given.names != svd.fields())
    throw InvalidArgument(message("--field: expected the fields of the map, ", listing(svd.fields()),
                                  ", in this order, got ", listing(given.names)));
  auto rows = std::make_unique<StoredFieldRows>(given.arrays, std::max<std::size_t>(1, svd.grid_shape().size()));
  if (rows->rows() != svd.dof())
    throw InvalidArgument(message("--field: expected ", svd.dof() / svd.num_qoi(), " points as in the map, got ",
                                  rows->rows() / svd.num_qoi()));
  if (given.grid.coords && svd.has_coords() && !are_points_of(svd, *given.grid.coords))
    throw InvalidArgument(
        "--field: expected fields at the points of the map, got others; interpolate takes them there");
  return rows;
}

/// Reads fields to memory; vector fields become one field per component.
Fields load_fields(const GivenFields& given);

/// Fields to write, in the order of their names.
/// \param loop_axes  the number of leading axes that count samples
template <class T>
FieldSet field_set(const std::vector<std::string>& names, const BasicFields<T>& fields, std::size_t loop_axes,
                   const std::map<std::string, std::string>& units, Grid grid) {
  FieldSet set{.fields = {}, .loop_axes = loop_axes, .grid = std::move(grid), .single_precision = sizeof(T) == 4};
  for (const std::string& name : names) {
    const auto found = fields.find(name);
    if (found == fields.end()) continue;
    const auto unit = units.find(name);
    set.fields.push_back({name, array_cast<double>(found->second), unit == units.end() ? std::string() : unit->second});
  }
  return set;
}

/// The grid of a map, for files. \param latitude_longitude  whether its last two axes are these
template <class T>
Grid grid_of(const BasicCompression<T>& compression, bool latitude_longitude) {
  Grid grid{.mesh = compression.compression_options().mesh};
  if (!compression.has_coords()) return grid;
  xt::xarray<double> coords = compression.coords();
  Shape shape = compression.grid_shape();
  shape.push_back(coords.shape(1));
  coords.reshape(shape);
  // Weights by latitude say what the last two axes are.
  const std::size_t axes = shape.size() - 1;
  if (latitude_longitude && axes >= 2 && shape.back() == axes) {
    const std::size_t dim = shape.back();
    const std::size_t m = shape[axes - 2];
    const std::size_t n = shape[axes - 1];
    grid.latitudes = zeros<double>({m});
    grid.longitudes = zeros<double>({n});
    for (std::size_t i = 0; i < m; ++i) grid.latitudes(i) = coords.data()[i * n * dim + dim - 2];
    for (std::size_t j = 0; j < n; ++j) grid.longitudes(j) = coords.data()[j * dim + dim - 1];
  }
  grid.coords = std::move(coords);
  return grid;
}

/// The same of a map.
template <class T>
Grid grid_of(const BasicSVD<T>& svd) {
  return grid_of<T>(svd, svd.options().field_opts.inner_product_name == "cell areas");
}

}  // namespace fieldfold::cli
