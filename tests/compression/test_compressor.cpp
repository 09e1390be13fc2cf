#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <utility>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.compression.compressor;
import fieldfold.compression.grid;

#include "support/block_means.hpp"
#include "support/data/linear_fields.hpp"

using fieldfold::Shape;

// `Compression` alone has no method of compression.
static_assert(!fieldfold::Compressor<fieldfold::Compression>);

BOOST_AUTO_TEST_CASE(any_compressor_compresses_and_reconstructs_fields_on_other_grids) {
  const BlockMeans means({.fields = {"u", "v"}, .coords = grid(5)});
  const auto elsewhere = grid(6);
  const auto fields = linear_fields(elsewhere, 3);
  const auto latent = fieldfold::compress_fields(means, elsewhere, fields);
  BOOST_TEST(shape_of(latent) == (Shape{3, 25}));
  // u and v are adjacent in a state, so both are reconstructed as their mean.
  const auto reconstructed = fieldfold::reconstruct_fields(means, latent, elsewhere);
  const xt::xarray<double> mean = (fields.at("u") + fields.at("v")) / 2.0;
  BOOST_TEST(relative_difference(reconstructed.at("u"), mean) < 1e-13);
  BOOST_TEST(relative_difference(reconstructed.at("v"), mean) < 1e-13);
  const auto per_sample = fieldfold::compress_fields(means, fieldfold::CoordsPerSample{elsewhere}, {fields});
  BOOST_TEST(relative_difference(xt::xarray<double>(xt::view(per_sample, 0)), latent) == 0.0);
  BOOST_TEST(fieldfold::reconstruct_fields(means, per_sample, fieldfold::CoordsPerSample{elsewhere}).size() == 1U);
}
