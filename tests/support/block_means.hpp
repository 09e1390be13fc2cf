#pragma once

// A compressor other than the SVD. Include after the imports of fieldfold.base.arrays, fieldfold.compression.compressor
// and fieldfold.compression.grid.

/// Compresses a state to the means of consecutive pairs, and reconstructs both entries of a pair by their mean.
class BlockMeans : public fieldfold::Compression {
 public:
  explicit BlockMeans(fieldfold::CompressionOptions options) : fieldfold::Compression(std::move(options)) {}

  bool map_exists() const { return true; }
  std::size_t latent_size() const { return dof() / 2; }
  fieldfold::LatentRanges estimate_latent_ranges() const { return {latent_size(), {-1.0, 1.0}}; }

  xt::xarray<double> compress(const xt::xarray<double>& states) const {
    const auto [loop_shape, rows] = fieldfold::split_loop(fieldfold::ArrayRef<double>(states), {dof()}, "states");
    auto latent = xt::xarray<double>::from_shape(fieldfold::joined(loop_shape, {latent_size()}));
    const auto means = fieldfold::as_matrix(latent, rows.rows, latent_size());
    for (std::size_t i = 0; i < rows.rows; ++i)
      for (std::size_t j = 0; j < latent_size(); ++j) means(i, j) = (rows(i, 2 * j) + rows(i, 2 * j + 1)) / 2.0;
    return latent;
  }

  xt::xarray<double> reconstruct(const xt::xarray<double>& latent) const {
    const auto [loop_shape, rows] =
        fieldfold::split_loop(fieldfold::ArrayRef<double>(latent), {latent_size()}, "latent");
    auto states = xt::xarray<double>::from_shape(fieldfold::joined(loop_shape, {dof()}));
    const auto pairs = fieldfold::as_matrix(states, rows.rows, dof());
    for (std::size_t i = 0; i < rows.rows; ++i)
      for (std::size_t j = 0; j < dof(); ++j) pairs(i, j) = rows(i, j / 2);
    return states;
  }
};

static_assert(fieldfold::Compressor<BlockMeans>);
