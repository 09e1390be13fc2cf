#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.linalg.vector;
import fieldfold.rbf.kernel;
import fieldfold.rbf.lanes;
import fieldfold.rbf.stencils;
import fieldfold.rbf.system;

#include "support/data/scattered_points.hpp"

using fieldfold::Kernel;

BOOST_AUTO_TEST_CASE(weights_of_stencils_equal_those_of_lapack_on_every_instruction_set) {
  // Sizes around those of blocks and registers; batches of one stencil, and of as many stencils as lanes.
  const auto points = scattered(400, 2);
  const auto queries = scattered(8, 2, 0.37);
  std::vector<double> smoothing(400, 0.0);
  for (std::size_t i = 0; i < 400; i += 3) smoothing[i] = 0.01;
  for (const auto set : fieldfold::instruction_sets())
    for (const Kernel kernel : {Kernel::thin_plate_spline, Kernel::gaussian, Kernel::quintic, Kernel::wendland_c4})
      for (const int degree : {-1, 2})
        for (const std::size_t size : {7U, 8U, 9U, 10U, 11U, 24U, 50U}) {
          if (degree == -1 && kernel != Kernel::gaussian && kernel != Kernel::wendland_c4) continue;
          const fieldfold::RBFModel model{kernel, 3.0, degree};
          const fieldfold::PointCloud cloud{fieldfold::as_matrix(points), smoothing, model};
          fieldfold::StencilBatch batch(cloud, fieldfold::kernel_loops(set));
          for (const std::size_t used : {std::size_t{1}, batch.lanes()}) {
            // Stencils of two sizes in one batch.
            std::vector<std::vector<std::size_t>> stencils(used);
            std::vector<std::span<const std::size_t>> views;
            std::vector<std::vector<double>> weights(used);
            std::vector<std::span<double>> weight_views;
            for (std::size_t l = 0; l < used; ++l) {
              for (std::size_t i = 0; i < size - l % 2; ++i) stencils[l].push_back(7 * l + 3 * i);
              weights[l].resize(stencils[l].size());
            }
            for (std::size_t l = 0; l < used; ++l) {
              views.emplace_back(stencils[l]);
              weight_views.emplace_back(weights[l]);
            }
            batch.factorize(views).weights({queries.data(), used, 2}, std::nullopt, weight_views, {});
            for (std::size_t l = 0; l < used; ++l) {
              auto own = xt::xarray<double>::from_shape({stencils[l].size(), std::size_t{2}});
              std::vector<double> own_smoothing;
              for (std::size_t i = 0; i < stencils[l].size(); ++i) {
                for (std::size_t axis = 0; axis < 2; ++axis) own(i, axis) = points(stencils[l][i], axis);
                own_smoothing.push_back(smoothing[stencils[l][i]]);
              }
              const fieldfold::RBFSystem system(fieldfold::as_matrix(std::as_const(own)), own_smoothing, model);
              std::vector<double> expected(stencils[l].size());
              system.weights({&queries(l, 0), 1, 2}, std::nullopt, {expected.data(), 1, expected.size()});
              // Two factorizations of one matrix differ by the rounding unit times its condition number.
              const double tolerance = 1e-14 / system.reciprocal_condition();
              if (tolerance < 1e-3)
                BOOST_TEST(relative_difference(weights[l], expected) < tolerance,
                           fieldfold::kernel_loops(set).name << " " << fieldfold::traits(kernel).name << " " << degree
                                                             << " " << size);
            }
          }
        }
}
