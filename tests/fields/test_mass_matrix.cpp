#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.mass_matrix;
import fieldfold.rows.source;
import fieldfold.rows.store;

using fieldfold::as_matrix;
using fieldfold::DecompositionMethod;
using fieldfold::MassMatrix;

BOOST_AUTO_TEST_CASE(triplets_of_the_same_entry_are_summed) {
  const MassMatrix mass(2, xt::xarray<int>{0, 1, 0, 1, 0}, xt::xarray<int>{0, 1, 1, 0, 0},
                        xt::xarray<double>{1.0, 3.0, 0.5, 0.5, 1.0});
  const xt::xarray<double> values{{1.0, 10.0}, {2.0, 20.0}};
  auto product = xt::xarray<double>::from_shape({2, 2});
  mass.multiply(as_matrix(values), as_matrix(product));
  BOOST_TEST((product == xt::xarray<double>{{3.0, 30.0}, {6.5, 65.0}}));
  BOOST_TEST((mass.row_sums() == xt::xarray<double>{2.5, 3.5}));
  BOOST_TEST(mass.sparse() != nullptr);
}

BOOST_AUTO_TEST_CASE(matrices_that_define_no_inner_product_are_rejected) {
  const auto fails = [](const xt::xarray<double>& rows, const xt::xarray<double>& columns,
                        const xt::xarray<double>& values, const std::string& part) {
    BOOST_CHECK_EXCEPTION(MassMatrix(2, rows, columns, values), fieldfold::InvalidArgument,
                          [&](const auto& error) { return std::string(error.what()).find(part) != std::string::npos; });
  };
  const double infinity = std::numeric_limits<double>::infinity();
  fails({0.0, 1.0}, {0.0, 1.0}, {1.0}, "rows, columns and values of one length, got 2, 2 and 1");
  fails({0.0, 1.0, 0.0, 1.0}, {0.0, 1.0, 1.0, 0.0}, {1.0, 1.0, 2.0, 2.0},
        "got 2 at (0, 1), not below the geometric mean");
  fails({0.0}, {0.0}, {1.0}, "one on the diagonal for each of the 2 points, got 1");
  fails({0.0, 2.0}, {0.0, 1.0}, {1.0, 1.0}, "rows: expected whole numbers below num_pts = 2, got 2");
  fails({0.0, 1.0}, {0.0, -1.0}, {1.0, 1.0}, "columns: expected whole numbers");
  fails({0.0, 0.5}, {0.0, 1.0}, {1.0, 1.0}, "rows: expected whole numbers");
  fails({0.0, 0.0}, {0.0, 0.0}, {1.0, 1.0}, "expected a positive definite matrix, got 0 on its diagonal, at point 1");
  fails({0.0, 1.0, 0.0}, {0.0, 1.0, 1.0}, {1.0, 1.0, 0.5}, "expected a symmetric matrix, got 0.5 at (0, 1) and 0");
  fails({0.0, 1.0, 0.0, 1.0}, {0.0, 1.0, 1.0, 0.0}, {1.0, 1.0, infinity, infinity}, "expected finite entries");
  BOOST_CHECK_THROW(MassMatrix(0, [](auto, auto) {}), fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(an_indefinite_matrix_with_positive_2_x_2_minors_is_rejected) {
  // 1 on the diagonal and -0.6 elsewhere: the smallest eigenvalue is 1 - 1.2.
  std::vector<double> rows;
  std::vector<double> columns;
  std::vector<double> values;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      rows.push_back(i);
      columns.push_back(j);
      values.push_back(i == j ? 1.0 : -0.6);
    }
  const fieldfold::Shape shape{9};
  BOOST_CHECK_THROW(MassMatrix(3, xt::adapt(rows, shape), xt::adapt(columns, shape), xt::adapt(values, shape)),
                    fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(an_indefinite_function_is_an_error_where_snapshots_show_it) {
  // The eigenvalues are 1 - 2 and 1 + 2.
  const MassMatrix mass(2, [](std::span<const double> x, std::span<double> y) {
    y[0] = x[0] + 2.0 * x[1];
    y[1] = 2.0 * x[0] + x[1];
  });
  const auto inner_product = mass.scaled_inner_product<double>(1);
  const xt::xarray<double> matrix{{1.0, 0.5}, {-1.0, 1.0}};
  for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch}) {
    fieldfold::ArrayStore<double> basis;
    BOOST_CHECK_THROW(
        fieldfold::decompose<double>(fieldfold::MatrixRows<double>(as_matrix(matrix)),
                                     {.choose_rank = [](const auto&) { return fieldfold::RankChoice{1, 1.0}; },
                                      .method = method,
                                      .inner_product = inner_product.get()},
                                     basis),
        fieldfold::NumericalError);
  }
}
