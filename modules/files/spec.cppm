/// Compressors and options from JSON specifications.
export module fieldfold.files.spec;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.compression.any;
import fieldfold.compression.grid;
import fieldfold.interpolation.method;
import fieldfold.pod.incremental;
import fieldfold.pod.svd;

export namespace fieldfold {

/// What a specification says of an SVD.
struct SVDSpec {
  CompressionOptions grid = {};
  SVDOptions options = {};
  std::optional<xt::xarray<double>> data_matrix = std::nullopt;  ///< `(dof, num_samples)`
  Fields data_fields = {};                                       ///< instead of a matrix
};

/// Reads the specification of an SVD, a JSON object. All keys are optional, and `null` means not given:
///
/// | key                  | value                                                                       |
/// |----------------------|-----------------------------------------------------------------------------|
/// | `method`             | `"svd"` (the default)                                                       |
/// | `fields`             | list of names                                                               |
/// | `coords`             | nested list `(num_pts, dim)` or `(num_pts,)`                                |
/// | `grid_shape`         | list of lengths, of a grid without `coords`                                 |
/// | `interpolate_method` | `"rbf"` (the default), or another of `interpolation_methods`                |
/// | `interpolate_opts`   | object with the members of `RBFOptions`; `method` and `kernel` by name      |
/// | `field_opts`         | object with the members of `FieldOptions`, see below                        |
/// | `rank`, `energy_tol`, `reconstruction_tol`, `sample_tol`, `noise` | numbers, see `RankRule`        |
/// | `optimal_threshold`  | true or false, see `RankRule`                                               |
/// | `validate_every`     | whole number, see `SVDOptions`                                              |
/// | `keep_training_latents` | true or false                                                            |
/// | `decomposition`      | `"automatic"` (the default), or another `DecompositionMethod`               |
/// | `threads`            | whole number, see `SVDOptions`                                              |
/// | `data_matrix`        | nested list `(dof, num_samples)`, or an object of fields, each a nested list `(num_samples,
/// num_pts)`; null is NaN |
///
/// In `field_opts`, `normalize` is a string for `normalization_from`, or an object of such strings by field; `mass` is
/// an object of the lists `rows`, `columns` and `values`; `mask`, `gappy_snapshots` and `gappy_states` are names.
///
/// The reference's keys `projection_matrix` and `_map_computed` are not supported: a basis alone has no ranges and
/// errors; a map is learned from data or loaded from a file.
///
/// \throws InvalidArgument  not a JSON object; an unknown method, kernel or key (the message lists the known ones); a
///                          value of the wrong type or out of range
SVDSpec svd_spec(std::string_view json);

/// Makes a compressor from a specification; it learns its map at once if there is a `data_matrix`.
/// \throws  as `svd_spec`, `BasicSVD` and `compute_map`
AnyCompressor from_spec(std::string_view json);

/// What a specification says of an incremental SVD.
struct IncrementalSpec {
  CompressionOptions grid = {};
  IncrementalOptions incremental = {};
  SVDOptions options = {};
};

/// Reads the specification of an incremental SVD: the keys of an SVD except `data_matrix`, and `max_rank`, `tolerance`,
/// `forgetting` and `block`, see `IncrementalOptions`. \throws InvalidArgument  as `svd_spec`
IncrementalSpec incremental_spec(std::string_view json);

/// Reads the specification of an interpolation: a JSON object with the members of `RBFOptions`, and
/// `interpolate_method`. An empty text gives the defaults. \throws InvalidArgument  as `svd_spec`
Interpolation interpolation_spec(std::string_view json);

}  // namespace fieldfold
