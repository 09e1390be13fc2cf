/// The `Compressor` concept, and functions for all compressors.
export module fieldfold.compression.compressor;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// The range (low, high) of each latent coefficient.
using LatentRanges = std::vector<std::pair<double, double>>;

/// The grid points of each sample; an empty array for a missing sample.
using CoordsPerSample = std::vector<xt::xarray<double>>;

/// A method that compresses states of `dof` numbers to `latent_size` coefficients and reconstructs them. A class
/// derived from `BasicCompression` inherits `dof` and the interpolation, and adds the other five members. `value_type`
/// is the scalar.
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

/// Compresses fields on any grid: `compress(interpolate_to_grid(coords, fields))`.
/// \param coords  `(*coord_shape, dim)`
/// \param fields  each `(*loop_shape, *coord_shape)`
/// \returns       `(*loop_shape, latent_size)`
/// \throws        as these two functions
template <Compressor C>
xt::xarray<typename C::value_type> compress_fields(const C& compressor, const xt::xarray<double>& coords,
                                                   const BasicFields<typename C::value_type>& fields) {
  return compressor.compress(compressor.interpolate_to_grid(coords, fields));
}

/// Compresses samples on a grid each.
/// \param coords  one per sample, each `(*coord_shape, dim)`
/// \param fields  one set per sample, each field `(*loop_shape, *coord_shape)`
/// \returns       `(samples, *loop_shape, latent_size)`
template <Compressor C>
xt::xarray<typename C::value_type> compress_fields(const C& compressor, const CoordsPerSample& coords,
                                                   const std::vector<BasicFields<typename C::value_type>>& fields) {
  return compressor.compress(compressor.interpolate_to_grid(coords, fields));
}

/// Reconstructs fields on any grid: `interpolate_from_grid(reconstruct(latent), coords)`, or the cheaper
/// `reconstruct_at(latent, coords)` if the compressor has it.
/// \param latent  `(*loop_shape, latent_size)`
/// \param coords  `(*coord_shape, dim)`
/// \returns       each `(*loop_shape, *coord_shape)`
/// \throws        as these functions
template <Compressor C>
BasicFields<typename C::value_type> reconstruct_fields(const C& compressor,
                                                       const xt::xarray<typename C::value_type>& latent,
                                                       const xt::xarray<double>& coords) {
  if constexpr (requires { compressor.reconstruct_at(latent, coords); })
    return compressor.reconstruct_at(latent, coords);
  else
    return compressor.interpolate_from_grid(compressor.reconstruct(latent), coords);
}

/// Reconstructs samples on a grid each.
/// \param latent  `(samples, *loop_shape, latent_size)`
/// \param coords  one per sample, each `(*coord_shape, dim)`
template <Compressor C>
std::vector<BasicFields<typename C::value_type>> reconstruct_fields(const C& compressor,
                                                                    const xt::xarray<typename C::value_type>& latent,
                                                                    const CoordsPerSample& coords) {
  return compressor.interpolate_from_grid(compressor.reconstruct(latent), coords);
}

}  // namespace fieldfold
