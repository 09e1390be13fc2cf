/// The grid of a compression method: its named fields, and interpolation to and from other grids.
export module fieldfold.compression.grid;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.compression.compressor;
import fieldfold.fields.mesh;
import fieldfold.fields.options;
import fieldfold.interpolation.cache;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// Treatment of points without a value in interpolation to the compression grid.
enum class Holes {
  propagate,  ///< NaN, wherever such a point contributes
  skip,       ///< they take no part in the interpolation of their state; without enough other points the state is NaN
};

/// The fields of a compression and their grid.
struct CompressionOptions {
  /// Names of the quantities of interest, in their order at each point; empty: one, named "field".
  std::vector<std::string> fields = {};
  /// The points of the compression grid: `(num_pts, dim)`; `(num_pts,)` for dim = 1; or `(*grid_shape, dim)`. Only
  /// interpolation needs them.
  std::optional<xt::xarray<double>> coords = std::nullopt;
  /// The shape of a grid of num_pts points, for fields `(*loop_shape, *grid_shape)`; empty: that of `coords`, or
  /// `(num_pts,)`. Of points that are distributed among ranks it is the shape of all, for files; fields are
  /// `(*loop_shape, num_pts)`.
  Shape grid_shape = {};
  /// The mesh of the grid, for files to look at; it takes no part in compression. Its points of fields are those of the
  /// grid. Null: unknown.
  std::shared_ptr<const Mesh> mesh = nullptr;
  /// The units of fields by name, for descriptions and files; without an entry: unknown.
  std::map<std::string, std::string> units = {};
  std::string interpolate_method = "rbf";
  RBFOptions interpolate_opts = {};
  /// `automatic`: points where a field has no value in any sample (land) are excluded from its interpolation, and the
  /// field is NaN at points nearest to one of them.
  Mask mask = Mask::none;
  Holes holes = Holes::propagate;
  /// Numbers that stand for a missing value, as in `FieldOptions`.
  std::vector<double> missing_values = {};
  /// The ranks among which the points of the grid are distributed; null: one process has all. Each rank has some
  /// points, in the order of the ranks, possibly none: its coordinates, weights, snapshots and states are those of its
  /// points. Learning, compression and assessment are then collective: all ranks call them with the same options and
  /// numbers of states, and receive the same coefficients and figures, and the same exception if any of them fails.
  /// Reconstructed states are those of the points of the rank. Interpolation is collective, too: each rank has some of
  /// the other points, possibly none, `(0, dim)`, and a singular neighborhood is an error on all. Not saved.
  std::shared_ptr<const Communicator> communicator = nullptr;
  /// Size of the cache of interpolation operators and factorizations, which are reused for the same coordinates; 0: no
  /// cache. Not saved.
  std::size_t operator_cache_bytes = std::size_t{512} << 20;
};

/// The base class of compression methods for fields on a grid. A state is `(num_pts, num_qoi)` numbers, flattened to
/// `dof = num_pts * num_qoi`: the quantities of a point are contiguous.
template <class T>
class BasicCompression {
 public:
  using value_type = T;

  /// \throws InvalidArgument  field names as for `expect_field_names`; coords that are a scalar, empty, or not finite,
  ///                          or do not fit the grid shape; an inconsistent mesh, or one of another number of
  ///                          points; units of an unknown field; an unknown interpolation method; invalid interpolation
  ///                          options
  explicit BasicCompression(CompressionOptions options = {});

  /// The names of the quantities of interest, in their order at each point.
  const std::vector<std::string>& fields() const { return options_.fields; }
  /// The options; coords have the shape `(num_pts, dim)`.
  const CompressionOptions& compression_options() const { return options_; }
  /// Whether the grid has coordinates.
  bool has_coords() const { return options_.coords.has_value(); }
  /// The interpolation method to and from other grids, and its options.
  const std::string& interpolate_method() const { return options_.interpolate_method; }
  const RBFOptions& interpolate_opts() const { return options_.interpolate_opts; }

  /// The points of the compression grid, `(num_pts, dim)`. \throws NotReady  there are no coordinates
  const xt::xarray<double>& coords() const;

  /// The cached interpolation; `bytes()` is the size of its cache, `clear()` empties it.
  const CachedInterpolation& interpolation() const { return interpolation_; }

  /// The dimension of the grid. \throws NotReady  there are no coordinates
  std::size_t dim() const { return coords().shape(1); }

  /// The number of points of the compression grid. \throws NotReady  neither coordinates nor data determine it
  std::size_t num_pts() const;

  /// The shape of the grid. \throws NotReady  as `num_pts`
  Shape grid_shape() const {
    return options_.grid_shape.empty() || options_.communicator ? Shape{num_pts()} : options_.grid_shape;
  }

  /// The number of quantities of interest at each point.
  std::size_t num_qoi() const { return options_.fields.size(); }

  /// The length of a state, `num_pts * num_qoi`. \throws NotReady  as `num_pts`
  std::size_t dof() const { return num_pts() * num_qoi(); }

  /// Splits states into fields on the compression grid.
  /// \param states  `(*loop_shape, dof)`
  /// \returns       each `(*loop_shape, *grid_shape)`
  /// \throws InvalidArgument  states of another length  \throws NotReady  as `num_pts`
  BasicFields<T> split_fields(const ArrayRef<T>& states) const;

  /// Joins fields on the compression grid to states; the inverse of `split_fields`.
  /// \param fields  each `(*loop_shape, *grid_shape)`; names not in `fields()` are ignored
  /// \returns       `(*loop_shape, dof)`
  /// \throws InvalidArgument  a field is missing, or their shapes differ or do not fit
  xt::xarray<T> join_fields(const BasicFields<T>& fields) const;

  /// Interpolates states on the compression grid to other points. If these are the points of the grid, each within 1e-5
  /// of the least distance between two of them, the states are split without interpolation.
  /// \param states      `(*loop_shape, dof)`
  /// \param new_coords  `(*coord_shape, dim)`; 1-D: points if dim = 1, otherwise a single point of the coord_shape
  ///                    `(1,)`
  /// \returns           each `(*loop_shape, *coord_shape)`
  /// \throws NotReady         there are no coordinates
  /// \throws InvalidArgument  a shape does not fit, or coordinates are not finite
  /// \throws NumericalError   as the interpolation method
  BasicFields<T> interpolate_from_grid(const ArrayRef<T>& states, const ArrayRef<double>& new_coords) const;

  /// Interpolates each sample to points of its own.
  /// \param states      `(samples, *loop_shape, dof)`
  /// \param new_coords  one per sample, each as above; empty for a missing sample
  /// \returns           one per sample, each field `(*loop_shape, *coord_shape)`; no fields for a missing sample
  std::vector<BasicFields<T>> interpolate_from_grid(const ArrayRef<T>& states, const CoordsPerSample& new_coords) const;

  /// Interpolates fields at other points to the compression grid. If these are the points of the grid, as in
  /// `interpolate_from_grid`, the fields are joined without interpolation.
  /// \param field_coords  `(*coord_shape, dim)`; 1-D as in `interpolate_from_grid`
  /// \param field_values  each `(*loop_shape, *coord_shape)`; names not in `fields()` are ignored
  /// \returns             `(*loop_shape, dof)`
  /// \throws  as `interpolate_from_grid`; InvalidArgument also if a field is missing
  xt::xarray<T> interpolate_to_grid(const ArrayRef<double>& field_coords, const BasicFields<T>& field_values) const;

  /// The same with another treatment of missing values.
  xt::xarray<T> interpolate_to_grid(const ArrayRef<double>& field_coords, const BasicFields<T>& field_values,
                                    Holes holes) const;

  /// Interpolates each sample from points of its own.
  /// \param field_coords  one per sample, each as above
  /// \param field_values  one set per sample, each field `(*loop_shape, *coord_shape)`
  /// \returns             `(samples, *loop_shape, dof)`; NaN for samples without coords or fields
  xt::xarray<T> interpolate_to_grid(const CoordsPerSample& field_coords,
                                    const std::vector<BasicFields<T>>& field_values) const;

  /// Runs work of all ranks, as `Communicator::together`; on one process only the work.
  template <class Work>
  void together(const Work& work) const {
    if (options_.communicator)
      options_.communicator->together(work);
    else
      work();
  }

 protected:
  /// The rows of this rank in matrices of `rows` rows here; collective.
  /// \throws InvalidArgument  the rows of all ranks do not fit the grid shape
  RowPartition partition_of(std::size_t rows) const;

  /// Whether coordinates or a grid shape determine the number of points.
  bool has_grid() const { return options_.coords || (!options_.grid_shape.empty() && !options_.communicator); }

  /// For `compute_map`: the number of points of states of `dof` numbers. \param name  the states in messages
  /// \throws InvalidArgument  `dof` does not fit the fields or the coordinates
  std::size_t num_pts_of(std::size_t dof, std::string_view name) const;

  /// For `compute_map`: as `join_fields`, but without coordinates or a grid shape the fields determine the number of
  /// points, not an earlier map.
  /// \throws InvalidArgument  also for more than two axes without coordinates or a grid shape
  xt::xarray<T> join_snapshots(const BasicFields<T>& fields) const;

  /// Views of the same snapshots: for each field, in order, one row of num_pts numbers per snapshot.
  std::vector<LoopRows<T>> snapshot_rows(const BasicFields<T>& fields) const;

  /// For `compute_map`: sets the number of points.
  void set_num_pts(std::size_t num_pts) { num_pts_ = num_pts; }

 private:
  struct Points;
  void check_options();
  void check_coords();
  Shape shape_of_snapshots(const BasicFields<T>& fields) const;
  xt::xarray<T> join(const BasicFields<T>& fields, const Shape& shape) const;
  BasicFields<T> split(const ArrayRef<T>& states, const Shape& shape) const;
  xt::xarray<double> interpolate(const xt::xarray<double>& from, const xt::xarray<double>& values,
                                 const xt::xarray<double>& to, Holes holes) const;
  xt::xarray<double> present_points(MatrixView<const double> columns) const;
  std::optional<xt::xarray<double>> interpolate_group(const xt::xarray<double>& from, MatrixView<const double> columns,
                                                      const xt::xarray<double>& to, const std::vector<bool>& used,
                                                      const std::vector<std::size_t>& group) const;
  Points points_of(const ArrayRef<double>& coords, std::string_view name) const;
  bool is_grid(const Points& points) const;
  /// Whether something holds on any rank; collective.
  bool is_anywhere(bool holds) const;
  std::vector<std::vector<std::size_t>> groups_of(const std::vector<std::vector<bool>>& used) const;
  xt::xarray<double> some_points(const xt::xarray<double>& coords) const;
  std::vector<BasicFields<T>> interpolate_samples_from_grid(const ArrayRef<T>& states,
                                                            const CoordsPerSample& new_coords) const;
  xt::xarray<T> interpolate_samples_to_grid(const CoordsPerSample& field_coords,
                                            const std::vector<BasicFields<T>>& field_values) const;
  BasicFields<T> interpolate_from_grid_together(const ArrayRef<T>& states, const ArrayRef<double>& new_coords) const;
  xt::xarray<T> interpolate_to_grid_together(const ArrayRef<double>& field_coords, const BasicFields<T>& field_values,
                                             Holes holes) const;

  CompressionOptions options_;
  CachedInterpolation interpolation_;
  std::optional<std::size_t> num_pts_;
};

/// The same in double precision.
using Compression = BasicCompression<double>;

}  // namespace fieldfold
