/// Compressors from a JSON specification.
export module fieldfold.files.spec;

import fieldfold.base.standard;
import fieldfold.compression.any;

export namespace fieldfold {

/// Makes a compressor from a JSON object. All keys are optional, and `null` means not given:
///
/// | key                  | value                                                                       |
/// |----------------------|-----------------------------------------------------------------------------|
/// | `method`             | `"svd"` (the default)                                                       |
/// | `fields`             | list of names                                                               |
/// | `coords`             | nested list `(num_pts, dim)` or `(num_pts,)`                                |
/// | `interpolate_method` | `"rbf"` (the default), or another of `interpolation_methods`                |
/// | `interpolate_opts`   | object with the members of `RBFOptions`; `method` and `kernel` by name      |
/// | `field_opts`         | object with the members of `FieldOptions`, see below                        |
/// | `rank`, `energy_tol`, `reconstruction_tol`, `sample_tol`, `noise` | numbers, see `RankRule`        |
/// | `optimal_threshold`  | true or false, see `RankRule`                                               |
/// | `validate_every`     | whole number, see `SVDOptions`                                              |
/// | `keep_training_latents` | true or false                                                            |
/// | `data_matrix`        | nested list `(dof, num_samples)`: the map is learned at once; null is NaN   |
///
/// In `field_opts`, `normalize` is a string for `normalization_from`, or an object of such strings by field; `mass` is
/// an object of the lists `rows`, `columns` and `values`; `mask`, `gappy_snapshots` and `gappy_states` are names.
///
/// The reference's keys `projection_matrix` and `_map_computed` are not supported: a basis alone has no ranges and
/// errors; a map is learned from data or loaded from a file.
///
/// \throws InvalidArgument  not a JSON object; an unknown method, kernel or key (the message lists the known ones); a
///                          value of the wrong type or out of range
AnyCompressor from_spec(std::string_view json);

}  // namespace fieldfold
