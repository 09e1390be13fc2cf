#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <string>

#include "support/fold_file.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.files.map;
import fieldfold.files.operators;
import fieldfold.interpolation.method;
import fieldfold.interpolation.operators;
import fieldfold.pod.svd;

using fieldfold::FileError;
using fieldfold::SVD;

BOOST_FIXTURE_TEST_CASE(operators_come_back_or_are_refused, Files) {
  auto points = xt::xarray<double>::from_shape({30, 1});
  for (std::size_t i = 0; i < 30; ++i) points(i, 0) = std::sqrt(static_cast<double>(i));
  xt::xarray<double> queries{0.3, 1.7, 2.2, 4.0, 5.1, 0.0};
  queries.reshape({3, 2, 1});
  const xt::xarray<double> values = xt::sin(xt::view(points, xt::all(), 0));
  for (const bool sparse : {false, true}) {
    fieldfold::Interpolation interpolation;
    if (sparse) interpolation.options.neighbors = 6;
    const fieldfold::InterpolationOperator made(points, queries, interpolation);
    fieldfold::save(path, made);
    const auto loaded = fieldfold::load_operator(path);
    BOOST_TEST((loaded.query_shape() == fieldfold::Shape{3, 2} && loaded.num_points() == 30U));
    const auto expected = made(values);
    const auto found = loaded(values);
    for (std::size_t q = 0; q < 6; ++q) BOOST_TEST(found(q) == expected(q));
    BOOST_CHECK_THROW(fieldfold::load(path), FileError);
    // Every byte counts, also where the checksum has been made to fit.
    const std::string sound = content();
    for (std::size_t i = 8; i < sound.size() - 16; ++i) {
      std::string bad = sound;
      bad[i] = static_cast<char>(bad[i] ^ 0x5a);
      write(bad);
      BOOST_CHECK_THROW(fieldfold::load_operator(path), FileError);
      seal(bad);
      write(bad);
      try {
        fieldfold::load_operator(path)(values);  // other weights, or other points: nothing out of bounds
      } catch (const FileError&) {
      } catch (const fieldfold::InvalidArgument&) {
      }
    }
  }
  fieldfold::save(path, SVD());
  BOOST_CHECK_THROW(fieldfold::load_operator(path), FileError);
}
