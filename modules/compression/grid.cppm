module;

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What every compression method has: named fields on a compression grid, and the way to other grids and back.
export module fieldfold.compression.grid;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.space;
import fieldfold.interpolation.method;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// The range (low, high) of each latent coefficient.
using LatentRanges = std::vector<std::pair<double, double>>;

/// Points of one grid for each sample; an empty array stands for a missing sample.
using CoordsPerSample = std::vector<xt::xarray<double>>;

/// A method that folds states of `dof` numbers into `latent_size` coefficients and unfolds them again. A class derived
/// from `BasicCompression` has the grids already and adds the other five. `value_type` is its scalar.
template <class C>
concept Compressor = std::copyable<C> && std::floating_point<typename C::value_type> &&
                     requires(const C& compressor, const xt::xarray<typename C::value_type>& array,
                              const xt::xarray<double>& coords, const BasicFields<typename C::value_type>& fields) {
                       { compressor.map_exists() } -> std::convertible_to<bool>;
                       { compressor.latent_size() } -> std::convertible_to<std::size_t>;
                       /// (..., dof) -> (..., latent_size)
                       { compressor.compress(array) } -> std::convertible_to<xt::xarray<typename C::value_type>>;
                       /// (..., latent_size) -> (..., dof)
                       { compressor.reconstruct(array) } -> std::convertible_to<xt::xarray<typename C::value_type>>;
                       { compressor.estimate_latent_ranges() } -> std::convertible_to<LatentRanges>;
                       { compressor.dof() } -> std::convertible_to<std::size_t>;
                       {
                         compressor.interpolate_to_grid(coords, fields)
                       } -> std::convertible_to<xt::xarray<typename C::value_type>>;
                       {
                         compressor.interpolate_from_grid(array, coords)
                       } -> std::convertible_to<BasicFields<typename C::value_type>>;
                     };

/// What a compression needs to know before it sees data.
struct CompressionOptions {
  /// Names of the quantities of interest, in the order in which they lie at each point; none: one, named "field".
  std::vector<std::string> fields = {};
  /// `(num_pts, dim)`, or `(num_pts,)` for dim = 1: the points of the compression grid. Without them all works that
  /// needs no coordinates.
  std::optional<xt::xarray<double>> coords = std::nullopt;
  std::string interpolate_method = "rbf";
  RBFOptions interpolate_opts = {};
  /// `automatic`: points of which a field has a value in no sample (land) are left out when it is interpolated, and
  /// what lies nearest to such a point becomes NaN.
  Mask mask = Mask::none;
  /// Operators and factorizations of interpolation are kept up to this size, and used again when the same coordinates
  /// come; 0: none. It belongs to the program that runs, and is not saved with a compressor.
  std::size_t operator_cache_bytes = std::size_t{512} << 20;
};

/// The grid side of a compression method. A state is `(num_pts, num_qoi)` numbers, flattened to
/// `dof = num_pts * num_qoi`: all quantities of a point lie together.
template <class T>
class BasicCompression {
 public:
  using value_type = T;

  /// \throws InvalidArgument  a field named twice or without a name; coords not 1-D or 2-D, empty, or not finite; an
  /// unknown
  ///                          interpolation method; bad interpolation options
  explicit BasicCompression(CompressionOptions options = {});

  /// The names of the quantities of interest, in the order in which they lie at each point.
  const std::vector<std::string>& fields() const { return options_.fields; }
  /// Whether there is a grid.
  bool has_coords() const { return options_.coords.has_value(); }
  /// How values go to other grids and back.
  const std::string& interpolate_method() const { return options_.interpolate_method; }
  const RBFOptions& interpolate_opts() const { return options_.interpolate_opts; }

  /// `(num_pts, dim)`: the compression grid. \throws NotReady  there are no coordinates
  const xt::xarray<double>& coords() const;

  /// What interpolation keeps for coordinates that come again; `bytes()` tells its size, `clear()` forgets it.
  const RememberedInterpolation& interpolation() const { return interpolation_; }

  /// The number of coordinates of a point. \throws NotReady  there are no coordinates
  std::size_t dim() const { return coords().shape(1); }

  /// The number of points of the compression grid. \throws NotReady  neither coordinates nor data have told
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
  /// \param name  what messages call the thing with these rows
  std::size_t num_pts_of(std::size_t dof, std::string_view name) const;

  /// For `compute_map`: as `join_fields`, but without coordinates the fields tell the number of points, whatever a map
  /// before had.
  xt::xarray<T> join_snapshots(const BasicFields<T>& fields) const;

  /// The same snapshots where they lie: of each field, in order, one row `(num_pts,)` a snapshot.
  std::vector<LoopRows<T>> snapshot_rows(const BasicFields<T>& fields) const;

  /// For `compute_map`: remembers the number of points where there are no coordinates to tell.
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
  RememberedInterpolation interpolation_;
  std::optional<std::size_t> num_pts_;
};

/// The same in double precision.
using Compression = BasicCompression<double>;

/// Folds fields on any grid: `compress(interpolate_to_grid(coords, fields))`.
/// \param coords  `(*coord_shape, dim)`, or one a sample
/// \param fields  each `(*loop_shape, *coord_shape)`, or one set a sample
/// \returns       `(*loop_shape, latent_size)`
/// \throws        as the two functions of the compressor do
template <Compressor C>
xt::xarray<typename C::value_type> compress_fields(const C& compressor, const xt::xarray<double>& coords,
                                                   const BasicFields<typename C::value_type>& fields) {
  return compressor.compress(compressor.interpolate_to_grid(coords, fields));
}

/// Folds samples that lie on grids of their own.
template <Compressor C>
xt::xarray<typename C::value_type> compress_fields(const C& compressor, const CoordsPerSample& coords,
                                                   const std::vector<BasicFields<typename C::value_type>>& fields) {
  return compressor.compress(compressor.interpolate_to_grid(coords, fields));
}

/// Unfolds latent coefficients onto any grid: `interpolate_from_grid(reconstruct(latent), coords)`, or what a
/// compressor has that does the same at less cost, `reconstruct_at(latent, coords)`.
/// \param latent  `(*loop_shape, latent_size)`
/// \param coords  `(*coord_shape, dim)`, or one a sample
/// \returns       each `(*loop_shape, *coord_shape)`
/// \throws        as the two functions of the compressor do
template <Compressor C>
BasicFields<typename C::value_type> reconstruct_fields(const C& compressor,
                                                       const xt::xarray<typename C::value_type>& latent,
                                                       const xt::xarray<double>& coords) {
  if constexpr (requires { compressor.reconstruct_at(latent, coords); })
    return compressor.reconstruct_at(latent, coords);
  else
    return compressor.interpolate_from_grid(compressor.reconstruct(latent), coords);
}

/// Unfolds each sample onto a grid of its own.
template <Compressor C>
std::vector<BasicFields<typename C::value_type>> reconstruct_fields(const C& compressor,
                                                                    const xt::xarray<typename C::value_type>& latent,
                                                                    const CoordsPerSample& coords) {
  return compressor.interpolate_from_grid(compressor.reconstruct(latent), coords);
}

}  // namespace fieldfold
