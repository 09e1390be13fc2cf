#include <boost/test/unit_test.hpp>

#include <cstddef>

import fieldfold.base.memory;

BOOST_AUTO_TEST_CASE(available_memory_is_that_of_a_machine) {
  // Between a megabyte and a petabyte.
  BOOST_TEST(fieldfold::available_memory() > std::size_t{1} << 20);
  BOOST_TEST(fieldfold::available_memory() < std::size_t{1} << 50);
}

BOOST_AUTO_TEST_CASE(bytes_are_shown_with_two_or_three_digits) {
  BOOST_TEST(fieldfold::bytes_text(999) == "999 bytes");
  BOOST_TEST(fieldfold::bytes_text(1500) == "1.5 kB");
  BOOST_TEST(fieldfold::bytes_text(123456789) == "123 MB");
  BOOST_TEST(fieldfold::bytes_text(28800000000) == "29 GB");
}
