// Maps on the ranks of MPI: the program is run on several numbers of them.

#define BOOST_TEST_NO_MAIN
#include <boost/test/unit_test.hpp>

#include <mpi.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

import fieldfold;
import fieldfold.mpi;

#include "support/closeness.hpp"
#ifdef HAS_SCALAPACK
#include "mpi/scalapack.hpp"
#endif

namespace {

using fieldfold::SVD;
namespace fs = std::filesystem;

constexpr std::size_t points = 83;
constexpr std::size_t samples = 14;
std::string error_before_init;

std::size_t rank_of(MPI_Comm ranks = MPI_COMM_WORLD) {
  int rank = 0;
  MPI_Comm_rank(ranks, &rank);
  return static_cast<std::size_t>(rank);
}

std::size_t size_of(MPI_Comm ranks = MPI_COMM_WORLD) {
  int size = 1;
  MPI_Comm_size(ranks, &size);
  return static_cast<std::size_t>(size);
}

/// Snapshots of two fields in modes of sizes 1, 1/3, 1/9, ... on a mean.
xt::xarray<double> all_snapshots() {
  std::mt19937_64 generator(11);
  std::normal_distribution<double> normal;
  auto snapshots = xt::xarray<double>::from_shape({2 * points, samples});
  for (double& x : snapshots) x = 4.0;
  double size = 1.0;
  for (int mode = 0; mode < 6; ++mode, size /= 3.0) {
    std::vector<double> course(samples);
    for (double& x : course) x = size * normal(generator);
    for (std::size_t i = 0; i < 2 * points; ++i) {
      const double shape = normal(generator);
      for (std::size_t j = 0; j < samples; ++j) snapshots(i, j) += shape * course[j];
    }
  }
  return snapshots;
}

/// The first point of a rank: uneven shares, and for three ranks or more an empty one.
std::size_t first_of(std::size_t rank, std::size_t ranks) {
  if (rank >= ranks) return points;
  if (rank == 2) return points / (ranks * ranks);
  return points * rank * rank / (ranks * ranks);
}

struct Own {
  std::size_t first;
  std::size_t end;
  explicit Own(MPI_Comm ranks = MPI_COMM_WORLD)
      : first(first_of(rank_of(ranks), size_of(ranks))), end(first_of(rank_of(ranks) + 1, size_of(ranks))) {
    if (rank_of(ranks) == 1 && size_of(ranks) > 2) end = first;
  }

  xt::xarray<double> rows(const xt::xarray<double>& matrix) const {
    auto part = xt::xarray<double>::from_shape({2 * (end - first), matrix.shape(1)});
    std::copy(&matrix(2 * first, 0), &matrix(2 * first, 0) + part.size(), part.data());
    return part;
  }
  xt::xarray<double> states(const xt::xarray<double>& matrix) const {
    auto part = xt::xarray<double>::from_shape({matrix.shape(1), 2 * (end - first)});
    for (std::size_t j = 0; j < part.shape(0); ++j)
      for (std::size_t i = 0; i < part.shape(1); ++i) part(j, i) = matrix(2 * first + i, j);
    return part;
  }
};

fieldfold::SVDOptions options_of(const Own& own) {
  auto weights = xt::xarray<double>::from_shape({own.end - own.first});
  for (std::size_t i = own.first; i < own.end; ++i) weights(i - own.first) = 1.0 + static_cast<double>(i % 5);
  return {.field_opts = {.center = true, .point_weights = weights}, .rule = {.rank = 4}, .keep_training_latents = true};
}

fieldfold::CompressionOptions grid_of(const Own& own) {
  auto coords = xt::xarray<double>::from_shape({own.end - own.first, 2});
  for (std::size_t i = own.first; i < own.end; ++i) {
    coords(i - own.first, 0) = static_cast<double>(i);
    coords(i - own.first, 1) = 0.5 * static_cast<double>(i * i);
  }
  return {.fields = {"u", "p"}, .coords = coords};
}

SVD learned_on(MPI_Comm ranks) {
  const Own own(ranks);
  auto grid = grid_of(own);
  grid.communicator = fieldfold::mpi_communicator(ranks);
  SVD svd(grid, options_of(own));
  svd.compute_map(own.rows(all_snapshots()));
  return svd;
}

Own everything() {
  Own all;
  all.first = 0;
  all.end = points;
  return all;
}

SVD learned_alone() {
  SVD svd(grid_of(everything()), options_of(everything()));
  svd.compute_map(all_snapshots());
  return svd;
}

double difference(const xt::xarray<double>& a, const xt::xarray<double>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double apart = std::abs(a.data()[i] - b.data()[i]);
    largest = apart > largest || std::isnan(apart) ? apart : largest;
  }
  return largest;
}

fs::path folder() { return fs::temp_directory_path() / "fieldfold_ranks"; }

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Checks that one process that reads a file, and ranks with equal shares of its points, write the same bytes.
void check_bytes_of_others(const fs::path& path, const std::shared_ptr<const fieldfold::Communicator>& ranks) {
  const std::string bytes = bytes_of(path);
  const fs::path alone = path.string() + "_alone_" + std::to_string(rank_of());
  fieldfold::save(alone, fieldfold::load(path));
  BOOST_TEST((bytes_of(alone) == bytes));
  const fs::path equal = path.string() + "_equal";
  fieldfold::save(equal, fieldfold::load(path, ranks));
  BOOST_TEST((bytes_of(equal) == bytes));
}

/// A communicator whose rank 1, or only rank, dies when it has written its parts.
class DyingRanks final : public fieldfold::Communicator {
 public:
  explicit DyingRanks(std::shared_ptr<const Communicator> ranks) : ranks_(std::move(ranks)) {}
  std::size_t size() const override { return ranks_->size(); }
  std::size_t rank() const override { return ranks_->rank(); }
  void sum(std::span<double> numbers) const override { ranks_->sum(numbers); }
  void maximum(std::span<double> numbers) const override { ranks_->maximum(numbers); }
  void broadcast(std::span<double> numbers) const override { ranks_->broadcast(numbers); }
  std::vector<double> gather(std::span<const double> numbers) const override { return ranks_->gather(numbers); }
  std::vector<double> transpose(std::span<const double> numbers) const override { return ranks_->transpose(numbers); }
  void exchange(const std::vector<fieldfold::Message>& sent, std::vector<fieldfold::Message>& received) const override {
    ranks_->exchange(sent, received);
  }
  void write_parts(const fs::path& path, const std::vector<fieldfold::FilePart>& parts) const override {
    ranks_->write_parts(path, parts);
    if (rank() + 1 == std::min<std::size_t>(2, size())) std::raise(SIGKILL);
  }
  void run_together(const std::function<void()>& work) const override { ranks_->together(work); }

 private:
  std::shared_ptr<const Communicator> ranks_;
};

template <class Error>
std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

BOOST_AUTO_TEST_CASE(communicators_need_mpi) {
  BOOST_TEST(error_before_init == "MPI is not initialized: MPI_Init comes first");
}

BOOST_AUTO_TEST_CASE(maps_are_those_of_one_process) {
  const Own own;
  const SVD alone = learned_alone();
  const SVD svd = learned_on(MPI_COMM_WORLD);
  const double size = alone.singular_values()(0);
  BOOST_TEST(difference(svd.singular_values(), alone.singular_values()) <= 1e-12 * size);
  BOOST_TEST(difference(svd.projection_matrix(), own.rows(alone.projection_matrix())) <= 1e-12);
  BOOST_TEST(difference(svd.training_latents(), alone.training_latents()) <= 1e-12 * size);
  BOOST_TEST(difference(svd.errors().snapshot_fields, alone.errors().snapshot_fields) <= 1e-12);
  const auto all = all_snapshots();
  const auto latent = svd.compress(own.states(all));
  BOOST_TEST(difference(latent, alone.compress(everything().states(all))) <= 1e-12 * size);
  const auto there = alone.assess(everything().states(all));
  BOOST_TEST(difference(svd.assess(own.states(all)).distance, there.distance) <= 1e-12 * size);
}

#ifdef HAS_SCALAPACK
BOOST_AUTO_TEST_CASE(singular_values_are_those_of_scalapack) {
  const auto all = all_snapshots();
  ScalapackMatrix matrix(MPI_COMM_WORLD, 2 * points, samples, [&](std::size_t i, std::size_t j) { return all(i, j); });
  const std::vector<double> s = matrix.singular_values(false);
  SVD svd({.fields = {"u", "p"}, .communicator = fieldfold::mpi_communicator(MPI_COMM_WORLD)}, {.rule = {.rank = 4}});
  svd.compute_map(Own().rows(all));
  BOOST_TEST_REQUIRE(svd.singular_values().size() == s.size());
  // Both have rounding errors of the largest one.
  for (std::size_t k = 0; k < s.size(); ++k) BOOST_TEST(std::abs(svd.singular_values()(k) - s[k]) <= 1e-13 * s[0]);
}
#endif

BOOST_AUTO_TEST_CASE(files_do_not_depend_on_the_ranks) {
  const fs::path path = folder() / "map.fold";
  const SVD svd = learned_on(MPI_COMM_WORLD);
  fieldfold::save(path, svd);
  const auto ranks = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  check_bytes_of_others(path, ranks);
  const Own own;
  const auto loaded = fieldfold::load(path, ranks, own.end - own.first);
  const SVD& with_own = *loaded.target<SVD>();
  BOOST_TEST((with_own.projection_matrix() == svd.projection_matrix()));
  BOOST_TEST((with_own.coords() == svd.coords()));
  BOOST_TEST((with_own.compress(own.states(all_snapshots())) == svd.compress(own.states(all_snapshots()))));
  BOOST_TEST(error_of<fieldfold::InvalidArgument>([&] {
               fieldfold::load(path, ranks, 7);
             }).starts_with("num_pts: expected 83 points of all ranks"));
}

BOOST_AUTO_TEST_CASE(mass_matrices_are_in_files) {
  const Own own;
  const auto ranks = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  // Linear elements of the length 1, each given by the rank of its first node.
  std::vector<double> rows;
  std::vector<double> columns;
  std::vector<double> values;
  for (std::size_t i = own.first; i < std::min(own.end, points - 1); ++i)
    for (const std::size_t row : {i, i + 1})
      for (const std::size_t column : {i, i + 1}) {
        rows.push_back(static_cast<double>(row));
        columns.push_back(static_cast<double>(column));
        values.push_back(row == column ? 1.0 / 3.0 : 1.0 / 6.0);
      }
  const auto array_of = [](const std::vector<double>& numbers) {
    auto array = xt::xarray<double>::from_shape({numbers.size()});
    std::ranges::copy(numbers, array.begin());
    return array;
  };
  const fieldfold::MassMatrix mass(ranks, own.end - own.first, array_of(rows), array_of(columns), array_of(values));
  SVD svd({.fields = {"u", "p"}, .communicator = ranks}, {.field_opts = {.mass = mass}, .rule = {.rank = 3}});
  svd.compute_map(own.rows(all_snapshots()));
  const fs::path path = folder() / "mass.fold";
  fieldfold::save(path, svd);
  check_bytes_of_others(path, ranks);
  const auto loaded = fieldfold::load(path, ranks, own.end - own.first);
  const auto states = own.states(all_snapshots());
  BOOST_TEST(difference(loaded.target<SVD>()->compress(states), svd.compress(states)) <=
             1e-12 * svd.singular_values()(0));
}

BOOST_AUTO_TEST_CASE(incremental_decompositions_continue_on_other_ranks) {
  const Own own;
  const auto states = own.states(all_snapshots());
  const auto part_of = [&](const xt::xarray<double>& all, std::size_t first, std::size_t end) {
    auto part = xt::xarray<double>::from_shape({end - first, all.shape(1)});
    std::copy(all.data() + first * all.shape(1), all.data() + end * all.shape(1), part.data());
    return part;
  };
  const auto ranks = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  const fieldfold::CompressionOptions grid{.fields = {"u", "p"}, .communicator = ranks};
  const fieldfold::IncrementalOptions incremental{.max_rank = 5, .block = 4};
  const fieldfold::SVDOptions options{.field_opts = {.center = true}};
  fieldfold::IncrementalSVD uninterrupted(grid, incremental, options);
  uninterrupted.add(part_of(states, 0, 10));
  uninterrupted.add(part_of(states, 10, samples));
  const SVD expected = uninterrupted.finish();
  // Two blocks of four snapshots are processed, and two wait.
  fieldfold::IncrementalSVD first(grid, incremental, options);
  first.add(part_of(states, 0, 10));
  const fs::path path = folder() / "progress.fold";
  fieldfold::save(path, first);
  const std::string bytes = bytes_of(path);
  auto alone = fieldfold::load_incremental(path);
  const fs::path own_path = folder() / ("progress_" + std::to_string(rank_of()) + ".fold");
  fieldfold::save(own_path, alone);
  BOOST_TEST((bytes_of(own_path) == bytes));
  auto resumed = fieldfold::load_incremental<double>(path, ranks, own.end - own.first);
  resumed.add(part_of(states, 10, samples));
  const SVD found = resumed.finish();
  BOOST_TEST((found.projection_matrix() == expected.projection_matrix()));
  BOOST_TEST((found.singular_values() == expected.singular_values()));
  // One process goes on with all points.
  alone.add(part_of(everything().states(all_snapshots()), 10, samples));
  const SVD finished = alone.finish();
  BOOST_TEST(difference(finished.singular_values(), expected.singular_values()) <=
             1e-12 * expected.singular_values()(0));
  BOOST_TEST(difference(own.rows(finished.projection_matrix()), expected.projection_matrix()) <= 1e-11);
}

BOOST_AUTO_TEST_CASE(long_files_are_read_and_verified_by_all) {
  const std::size_t rows = 90000 + 1000 * rank_of();
  auto snapshots = xt::xarray<double>::from_shape({rows, 8});
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < 8; ++j)
      snapshots(i, j) = std::sin(1e-4 * static_cast<double>((i + 1) * (j + 2) + 977 * rank_of()));
  const auto ranks = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  SVD svd({.communicator = ranks}, {.rule = {.rank = 6}});
  svd.compute_map(snapshots);
  const fs::path path = folder() / "long.fold";
  fieldfold::save(path, svd);
  const auto loaded = fieldfold::load(path, ranks, rows);
  BOOST_TEST((loaded.target<SVD>()->projection_matrix() == svd.projection_matrix()));
  BOOST_TEST(fieldfold::load(path).target<SVD>()->num_pts() == svd.map().singular_values.size() * 0 + [&] {
    std::vector<double> count{static_cast<double>(rows)};
    ranks->sum(count);
    return static_cast<std::size_t>(count[0]);
  }());
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank_of() == 0) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3000000);
    file.put('\x55');
  }
  MPI_Barrier(MPI_COMM_WORLD);
  BOOST_TEST(error_of<fieldfold::FileError>([&] { fieldfold::load(path, ranks); }).find("it is damaged") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(interpolation_is_that_of_one_process) {
  // Points and queries by hash, so that neighbors are on different ranks.
  const auto ranks = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  std::mt19937_64 generator(3);
  std::uniform_real_distribution<double> uniform;
  auto cloud = xt::xarray<double>::from_shape({900, 2});
  for (double& x : cloud) x = uniform(generator);
  auto values = xt::xarray<double>::from_shape({900});
  for (std::size_t i = 0; i < 900; ++i) values(i) = std::sin(5.0 * cloud(i, 0)) * cloud(i, 1);
  const auto share = fieldfold::equal_share(*ranks, 900);
  auto own = xt::xarray<double>::from_shape({share.count, 2});
  std::copy_n(cloud.data() + 2 * share.first, own.size(), own.data());
  auto own_values = xt::xarray<double>::from_shape({share.count});
  std::copy_n(values.data() + share.first, share.count, own_values.data());
  const xt::xarray<double> queries = 0.98 * own + 0.01;
  for (const auto& options :
       {fieldfold::RBFOptions{.neighbors = 20},
        fieldfold::RBFOptions{.method = fieldfold::RBFMethod::partition_of_unity, .cluster_size = 50}}) {
    const fieldfold::Interpolation interpolation{"rbf", options};
    const fieldfold::InterpolationOperator here(ranks, own, queries, interpolation);
    const fieldfold::InterpolationOperator whole(cloud, queries, interpolation);
    BOOST_TEST(difference(here(own_values), whole(values)) <= 1e-11);
    // The transpose keeps sums.
    const auto loads = here.transposed(xt::xarray<double>(fieldfold::zeros<double>({share.count}) + 1.0));
    std::vector<double> sum{std::accumulate(loads.begin(), loads.end(), 0.0)};
    ranks->sum(sum);
    BOOST_TEST(std::abs(sum[0] - 900.0) <= 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(any_communicator_is_duplicated) {
  MPI_Comm halves = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, static_cast<int>(rank_of() % 2), 0, &halves);
  SVD svd = learned_on(halves);
  MPI_Comm_free(&halves);
  const SVD alone = learned_alone();
  BOOST_TEST(difference(svd.singular_values(), alone.singular_values()) <= 1e-12 * alone.singular_values()(0));
  BOOST_TEST(svd.compress(xt::xarray<double>(fieldfold::zeros<double>({3, svd.dof()}))).shape(0) == 3U);
}

BOOST_AUTO_TEST_CASE(errors_of_one_rank_are_those_of_all) {
  const auto ranks = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  const std::size_t last = size_of() - 1;
  const std::string suffix = size_of() > 1 ? " (on rank " + std::to_string(last) + ")" : "";
  const auto failing = [&](const std::function<void()>& fail) {
    return [&] {
      ranks->together([&] {
        std::vector<double> numbers{1.0};
        ranks->sum(numbers);
        if (rank_of() == last) fail();
        ranks->maximum(numbers);
      });
    };
  };
  BOOST_TEST(error_of<fieldfold::InvalidArgument>(failing([] { throw fieldfold::InvalidArgument("a"); })) ==
             "a" + suffix);
  BOOST_TEST(error_of<fieldfold::NotReady>(failing([] { throw fieldfold::NotReady("b"); })) == "b" + suffix);
  BOOST_TEST(error_of<fieldfold::NumericalError>(failing([] { throw fieldfold::NumericalError("c"); })) ==
             "c" + suffix);
  BOOST_TEST(error_of<fieldfold::FileError>(failing([] { throw fieldfold::FileError("d"); })) == "d" + suffix);
  BOOST_TEST(error_of<std::bad_alloc>(failing([] { throw std::bad_alloc(); })) ==
             "out of memory on rank " + std::to_string(last));
  BOOST_TEST(error_of<std::runtime_error>(failing([] { throw std::out_of_range("e"); })) == "e" + suffix);
  BOOST_TEST(error_of<std::runtime_error>(failing([] { throw 7; })) == "an unknown exception" + suffix);
  if (size_of() > 1) {
    const auto different = [&] {
      ranks->together([&] {
        std::vector<double> numbers(rank_of() == last ? 3 : 2);
        ranks->sum(numbers);
      });
    };
    BOOST_TEST(error_of<fieldfold::InvalidArgument>(different) ==
               "ranks: expected arrays of the same length on all of them, got lengths from 2 to 3");
    const auto other_call = [&] {
      ranks->together([&] {
        std::vector<double> numbers(2);
        if (rank_of() == last)
          ranks->sum(numbers);
        else
          ranks->maximum(numbers);
      });
    };
    BOOST_TEST(error_of<fieldfold::InvalidArgument>(other_call) ==
               "ranks: expected the same calls on all of them, got different ones");
  }
  // The communicator serves on.
  std::vector<double> ones{1.0};
  ranks->sum(ones);
  BOOST_TEST(ones[0] == static_cast<double>(size_of()));
}

BOOST_AUTO_TEST_CASE(bad_input_of_one_rank_is_an_error_on_all) {
  const auto ranks = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  const std::size_t last = size_of() - 1;
  SVD svd({.fields = {"u", "p"}, .communicator = ranks}, {.rule = {.rank = 2}});
  auto odd = xt::xarray<double>(fieldfold::zeros<double>({3, samples}));
  BOOST_TEST(error_of<fieldfold::InvalidArgument>([&] {
               svd.compute_map(rank_of() == last ? odd : Own().rows(all_snapshots()));
             }).starts_with("snapshots: expected rows for 2 fields"));
  BOOST_TEST(!svd.map_exists());
  auto fewer = xt::xarray<double>(fieldfold::zeros<double>({4, samples - 1}));
  if (size_of() > 1)
    BOOST_TEST(error_of<fieldfold::InvalidArgument>(
                   [&] { svd.compute_map(rank_of() == last ? fewer : Own().rows(all_snapshots())); }) != "no error");
  const fs::path nowhere = folder() / "none" / "map.fold";
  const SVD learned = learned_on(MPI_COMM_WORLD);
  BOOST_TEST(error_of<fieldfold::FileError>([&] { fieldfold::save(nowhere, learned); }).find("No such file") !=
             std::string::npos);
  BOOST_TEST(error_of<fieldfold::FileError>([&] { fieldfold::load(nowhere, ranks); }).find("cannot be read") !=
             std::string::npos);
}

int main(int argc, char** argv) {
  try {
    fieldfold::mpi_communicator(MPI_COMM_WORLD);
  } catch (const fieldfold::NotReady& error) {
    error_before_init = error.what();
  }
  MPI_Init(&argc, &argv);
  // killed.sh runs these.
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "--save" || mode == "--die-in-save") {
    const SVD svd = learned_on(MPI_COMM_WORLD);
    fieldfold::CompressionOptions grid = svd.compression_options();
    if (mode == "--die-in-save") grid.communicator = std::make_shared<DyingRanks>(grid.communicator);
    fieldfold::save(argv[2], SVD(grid, svd.options(), svd.map()));
    return MPI_Finalize();
  }
  if (rank_of() == 0) {
    fs::remove_all(folder());
    fs::create_directory(folder());
  }
  MPI_Barrier(MPI_COMM_WORLD);
  const int result = boost::unit_test::unit_test_main([] { return true; }, argc, argv);
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank_of() == 0) fs::remove_all(folder());
  MPI_Finalize();
  return result;
}
