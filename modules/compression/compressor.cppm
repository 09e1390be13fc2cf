module;

#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

/// The concept of a compressor, and functions of all compressors.
export module fieldfold.compression.compressor;

import fieldfold.base.arrays;

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

/// Unfolds latent coefficients onto any grid: `interpolate_from_grid(reconstruct(latent), coords)`, or
/// `reconstruct_at(latent, coords)` of a compressor that has it at less cost.
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
