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

// Which lacks a method.
static_assert(!fieldfold::Compressor<fieldfold::Compression>);

BOOST_AUTO_TEST_CASE(any_compressor_folds_and_unfolds_fields_on_any_grid) {
  const BlockMeans means({.fields = {"u", "v"}, .coords = grid(5)});
  const auto elsewhere = grid(6);
  const auto fields = linear_fields(elsewhere, 3);
  const auto latent = fieldfold::compress_fields(means, elsewhere, fields);
  BOOST_TEST(shape_of(latent) == (Shape{3, 25}));
  // u and v lie beside each other, so what is left of both is their mean.
  const auto unfolded = fieldfold::reconstruct_fields(means, latent, elsewhere);
  const xt::xarray<double> mean = (fields.at("u") + fields.at("v")) / 2.0;
  BOOST_TEST(relative_difference(unfolded.at("u"), mean) < 1e-13);
  BOOST_TEST(relative_difference(unfolded.at("v"), mean) < 1e-13);
  const auto per_sample = fieldfold::compress_fields(means, fieldfold::CoordsPerSample{elsewhere}, {fields});
  BOOST_TEST(relative_difference(xt::xarray<double>(xt::view(per_sample, 0)), latent) == 0.0);
  BOOST_TEST(fieldfold::reconstruct_fields(means, per_sample, fieldfold::CoordsPerSample{elsewhere}).size() == 1U);
}
