#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.any;
import fieldfold.compression.compressor;
import fieldfold.compression.grid;
import fieldfold.pod.svd;

#include "support/block_means.hpp"

namespace {

using fieldfold::AnyCompressor;

const xt::xarray<double> line{0.0, 1.0, 2.0, 3.0};

xt::xarray<double> snapshots() {
  auto matrix = xt::xarray<double>::from_shape({4, 6});
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 6; ++j) matrix(i, j) = std::sin(static_cast<double>(1 + i * j)) + 2.0;
  return matrix;
}

}  // namespace

static_assert(fieldfold::Compressor<AnyCompressor>);

BOOST_AUTO_TEST_CASE(any_compressor_equals_the_compressor_inside) {
  const BlockMeans means({.fields = {"f"}, .coords = line});
  const AnyCompressor any = means;
  const xt::xarray<double> states{{1.0, 3.0, 5.0, 7.0}};
  BOOST_TEST(any.map_exists());
  BOOST_TEST(any.dof() == 4U);
  BOOST_TEST(any.latent_size() == 2U);
  BOOST_TEST(any.estimate_latent_ranges().size() == 2U);
  BOOST_TEST((any.compress(states) == xt::xarray<double>{{2.0, 6.0}}));
  BOOST_TEST((any.reconstruct(any.compress(states)) == xt::xarray<double>{{2.0, 2.0, 6.0, 6.0}}));
  const auto fields = fieldfold::reconstruct_fields(any, any.compress(states), line);
  BOOST_TEST((fields.at("f") == xt::xarray<double>{{2.0, 2.0, 6.0, 6.0}}));
  BOOST_TEST((fieldfold::compress_fields(any, line, fields) == any.compress(states)));
}

BOOST_AUTO_TEST_CASE(each_sample_may_have_its_own_grid) {
  const AnyCompressor any = BlockMeans({.fields = {"f"}, .coords = line});
  const fieldfold::Fields sample{{"f", {1.0, 3.0, 5.0, 7.0}}};
  const auto latent = fieldfold::compress_fields(any, fieldfold::CoordsPerSample{line, {}}, {sample, {}});
  BOOST_TEST(latent(0, 1) == 6.0);
  const auto fields = fieldfold::reconstruct_fields(any, latent, fieldfold::CoordsPerSample{line, line});
  BOOST_TEST((fields[0].at("f") == xt::xarray<double>{2.0, 2.0, 6.0, 6.0}));
}

BOOST_AUTO_TEST_CASE(target_returns_the_compressor_of_the_given_type) {
  AnyCompressor any = fieldfold::SVD();
  BOOST_TEST((any.target<fieldfold::SVD>() != nullptr));
  BOOST_TEST((any.target<BlockMeans>() == nullptr));
  BOOST_TEST((std::as_const(any).target<fieldfold::BasicSVD<float>>() == nullptr));
  any.target<fieldfold::SVD>()->compute_map(snapshots(), {.rank = 2});
  BOOST_TEST(any.latent_size() == 2U);
}

BOOST_AUTO_TEST_CASE(copies_are_independent) {
  AnyCompressor any = fieldfold::SVD({}, {.rule = {.rank = 1}});
  AnyCompressor copy = any;
  any.compute_map(snapshots());
  BOOST_TEST(any.map_exists());
  BOOST_TEST(!copy.map_exists());
  copy = any;
  BOOST_TEST(copy.latent_size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_single_precision_compressor_takes_double_precision) {
  fieldfold::BasicSVD<float> single({.fields = {"f"}, .coords = line}, {.rule = {.rank = 2}});
  AnyCompressor any = single;
  any.compute_map(fieldfold::Fields{{"f", xt::transpose(snapshots())}});
  single.compute_map(xt::xarray<float>(xt::cast<float>(snapshots())));
  const xt::xarray<double> states = xt::transpose(snapshots());
  BOOST_TEST(relative_difference(any.compress(states), single.compress(xt::xarray<float>(xt::cast<float>(states)))) <
             1e-6);
}

BOOST_AUTO_TEST_CASE(learning_is_an_error_for_compressors_that_do_not_learn) {
  AnyCompressor any = BlockMeans({.coords = line});
  BOOST_CHECK_THROW(any.compute_map(snapshots()), fieldfold::InvalidArgument);
}
