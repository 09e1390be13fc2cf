#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>

#include "support/failing.hpp"
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

BOOST_FIXTURE_TEST_CASE(saving_and_loading_preserves_operators_and_damage_is_detected, Files) {
  auto points = xt::xarray<double>::from_shape({30, 1});
  for (std::size_t i = 0; i < 30; ++i) points(i, 0) = std::sqrt(static_cast<double>(i));
  xt::xarray<double> queries{0.3, 1.7, 2.2, 4.0, 5.1, 0.0};
  queries.reshape({3, 2, 1});
  const xt::xarray<double> values = xt::sin(xt::view(points, xt::all(), 0));
  for (const bool sparse : {false, true}) {
    fieldfold::Interpolation interpolation;
    if (sparse) interpolation.options.neighbors = 6;
    const fieldfold::InterpolationOperator original(points, queries, interpolation);
    fieldfold::save(path, original);
    const auto loaded = fieldfold::load_operator(path);
    BOOST_TEST((loaded.query_shape() == fieldfold::Shape{3, 2} && loaded.num_points() == 30U));
    const auto expected = original(values);
    const auto found = loaded(values);
    for (std::size_t q = 0; q < 6; ++q) BOOST_TEST(found(q) == expected(q));
    BOOST_CHECK_THROW(fieldfold::load(path), FileError);
    // A change of any byte is detected; with a matching checksum it does no harm.
    const std::string sound = content();
    for (std::size_t i = 8; i < sound.size() - 16; ++i) {
      std::string bad = sound;
      bad[i] = static_cast<char>(bad[i] ^ 0x5a);
      write(bad);
      BOOST_CHECK_THROW(fieldfold::load_operator(path), FileError);
      seal(bad);
      write(bad);
      try {
        fieldfold::load_operator(path)(values);  // other weights or points, but never out of bounds
      } catch (const FileError&) {
      } catch (const fieldfold::InvalidArgument&) {
      }
    }
  }
  fieldfold::save(path, SVD());
  BOOST_CHECK_THROW(fieldfold::load_operator(path), FileError);
}

BOOST_FIXTURE_TEST_CASE(operators_of_either_byte_order_are_read, Files) {
  // A dense operator `(2, 1)` with the weights 0.5 and -3, number by number.
  const auto bytes_of = [](char byte_order) {
    std::string bytes = "FIELDFLD";
    bytes += byte_order;
    const auto append = [&](auto number) {
      char own[sizeof(number)];
      std::memcpy(own, &number, sizeof(number));
      if (byte_order == 0) std::reverse(std::begin(own), std::end(own));
      bytes.append(own, sizeof(number));
    };
    for (const std::uint32_t number : {4U, 2U, 8U}) append(number);
    for (const std::uint64_t number : {1U, 2U}) append(number);
    append(std::uint8_t{0});
    for (const std::uint64_t number : {2U, 2U, 1U}) append(number);
    for (const double number : {0.5, -3.0}) append(number);
    bytes.append(16, '\0');
    seal(bytes);
    return bytes;
  };
  const xt::xarray<double> one = xt::ones<double>({1});
  for (const char byte_order : {'\0', '\1'}) {
    write(bytes_of(byte_order));
    const auto found = fieldfold::load_operator(path)(one);
    BOOST_TEST((found(0) == 0.5 && found(1) == -3.0));
  }
  // Any other value of the byte order is rejected.
  for (int byte_order = 2; byte_order < 256; ++byte_order) {
    std::string bytes = bytes_of(1);
    bytes[8] = static_cast<char>(byte_order);
    seal(bytes);
    write(bytes);
    BOOST_TEST(fails([&] { fieldfold::load_operator(path); }, "byte order"));
  }
}
