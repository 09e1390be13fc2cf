// What maps are used for, with points distributed among ranks, is that of one process.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.compression.compressor;
import fieldfold.compression.grid;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.options;
import fieldfold.pod.map;
import fieldfold.pod.merging;
import fieldfold.pod.sensors;
import fieldfold.pod.svd;
import fieldfold.pod.validation;
import fieldfold.rows.source;

#include "support/error_of.hpp"
#include "support/ranks_as_threads.hpp"

#include "mpi/snapshots.hpp"

using fieldfold::BasicSVD;
using fieldfold::CompressionOptions;
using fieldfold::MassMatrix;
using fieldfold::SVDOptions;

BOOST_AUTO_TEST_CASE(products_with_a_distributed_mass_matrix_are_those_of_the_whole) {
  // Points in an order in which neighbors are far apart.
  constexpr std::size_t points = 1200;
  const auto scattered = [](double point) { return static_cast<double>(static_cast<std::size_t>(point) * 7 % points); };
  Elements all(points, 0, points);
  std::ranges::transform(all.rows, all.rows.begin(), scattered);
  std::ranges::transform(all.columns, all.columns.begin(), scattered);
  const MassMatrix whole(points, array_of(all.rows), array_of(all.columns), array_of(all.values));
  auto x = xt::xarray<double>::from_shape({points, 3});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = std::sin(static_cast<double>(i));
  auto y = xt::xarray<double>::from_shape({points, 3});
  whole.multiply(fieldfold::as_matrix(std::as_const(x)), fieldfold::as_matrix(y));
  std::vector<double> differences(4);
  on_ranks(4, [&](std::shared_ptr<const ThreadRank> rank) {
    const auto first = shares_of(points, 4);
    const std::size_t begin = first[rank->rank()];
    const std::size_t end = first[rank->rank() + 1];
    // Each rank has any fourth of the triplets.
    std::vector<double> rows;
    std::vector<double> columns;
    std::vector<double> values;
    for (std::size_t e = rank->rank(); e < all.rows.size(); e += 4) {
      rows.push_back(all.rows[e]);
      columns.push_back(all.columns[e]);
      values.push_back(all.values[e]);
    }
    const MassMatrix own(rank, end - begin, array_of(rows), array_of(columns), array_of(values));
    const auto own_x = rows_of(x, begin, end);
    auto own_y = xt::xarray<double>::from_shape({end - begin, 3});
    own.multiply(fieldfold::as_matrix(own_x), fieldfold::as_matrix(own_y));
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t k = 0; k < 3; ++k)
        differences[rank->rank()] = std::max(differences[rank->rank()], std::abs(own_y(i - begin, k) - y(i, k)));
  });
  BOOST_TEST(*std::ranges::max_element(differences) <= 1e-14);
}

BOOST_AUTO_TEST_CASE(mass_matrices_that_are_not_symmetric_across_ranks_are_refused) {
  for (const double there : {0.0, 0.3}) {
    std::vector<std::string> errors(2);
    on_ranks(2, [&](std::shared_ptr<const ThreadRank> rank) {
      // Points 0 and 1 on rank 0, 2 and 3 on rank 1; the entry (1, 2) is not that of (2, 1).
      std::vector<double> rows{0, 1, 2, 3, 1};
      std::vector<double> columns{0, 1, 2, 3, 2};
      std::vector<double> values{1, 1, 1, 1, 0.25};
      if (there > 0.0) {
        rows.push_back(2);
        columns.push_back(1);
        values.push_back(there);
      }
      if (rank->rank() == 1) rows = columns = values = {};
      errors[rank->rank()] =
          error_of([&] { MassMatrix(rank, 2, array_of(rows), array_of(columns), array_of(values)); });
    });
    BOOST_TEST(errors[0].starts_with("mass: expected a symmetric matrix"));
    BOOST_TEST(errors[1] == errors[0]);
  }
}

BOOST_AUTO_TEST_CASE(errors_on_other_snapshots_and_angles_between_maps_are_those_of_all_points) {
  const auto snapshots = snapshots_of(61, 12);
  auto others = snapshots_of(61, 9);
  others(7, 3) = missing;
  SVDOptions options = of_rank(4);
  options.field_opts.center = true;
  BasicSVD<double> alone({.fields = {"u", "p"}}, options);
  alone.compute_map(snapshots);
  BasicSVD<double> smaller({.fields = {"u", "p"}}, of_rank(2));
  smaller.compute_map(others);
  const auto expected =
      fieldfold::projection_errors(alone, fieldfold::MatrixRows<double>(fieldfold::as_matrix(std::as_const(others))));
  const auto angles = fieldfold::principal_angles(alone, smaller);
  for (const std::size_t ranks : {1U, 3U, 4U}) {
    std::vector<fieldfold::SnapshotErrors> found(ranks);
    std::vector<xt::xarray<double>> found_angles(ranks);
    std::vector<std::string> refusals(ranks);
    std::vector<std::size_t> kept(ranks);
    on_ranks(ranks, [&](std::shared_ptr<const ThreadRank> rank) {
      const auto first = shares_of(61, ranks);
      const auto own = [&](const xt::xarray<double>& matrix) {
        return rows_of(matrix, 2 * first[rank->rank()], 2 * first[rank->rank() + 1]);
      };
      const CompressionOptions grid{.fields = {"u", "p"}, .communicator = rank};
      BasicSVD<double> svd(grid, options);
      svd.compute_map(own(snapshots));
      BasicSVD<double> second(grid, of_rank(2));
      second.compute_map(own(others));
      const auto part = own(others);
      found[rank->rank()] =
          fieldfold::projection_errors(svd, fieldfold::MatrixRows<double>(fieldfold::as_matrix(part)));
      found_angles[rank->rank()] = fieldfold::principal_angles(svd, second);
      kept[rank->rank()] = fieldfold::truncated(svd, {.rank = 2}).rank();
      refusals[rank->rank()] = error_of([&] { fieldfold::merged(svd, svd); });
    });
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      BOOST_TEST(difference(found[rank].snapshot_fields, expected.snapshot_fields) <= 1e-11);
      BOOST_TEST(difference(found_angles[rank], angles) <= 1e-11);
      BOOST_TEST(kept[rank] == 2U);
      BOOST_TEST(refusals[rank].starts_with("communicator: expected none"));
    }
  }
}

BOOST_AUTO_TEST_CASE(sensors_are_the_same_rows) {
  BasicSVD<double> alone({.fields = {"u", "p"}}, of_rank(4));
  alone.compute_map(snapshots_of(61, 12));
  for (const std::size_t count : {4U, 7U}) {
    const auto expected = fieldfold::sensors(alone.projection_matrix(), count);
    for (const std::size_t ranks : {1U, 3U, 4U}) {
      std::vector<std::vector<std::size_t>> found(ranks);
      std::vector<double> amplification(ranks);
      on_ranks(ranks, [&](std::shared_ptr<const ThreadRank> rank) {
        const auto first = shares_of(61, ranks);
        const auto own = rows_of(alone.projection_matrix(), 2 * first[rank->rank()], 2 * first[rank->rank() + 1]);
        const fieldfold::RowPartition partition(*rank, own.shape(0));
        found[rank->rank()] = fieldfold::sensors(own, count, partition);
        amplification[rank->rank()] = fieldfold::noise_amplification(own, expected, partition);
      });
      for (std::size_t rank = 0; rank < ranks; ++rank) {
        BOOST_TEST(found[rank] == expected, boost::test_tools::per_element());
        BOOST_TEST(std::abs(amplification[rank] -
                            fieldfold::noise_amplification(alone.projection_matrix(), expected)) <= 1e-12);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(masked_points_are_those_of_all_ranks) {
  auto snapshots = snapshots_of(61, 12);
  for (std::size_t j = 0; j < 12; ++j)
    for (const std::size_t row : {4U, 5U, 30U, 31U, 77U, 121U}) snapshots(row, j) = missing;
  SVDOptions options = of_rank(4);
  options.field_opts.mask = fieldfold::Mask::automatic;
  options.field_opts.center = true;
  const CompressionOptions grid{.fields = {"u", "p"}};
  BasicSVD<double> alone(grid, options);
  alone.compute_map(snapshots);
  std::vector<xt::xarray<double>> values(3);
  std::vector<xt::xarray<double>> modes(3);
  const auto first = shares_of(61, 3);
  on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) {
    CompressionOptions own = grid;
    own.communicator = rank;
    BasicSVD<double> svd(own, options);
    svd.compute_map(rows_of(snapshots, 2 * first[rank->rank()], 2 * first[rank->rank() + 1]));
    values[rank->rank()] = svd.singular_values();
    modes[rank->rank()] = svd.projection_matrix();
  });
  for (std::size_t rank = 0; rank < 3; ++rank) {
    BOOST_TEST(difference(values[rank], alone.singular_values()) <= 1e-12 * alone.singular_values()(0));
    const auto part = rows_of(alone.projection_matrix(), 2 * first[rank], 2 * first[rank + 1]);
    BOOST_TEST(difference(modes[rank], part) <= 1e-11);
  }
}

BOOST_AUTO_TEST_CASE(a_failure_outside_of_a_nested_call_is_shared_once) {
  std::vector<std::string> errors(3);
  on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) {
    errors[rank->rank()] = error_of([&] {
      rank->together([&] {
        if (rank->rank() == 1) throw fieldfold::InvalidArgument("before the others");
        BasicSVD<double> svd({.communicator = rank}, of_rank(1));
        svd.compute_map(xt::xarray<double>(xt::ones<double>({4, 3})));
      });
    });
  });
  for (const auto& error : errors) BOOST_TEST(error == "before the others");
}

BOOST_AUTO_TEST_CASE(options_of_one_rank_that_do_not_fit_are_an_error_on_all) {
  const auto snapshots = snapshots_of(61, 12);
  const auto error_with = [&](const std::function<void(std::shared_ptr<const ThreadRank>)>& work) {
    std::vector<std::string> errors(3);
    on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) { errors[rank->rank()] = error_of([&] { work(rank); }); });
    for (const auto& error : errors) BOOST_TEST(error == errors[0]);
    return errors[0];
  };
  BOOST_TEST(error_with([&](std::shared_ptr<const ThreadRank> rank) {
               BasicSVD<double>({.communicator = rank}, of_rank(rank->rank() == 2 ? 0 : 1));
             }).starts_with("rank: expected"));
  BOOST_TEST(error_with([&](std::shared_ptr<const ThreadRank> rank) {
               auto coords = xt::xarray<double>(xt::ones<double>({2, 2}));
               if (rank->rank() == 1) coords(0, 0) = missing;
               BasicSVD<double>({.coords = coords, .communicator = rank}, of_rank(1));
             }).starts_with("coords: expected finite"));
  // A mass matrix of the points of one rank couples none of different ranks.
  const auto first = shares_of(61, 3);
  BOOST_TEST(error_with([&](std::shared_ptr<const ThreadRank> rank) {
               SVDOptions options = of_rank(2);
               options.field_opts.mass = whole_mass(61);
               BasicSVD<double> svd({.fields = {"u", "p"}, .communicator = rank}, options);
               svd.compute_map(rows_of(snapshots, 2 * first[rank->rank()], 2 * first[rank->rank() + 1]));
             }).starts_with("mass: expected a matrix of the same ranks"));
}

BOOST_AUTO_TEST_CASE(fields_of_a_rank_without_points_have_the_shape_of_no_points) {
  const auto snapshots = snapshots_of(61, 12);
  const auto first = shares_of(61, 4);
  std::vector<std::size_t> ranks_of_maps(4);
  on_ranks(4, [&](std::shared_ptr<const ThreadRank> rank) {
    const std::size_t begin = first[rank->rank()];
    const std::size_t count = first[rank->rank() + 1] - begin;
    fieldfold::Fields fields;
    for (const std::size_t field : {0U, 1U}) {
      auto values = xt::xarray<double>::from_shape({12, count});
      for (std::size_t j = 0; j < 12; ++j)
        for (std::size_t p = 0; p < count; ++p) values(j, p) = snapshots(2 * (begin + p) + field, j);
      fields[field == 0 ? "u" : "p"] = values;
    }
    BasicSVD<double> svd({.fields = {"u", "p"}, .communicator = rank}, of_rank(2));
    svd.compute_map(fields);
    ranks_of_maps[rank->rank()] = svd.rank() + svd.compress(svd.join_fields(fields)).shape(0);
  });
  for (const std::size_t sum : ranks_of_maps) BOOST_TEST(sum == 14U);
}
