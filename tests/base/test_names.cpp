#include <boost/test/unit_test.hpp>

import fieldfold.base.names;

BOOST_AUTO_TEST_CASE(the_nearest_name_has_the_fewest_edits) {
  using fieldfold::nearest_name;
  BOOST_TEST(*nearest_name("feild", {"fold", "field", "yield"}) == "field");  // a transposition is one edit
  BOOST_TEST(*nearest_name("runh5", {"run.h5", "rum.h6"}) == "run.h5");
  BOOST_TEST(!nearest_name("temperature", {"p", "U"}));
  BOOST_TEST(fieldfold::unknown_name("q", "a field", {"pressure", "velocity"}) ==
             "q is not a field; expected pressure or velocity");
}
