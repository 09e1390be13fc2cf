// The thin plate spline of ALGLIB as a contender of interpolation_peers.py. It takes the arguments of
// bench_interpolation, with the method `global` and one thread only, the limit of the free edition.

#include <libalglib/interpolation.h>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "contender.hpp"

import fieldfold.base.arrays;
import fieldfold.base.npy;

int main(int argc, char** argv) try {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 7 || arguments[0] != "global" || arguments[4] != "1") {
    std::fputs("usage: bench_alglib global POINTS.npy VALUES.npy QUERIES.npy 1 REPEATS RESULTS.npy\n", stderr);
    return 2;
  }
  const xt::xarray<double> points = fieldfold::load_npy(arguments[1]);
  const xt::xarray<double> values = fieldfold::load_npy(arguments[2]);
  const xt::xarray<double> queries = fieldfold::load_npy(arguments[3]);
  const auto dim = static_cast<alglib::ae_int_t>(points.shape(1));
  const auto columns = static_cast<alglib::ae_int_t>(values.shape(1));
  const xt::xarray<double> rows = xt::concatenate(xt::xtuple(points, values), 1);
  alglib::real_2d_array table;
  table.setcontent(static_cast<alglib::ae_int_t>(rows.shape(0)), dim + columns, rows.data());

  auto results = xt::xarray<double>::from_shape({queries.shape(0), values.shape(1)});
  build_and_apply(
      std::stoi(arguments[5]),
      [&] {
        alglib::rbfmodel model;
        alglib::rbfcreate(dim, columns, model);
        alglib::rbfsetpoints(model, table);
        alglib::rbfsetalgothinplatespline(model);
        alglib::rbfreport report;
        alglib::rbfbuildmodel(model, report);
        return model;
      },
      [&](const alglib::rbfmodel& model) {
        alglib::real_1d_array query;
        alglib::real_1d_array found;
        for (std::size_t q = 0; q < queries.shape(0); ++q) {
          query.setcontent(dim, &queries(q, 0));
          alglib::rbfcalcbuf(model, query, found);
          for (std::size_t s = 0; s < values.shape(1); ++s) results(q, s) = found[static_cast<alglib::ae_int_t>(s)];
        }
      });
  fieldfold::save_npy(arguments[6], results);
  return 0;
} catch (const alglib::ap_error& error) {
  std::fprintf(stderr, "bench_alglib: error: %s\n", error.msg.c_str());
  return 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_alglib: error: %s\n", error.what());
  return 1;
}
