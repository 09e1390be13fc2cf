#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.npy;

namespace {

/// An .npy file as numpy writes it, assembled by hand.
std::string npy(const std::string& description, const std::string& data, char version = 1) {
  std::string text = description;
  const std::size_t lead = version == 1 ? 10 : 12;
  text.append(63 - (lead + text.size()) % 64, ' ');
  text += '\n';
  std::string file = "\x93NUMPY";
  file += version;
  file += '\0';
  for (std::size_t i = 0; i < lead - 8; ++i) file += static_cast<char>(text.size() >> (8 * i) & 0xff);
  return file + text + data;
}

template <class T>
std::string bytes_of(const std::vector<T>& numbers) {
  std::string bytes(numbers.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

struct Files {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path / "a.npy";

  void write(const std::string& content) const { std::ofstream(path, std::ios::binary) << content; }

  std::string error_for(const std::string& content) const {
    write(content);
    try {
      fieldfold::load_npy(path);
    } catch (const fieldfold::FileError& error) {
      return error.what();
    }
    return "";
  }
};

const std::string six_doubles = bytes_of<double>({1, 2, 3, 4, 5, 6});

}  // namespace

BOOST_FIXTURE_TEST_CASE(files_of_numpy_are_read, Files) {
  write(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", six_doubles));
  BOOST_TEST((fieldfold::load_npy(path) == xt::xarray<double>{{1, 2, 3}, {4, 5, 6}}));
  write(npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }", six_doubles));
  BOOST_TEST((fieldfold::load_npy(path) == xt::xarray<double>{{1, 3, 5}, {2, 4, 6}}));
  write(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", bytes_of<float>({1.5F, -2.5F}), 2));
  BOOST_TEST((fieldfold::load_npy(path) == xt::xarray<double>{1.5, -2.5}));
  BOOST_TEST((fieldfold::load_npy<float>(path) == xt::xarray<float>{1.5F, -2.5F}));
  // Integers are converted to the requested type.
  write(npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", bytes_of<std::int32_t>({-7, 9})));
  BOOST_TEST((fieldfold::load_npy(path) == xt::xarray<double>{-7, 9}));
  BOOST_TEST((fieldfold::load_npy<float>(path) == xt::xarray<float>{-7.0F, 9.0F}));
  write(npy("{'descr': '<u4', 'fortran_order': False, 'shape': (1,), }", bytes_of<std::uint32_t>({4000000000U})));
  BOOST_TEST(fieldfold::load_npy(path)(0) == 4e9);
  write(npy("{'descr': '<i8', 'fortran_order': True, 'shape': (1, 2), }", bytes_of<std::int64_t>({-(1LL << 40), 3})));
  BOOST_TEST((fieldfold::load_npy(path) == xt::xarray<double>{{-1099511627776.0, 3.0}}));
  double second = 0.0;
  fieldfold::NpyFile(path).read(1, 1, &second);
  BOOST_TEST(second == 3.0);
  write(npy("{'descr': \"<f8\", 'fortran_order': False, 'shape': (), }", bytes_of<double>({7})));
  BOOST_TEST(fieldfold::load_npy(path)() == 7.0);
  write(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 0), }", ""));
  BOOST_TEST(fieldfold::load_npy(path).size() == 0U);
}

BOOST_FIXTURE_TEST_CASE(every_number_type_of_numpy_is_read, Files) {
  const auto expect = [&](const std::string& type, const std::string& bytes, const xt::xarray<double>& numbers) {
    write(npy("{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + std::to_string(numbers.size()) + ",), }",
              bytes));
    BOOST_TEST((fieldfold::load_npy(path) == numbers), type);
    double last = 0.0;
    fieldfold::NpyFile(path).read(numbers.size() - 1, 1, &last);
    BOOST_TEST(last == numbers(numbers.size() - 1), type);
  };
  const auto reversed = [](std::string bytes, std::size_t size) {
    for (std::size_t i = 0; i < bytes.size(); i += size)
      std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                   bytes.begin() + static_cast<std::ptrdiff_t>(i + size));
    return bytes;
  };
  expect("|b1", bytes_of<std::uint8_t>({0, 1, 1}), {0, 1, 1});
  expect("|i1", bytes_of<std::int8_t>({-128, 127}), {-128, 127});
  expect("|u1", bytes_of<std::uint8_t>({255}), {255});
  expect("<i2", bytes_of<std::int16_t>({-32768, 5}), {-32768, 5});
  expect("<u2", bytes_of<std::uint16_t>({65535}), {65535});
  expect("<u8", bytes_of<std::uint64_t>({1ULL << 50}), {1125899906842624.0});
  expect(">i4", reversed(bytes_of<std::int32_t>({-7, 9}), 4), {-7, 9});
  expect(">f4", reversed(bytes_of<float>({1.5F, -2.5F}), 4), {1.5, -2.5});
  expect(">f8", reversed(bytes_of<double>({0.1, -3e300}), 8), {0.1, -3e300});
  // IEEE 754 binary16: 1.5, -2, the largest number, the smallest normal and subnormal ones, and -0.
  const std::vector<std::uint16_t> halves{0x3e00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000};
  const xt::xarray<double> numbers{1.5, -2.0, 65504.0, 0x1p-14, 0x1p-24, 0.0};
  expect("<f2", bytes_of<std::uint16_t>(halves), numbers);
  expect(">f2", reversed(bytes_of<std::uint16_t>(halves), 2), numbers);
}

BOOST_FIXTURE_TEST_CASE(files_equal_those_of_numpy, Files) {
  fieldfold::save_npy(path, xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  std::ifstream in(path, std::ios::binary);
  const std::string written(std::istreambuf_iterator<char>(in), {});
  BOOST_TEST(written == npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", six_doubles));
  fieldfold::save_npy(path, xt::xarray<int>{-7, 9});
  BOOST_TEST(fieldfold::read_npy_header(path).kind == 'i');
  BOOST_TEST((fieldfold::load_npy(path) == xt::xarray<double>{-7, 9}));
  fieldfold::save_npy(path, xt::xarray<float>{1.5F});
  BOOST_TEST((fieldfold::load_npy<float>(path) == xt::xarray<float>{1.5F}));
  BOOST_TEST(fieldfold::read_npy_header(path).scalar_size == 4U);
}

BOOST_FIXTURE_TEST_CASE(expressions_are_saved_in_their_own_precision, Files) {
  const xt::xarray<double> array{{1, 2, 3}, {4, 5, 6}};
  fieldfold::save_npy(path, xt::view(2.0 * array, 1));
  BOOST_TEST((fieldfold::load_npy(path) == xt::xarray<double>{8, 10, 12}));
  const xt::xarray<float> singles{1.5F, 2.5F};
  fieldfold::save_npy(path, singles + singles);
  BOOST_TEST(fieldfold::read_npy_header(path).scalar_size == 4U);
}

BOOST_FIXTURE_TEST_CASE(malformed_and_unsupported_files_are_rejected, Files) {
  const std::string good = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";
  const auto expect_part = [](const std::string& what, const std::string& part) {
    BOOST_TEST(what.find(part) != std::string::npos, "expected \"" << part << "\" in \"" << what << "\"");
  };
  expect_part(error_for(npy(good, six_doubles.substr(1))), "does not fit the 47 bytes");
  expect_part(error_for(npy(good, six_doubles + "x")), "does not fit the 49 bytes");
  expect_part(
      error_for(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", six_doubles)),
      "does not fit");
  expect_part(
      error_for(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }", six_doubles)),
      "malformed");
  // Empty, but with distances that cannot be represented.
  for (const std::string shape :
       {"(0, 1844674407370955161, 8)", "(4611686018427387904, 0, 4)", "(8, 9223372036854775807, 0)"})
    expect_part(error_for(npy("{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }", "")),
                "does not fit");
  expect_part(error_for(npy("{'descr': '<f16', 'fortran_order': False, 'shape': (3,), }", six_doubles)), "got <f16");
  expect_part(error_for(npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (6,), }", six_doubles)),
              "got a structured type");
  expect_part(error_for(npy("{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3), }", six_doubles)), "got <c8");
  expect_part(error_for(npy("{'descr': '<f8', 'shape': (2, 3), }", six_doubles)), "malformed");
  expect_part(error_for(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, -3), }", six_doubles)), "malformed");
  expect_part(error_for("not an array"), "is not an .npy file");
  expect_part(error_for(""), "is not an .npy file");
  expect_part(error_for(npy(good, "").substr(0, 40)), "ends within its header");
  BOOST_CHECK_THROW(fieldfold::load_npy(folder.path / "missing.npy"), fieldfold::FileError);
  BOOST_CHECK_THROW(fieldfold::load_npy(folder.path), fieldfold::FileError);
}
