module;

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The grid side of compression methods: named fields on a compression grid, and interpolation to other grids and back.
export module fieldfold.compression.grid;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.compressor;
import fieldfold.fields.options;
import fieldfold.interpolation.cache;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// The fields of a compression and their grid.
struct CompressionOptions {
  /// Names of the quantities of interest, in the order in which they lie at each point; none: one, named "field".
  std::vector<std::string> fields = {};
  /// `(num_pts, dim)`, or `(num_pts,)` for dim = 1: the points of the compression grid. Without them, everything works
  /// that needs no coordinates.
  std::optional<xt::xarray<double>> coords = std::nullopt;
  std::string interpolate_method = "rbf";
  RBFOptions interpolate_opts = {};
  /// `automatic`: points where a field has a value in no sample (land) take no part in its interpolation, and points
  /// nearest to such a point become NaN.
  Mask mask = Mask::none;
  /// Operators and factorizations of interpolation are cached up to this size, and used again for the same coordinates;
  /// 0: none. Not saved.
  std::size_t operator_cache_bytes = std::size_t{512} << 20;
};

/// The grid side of a compression method. A state is `(num_pts, num_qoi)` numbers, flattened to
/// `dof = num_pts * num_qoi`: all quantities of a point lie together.
template <class T>
class BasicCompression {
 public:
  using value_type = T;

  /// \throws InvalidArgument  a field named twice or without a name; coords not 1-D or 2-D, empty, or not finite; an
  ///                          unknown interpolation method; bad interpolation options
  explicit BasicCompression(CompressionOptions options = {});

  /// The names of the quantities of interest, in the order in which they lie at each point.
  const std::vector<std::string>& fields() const { return options_.fields; }
  /// The options.
  const CompressionOptions& compression_options() const { return options_; }
  /// Whether there is a grid.
  bool has_coords() const { return options_.coords.has_value(); }
  /// How values are interpolated to other grids and back.
  const std::string& interpolate_method() const { return options_.interpolate_method; }
  const RBFOptions& interpolate_opts() const { return options_.interpolate_opts; }

  /// `(num_pts, dim)`: the compression grid. \throws NotReady  there are no coordinates
  const xt::xarray<double>& coords() const;

  /// The cached interpolation; `bytes()` is the size of its cache, `clear()` empties it.
  const CachedInterpolation& interpolation() const { return interpolation_; }

  /// The number of coordinates of a point. \throws NotReady  there are no coordinates
  std::size_t dim() const { return coords().shape(1); }

  /// The number of points of the compression grid. \throws NotReady  neither coordinates nor data determine it
  std::size_t num_pts() const;

  /// The number of quantities of interest at each point.
  std::size_t num_qoi() const { return options_.fields.size(); }

  /// The length of a state, `num_pts * num_qoi`. \throws NotReady  as `num_pts`
  std::size_t dof() const { return num_pts() * num_qoi(); }

  /// Takes states apart into fields on the compression grid.
  /// \param states  `(*loop_shape, dof)`
  /// \returns       each `(*loop_shape, num_pts)`
  /// \throws InvalidArgument  states of another length  \throws NotReady  as `num_pts`
  BasicFields<T> split_fields(const ArrayRef<T>& states) const;

  /// Puts fields on the compression grid together into states; the inverse of `split_fields`.
  /// \param fields  each `(*loop_shape, num_pts)`; names beside `fields()` are ignored
  /// \returns       `(*loop_shape, dof)`
  /// \throws InvalidArgument  a field is missing, or their shapes differ or do not fit
  xt::xarray<T> join_fields(const BasicFields<T>& fields) const;

  /// Interpolates states on the compression grid to other points. Where these are the grid's own, to a relative 1e-5
  /// or an absolute 1e-8, the states are taken as they are.
  /// \param states      `(*loop_shape, dof)`
  /// \param new_coords  `(*coord_shape, dim)`; 1-D means points when dim = 1, a single point (a coord_shape of `(1,)`)
  ///                    otherwise
  /// \returns           each `(*loop_shape, *coord_shape)`
  /// \throws NotReady         there are no coordinates
  /// \throws InvalidArgument  a shape does not fit, or coordinates are not finite
  /// \throws NumericalError   as the interpolation method does
  BasicFields<T> interpolate_from_grid(const ArrayRef<T>& states, const ArrayRef<double>& new_coords) const;

  /// Interpolates each sample to points of its own.
  /// \param states      `(samples, *loop_shape, dof)`
  /// \param new_coords  one a sample, each as above; empty where there is none
  /// \returns           one a sample, each field `(*loop_shape, *coord_shape)`; without fields where coords are empty
  std::vector<BasicFields<T>> interpolate_from_grid(const ArrayRef<T>& states, const CoordsPerSample& new_coords) const;

  /// Interpolates fields at other points to the compression grid. Where these are exactly the grid's own, the values
  /// are taken as they are.
  /// \param field_coords  `(*coord_shape, dim)`; 1-D as in `interpolate_from_grid`
  /// \param field_values  each `(*loop_shape, *coord_shape)`; names beside `fields()` are ignored
  /// \returns             `(*loop_shape, dof)`
  /// \throws  as `interpolate_from_grid`; and InvalidArgument where a field is missing
  xt::xarray<T> interpolate_to_grid(const ArrayRef<double>& field_coords, const BasicFields<T>& field_values) const;

  /// Interpolates each sample from points of its own.
  /// \param field_coords  one a sample, each as above
  /// \param field_values  one a sample, each field `(*loop_shape, *coord_shape)`
  /// \returns             `(samples, *loop_shape, dof)`; NaN where coords are empty or there are no fields
  xt::xarray<T> interpolate_to_grid(const CoordsPerSample& field_coords,
                                    const std::vector<BasicFields<T>>& field_values) const;

 protected:
  /// For `compute_map`: checks that states of `dof` numbers fit the fields and the coordinates, and returns the number
  /// of points they have. \throws InvalidArgument  they do not
  /// \param name  what messages call the states
  std::size_t num_pts_of(std::size_t dof, std::string_view name) const;

  /// For `compute_map`: as `join_fields`, but without coordinates the fields determine the number of points, whatever
  /// an earlier map had.
  xt::xarray<T> join_snapshots(const BasicFields<T>& fields) const;

  /// The same snapshots in place: for each field, in order, one row `(num_pts,)` a snapshot.
  std::vector<LoopRows<T>> snapshot_rows(const BasicFields<T>& fields) const;

  /// For `compute_map`: sets the number of points.
  void set_num_pts(std::size_t num_pts) { num_pts_ = num_pts; }

 private:
  struct Points;
  std::vector<LoopRows<T>> rows_on_grid(const BasicFields<T>& fields, std::optional<std::size_t> num_pts) const;
  xt::xarray<T> join(const BasicFields<T>& fields, std::optional<std::size_t> num_pts) const;
  xt::xarray<double> interpolate(const xt::xarray<double>& from, const xt::xarray<double>& values,
                                 const xt::xarray<double>& to) const;
  Points points_of(const ArrayRef<double>& coords, std::string_view name) const;
  bool is_grid(const Points& points, double relative, double absolute) const;

  CompressionOptions options_;
  CachedInterpolation interpolation_;
  std::optional<std::size_t> num_pts_;
};

/// The same in double precision.
using Compression = BasicCompression<double>;

}  // namespace fieldfold
