#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <vector>

import fieldfold.base.diagnostics;

BOOST_AUTO_TEST_CASE(warnings_reach_the_handler_until_it_is_replaced) {
  std::vector<std::string> warnings;
  const auto before =
      fieldfold::set_warning_handler([&](std::string_view sentence) { warnings.emplace_back(sentence); });
  BOOST_TEST(static_cast<bool>(before));
  fieldfold::warn("one");
  const auto ours = fieldfold::set_warning_handler({});
  fieldfold::warn("into the void");
  fieldfold::set_warning_handler(ours);
  fieldfold::warn("two");
  BOOST_TEST(warnings == (std::vector<std::string>{"one", "two"}));
  fieldfold::set_warning_handler(before);
}

BOOST_AUTO_TEST_CASE(a_handler_may_warn_and_replace_itself) {
  int calls = 0;
  const auto before = fieldfold::set_warning_handler([&](std::string_view) {
    ++calls;
    fieldfold::set_warning_handler({});
    fieldfold::warn("again");
  });
  fieldfold::warn("first");
  BOOST_TEST(calls == 1);
  fieldfold::set_warning_handler(before);
}

BOOST_AUTO_TEST_CASE(errors_are_standard_exceptions) {
  BOOST_CHECK_THROW(throw fieldfold::InvalidArgument("x"), std::invalid_argument);
  BOOST_CHECK_THROW(throw fieldfold::NotReady("x"), std::runtime_error);
  BOOST_CHECK_THROW(throw fieldfold::NumericalError("x"), std::runtime_error);
  BOOST_CHECK_THROW(throw fieldfold::FileError("x"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(messages_concatenate_and_listings_separate_by_commas) {
  BOOST_TEST(fieldfold::message("a ", 3, " b ", 1.5) == "a 3 b 1.5");
  BOOST_TEST(fieldfold::listing(std::vector<int>{1, 2, 3}) == "1, 2, 3");
  BOOST_TEST(fieldfold::listing(std::vector<int>{}).empty());
}
