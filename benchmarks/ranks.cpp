// Maps of distributed rows: what ranks send, how long they take, and the rates of the machine. One JSON object a line,
// from rank 0; ranks.py runs it.
//
//     mpirun -n RANKS bench_ranks traffic ROWS COLS RANK FIELDS FOLDER
//     mpirun -n RANKS bench_ranks samples ROWS SAMPLES_OF_A_RANK RANK MODES REPEATS
//     mpirun -n RANKS bench_ranks interpolation SIDE REPEATS
//     mpirun -n RANKS bench_ranks learning ROWS COLS RANK REPEATS FOLDER strong|weak NUMBER_OF_RANKS ...
//     mpirun -n RANKS bench_ranks rates COLS RANK REPEATS
//     mpirun -n RANKS bench_ranks network REPEATS NUMBER_OF_RANKS ...
//     mpirun -n RANKS bench_ranks memory COLS RANK
//     mpirun -n RANKS bench_ranks scalapack ROWS COLS RANK REPEATS

#include <mpi.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fieldfold/xtensor.hpp>

import fieldfold;
import fieldfold.linalg.dense;
import fieldfold.mpi;

#include "contender.hpp"
#include "mpi_traffic.hpp"
#ifdef HAS_SCALAPACK
#include "../tests/mpi/scalapack.hpp"
#endif

namespace {

using fieldfold::DecompositionMethod;
using fieldfold::SVD;
using Matrix = xt::xarray<double>;

constexpr int states = 100;

/// Consecutive rows or samples of all.
struct Share {
  std::size_t first;
  std::size_t end;
  std::size_t size() const { return end - first; }
};

class Ranks {
 public:
  explicit Ranks(MPI_Comm ranks) : ranks_(ranks) {
    PMPI_Comm_rank(ranks, &rank_);
    PMPI_Comm_size(ranks, &size_);
  }
  std::size_t rank() const { return static_cast<std::size_t>(rank_); }
  std::size_t size() const { return static_cast<std::size_t>(size_); }
  MPI_Comm get() const { return ranks_; }

  Share share_of(std::size_t rows) const { return {rows * rank() / size(), rows * (rank() + 1) / size()}; }

  double largest(double number) const {
    PMPI_Allreduce(MPI_IN_PLACE, &number, 1, MPI_DOUBLE, MPI_MAX, ranks_);
    return number;
  }

  /// Seconds of the slowest rank; all begin together.
  double seconds_of(const std::function<void()>& action) const {
    PMPI_Barrier(ranks_);
    return largest(seconds_for(action));
  }

 private:
  MPI_Comm ranks_;
  int rank_ = 0;
  int size_ = 1;
};

/// Waits for all ranks without using the processor, which others measure.
void meet(MPI_Comm ranks) {
  MPI_Request request = MPI_REQUEST_NULL;
  PMPI_Ibarrier(ranks, &request);
  for (int is_done = 0; is_done == 0;) {
    PMPI_Test(&request, &is_done, MPI_STATUS_IGNORE);
    if (is_done == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

/// Calls an action on the first ranks, the others asleep.
void on_first(std::size_t count, const std::function<void(const Ranks&)>& action) {
  const Ranks all(MPI_COMM_WORLD);
  MPI_Comm some = MPI_COMM_NULL;
  PMPI_Comm_split(MPI_COMM_WORLD, all.rank() < count ? 0 : MPI_UNDEFINED, 0, &some);
  if (some != MPI_COMM_NULL) {
    action(Ranks(some));
    PMPI_Comm_free(&some);
  }
  meet(MPI_COMM_WORLD);
}

/// A number in [-0.5, 0.5] for each place.
double noise_at(std::size_t row, std::size_t col) {
  std::uint64_t hash = (row << 20 | col) * 0x9e3779b97f4a7c15 + 1;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  return static_cast<double>((hash ^ (hash >> 31)) >> 11) / 9007199254740992.0 - 0.5;
}

/// How fast the singular values of snapshots decay.
struct Decay {
  std::size_t rank = 0;  ///< where they have lost the digits
  double digits = 3.0;   ///< no more than five are lost at all
};

/// Snapshots with all modes in each: their rows are noise times a cosine transform with weights that decay.
class Snapshots {
 public:
  Snapshots(std::size_t cols, Decay decay) : Snapshots(cols, decay, {0, cols}) {}

  /// \param own  those of all samples that these snapshots have
  Snapshots(std::size_t cols, Decay decay, Share own) : mixture_(Matrix::from_shape({cols, own.size()})) {
    for (std::size_t mode = 0; mode < cols; ++mode) {
      const double lost = decay.digits * static_cast<double>(mode) / static_cast<double>(decay.rank);
      for (std::size_t j = own.first; j < own.end; ++j)
        mixture_(mode, j - own.first) =
            std::pow(10.0, -std::min(5.0, lost)) * std::cos(3.141592653589793 * (static_cast<double>(j) + 0.5) *
                                                            static_cast<double>(mode) / static_cast<double>(cols));
    }
  }

  Matrix rows(Share share) const {
    const std::size_t modes = mixture_.shape(0);
    const std::size_t cols = mixture_.shape(1);
    auto matrix = Matrix::from_shape({share.size(), cols});
    constexpr std::size_t block = 256;
    auto noise = Matrix::from_shape({block, modes});
    for (std::size_t first = 0; first < share.size(); first += block) {
      const std::size_t count = std::min(block, share.size() - first);
      for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = 0; j < modes; ++j) noise(i, j) = noise_at(share.first + first + i, j);
      fieldfold::multiply<double>({noise.data(), count, modes, modes}, fieldfold::as_matrix(mixture_),
                                  {&matrix(first, 0), count, cols, cols});
    }
    return matrix;
  }

 private:
  Matrix mixture_;
};

std::vector<std::string> field_names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < count; ++k) names.push_back("f" + std::to_string(k));
  return names;
}

void print(const std::string& line) {
  if (Ranks(MPI_COMM_WORLD).rank() == 0) std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

template <class... Values>
std::string text(const char* format, Values... values) {
  std::array<char, 1024> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, values...);
  return buffer.data();
}

/// \param name  of the mode
void measure_traffic(std::size_t points, std::size_t cols, std::size_t rank, std::size_t fields,
                     const std::string& folder) {
  const Ranks ranks(MPI_COMM_WORLD);
  const Share own = ranks.share_of(points);
  const Share own_rows{own.first * fields, own.end * fields};
  const Matrix snapshots = Snapshots(cols, {rank}).rows(own_rows);
  const auto communicator = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  const auto count = [&](const char* name, const std::function<void()>& action) {
    PMPI_Barrier(MPI_COMM_WORLD);
    const Traffic before = mpi_traffic();
    action();
    const Traffic here = mpi_traffic() - before;
    const auto most = [&](std::uint64_t number) { return ranks.largest(static_cast<double>(number)); };
    print(text(R"({"call": "%s", "rows": %zu, "cols": %zu, "rank": %zu, "fields": %zu, "ranks": %zu, )", name,
               points * fields, cols, rank, fields, ranks.size()) +
          text(R"("collectives": %.0f, "headers": %.0f, "numbers": %.0f, "bytes": %.0f, )", most(here.collectives),
               most(here.headers), most(here.numbers), most(here.bytes)) +
          text(R"("messages": %.0f, "file_calls": %.0f, "written": %.0f})", most(here.messages), most(here.file_calls),
               most(here.written)));
  };
  const fieldfold::CompressionOptions grid{.fields = field_names(fields), .communicator = communicator};
  const auto learn = [&](const char* name, DecompositionMethod method, bool centers, const Matrix& given) {
    SVD svd(grid, {.field_opts = {.center = centers}, .rule = {.rank = rank}, .method = method, .threads = 1});
    count(name, [&] { svd.compute_map(given); });
    return svd;
  };
  {
    // The basis needs no refinement.
    const Matrix slow = Snapshots(cols, {.rank = rank, .digits = 0.5}).rows(own_rows);
    learn("compute_map, gram, slow decay", DecompositionMethod::gram, false, slow);
  }
  const SVD svd = learn("compute_map, gram", DecompositionMethod::gram, false, snapshots);
  learn("compute_map, gram, centred", DecompositionMethod::gram, true, snapshots);
  learn("compute_map, sketch", DecompositionMethod::sketch, false, snapshots);
  learn("compute_map, randomized", DecompositionMethod::randomized, false, snapshots);
  auto some = Matrix::from_shape({std::size_t{states}, snapshots.shape(0)});
  for (std::size_t k = 0; k < some.shape(0); ++k)
    for (std::size_t i = 0; i < some.shape(1); ++i) some(k, i) = snapshots(i, k % cols);
  count("compress, 100 states", [&] { svd.compress(some); });
  count("assess, 100 states", [&] { svd.assess(some); });
  const std::filesystem::path path = std::filesystem::path(folder) / "traffic.fold";
  count("save", [&] { fieldfold::save(path, svd); });
  count("load", [&] { fieldfold::load(path, communicator, own.size()); });
}

/// Whole states on each rank, of samples of its own: exchanged by points, or as maps that are merged.
/// \param modes  of the map of a rank; 0: those that a tenth of the best error requires
void measure_samples(std::size_t rows, std::size_t samples, std::size_t rank, std::size_t modes, int repeats) {
  const Ranks ranks(MPI_COMM_WORLD);
  const auto communicator = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  auto own = Matrix::from_shape({samples, rows});
  {
    const Snapshots some(samples * ranks.size(), {rank}, ranks.share_of(samples * ranks.size()));
    constexpr std::size_t block = 1024;
    for (std::size_t first = 0; first < rows; first += block) {
      const Matrix part = some.rows({first, std::min(rows, first + block)});
      for (std::size_t i = 0; i < part.shape(0); ++i)
        for (std::size_t j = 0; j < samples; ++j) own(j, first + i) = part(i, j);
    }
  }
  SVD exact({.communicator = communicator}, {.rule = {.rank = rank}, .threads = 1});
  SVD map;
  std::size_t kept = 0;
  std::string method;
  struct Way {
    const char* name;
    std::function<void()> learn;
    Traffic traffic = {};
    std::vector<double> seconds = {};
  };
  std::array ways{
      Way{"exchange", [&] { exact.compute_map(fieldfold::distributed_by_points<double>(*communicator, own)); }},
      Way{"merging", [&] {
            fieldfold::RankRule rule{.rank = modes};
            if (modes == 0) rule = {.reconstruction_tol = 0.1 * exact.reconstruction_error()};
            SVD svd({}, {.rule = rule, .threads = 1});
            svd.compute_map(fieldfold::TransposedRows<double>(fieldfold::as_matrix(std::as_const(own))));
            kept = svd.rank();
            method = fieldfold::name_of(svd.report().method);
            map = fieldfold::merged(*communicator, svd, {.rank = rank});
          }}};
  // The ways take turns, so that others on the machine disturb both alike.
  std::vector<double> ratios;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (Way& way : ways) {
      const Traffic before = mpi_traffic();
      way.seconds.push_back(ranks.seconds_of(way.learn));
      way.traffic = mpi_traffic() - before;
    }
    ratios.push_back(ways[0].seconds.back() / ways[1].seconds.back());
  }
  const auto most = [&](auto number) { return ranks.largest(static_cast<double>(number)); };
  const Matrix latents = map.compress(own);
  std::array squares{fieldfold::sum_of_squares(fieldfold::as_matrix(std::as_const(own))),
                     fieldfold::sum_of_squares(fieldfold::as_matrix(latents))};
  PMPI_Allreduce(MPI_IN_PLACE, squares.data(), 2, MPI_DOUBLE, MPI_SUM, ranks.get());
  std::string line =
      text(R"({"samples": %zu, "rows": %zu, "rank": %zu, "ranks": %zu, "modes": %.0f, )", samples, rows, rank,
           ranks.size(), most(kept)) +
      text(R"("method": "%s", "best": %.10g, "error": %.10g, "exchange_over_merging": %.4f)", method.c_str(),
           exact.reconstruction_error(), std::sqrt(1.0 - squares[1] / squares[0]), median(ratios));
  for (const Way& way : ways)
    line += text(R"(, "%s": {"bytes": %.0f, "messages": %.0f, "collectives": %.0f, "headers": %.0f, "seconds": %.4f})",
                 way.name, most(way.traffic.bytes), most(way.traffic.messages), most(way.traffic.collectives),
                 most(way.traffic.headers), median(way.seconds));
  print(line + "}");
}

/// A cube of points, of which each rank has the slab at its place; queries lie between them.
void measure_interpolation(std::size_t side, int repeats) {
  const Ranks ranks(MPI_COMM_WORLD);
  const auto communicator = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  const auto cube = [&](Share planes, double shift) {
    auto points = Matrix::from_shape({planes.size() * side * side, 3});
    for (std::size_t i = 0; i < points.shape(0); ++i) {
      const std::array places{planes.first + i / (side * side), i / side % side, i % side};
      for (std::size_t axis = 0; axis < 3; ++axis)
        points(i, axis) =
            (static_cast<double>(places[axis]) + shift + 0.2 * noise_at(planes.first * side * side + i, axis)) /
            static_cast<double>(side);
    }
    return points;
  };
  const Share own = ranks.share_of(side);
  const Matrix points = cube(own, 0.0);
  const Matrix queries = cube(own, 0.4);
  const Matrix values = xt::ones<double>({points.shape(0), std::size_t{1}});
  const fieldfold::RBFOptions neighbors{.neighbors = 30, .threads = 1};
  const fieldfold::RBFOptions clusters{.method = fieldfold::RBFMethod::partition_of_unity, .threads = 1};
  for (const auto& [name, options] : {std::pair("neighbors", neighbors), std::pair("clusters", clusters)}) {
    std::optional<fieldfold::InterpolationOperator> matrix;
    const auto report = [&](const char* call, const std::function<void()>& action) {
      const Traffic before = mpi_traffic();
      const double seconds = ranks.seconds_of(action);
      const Traffic here = mpi_traffic() - before;
      const auto most = [&](std::uint64_t number) { return ranks.largest(static_cast<double>(number)); };
      std::vector<double> all{seconds};
      for (int repeat = 1; repeat < repeats; ++repeat) all.push_back(ranks.seconds_of(action));
      print(text(R"({"interpolation": "%s", "call": "%s", "side": %zu, "ranks": %zu, "seconds": %.6f, )", name, call,
                 side, ranks.size(), median(all)) +
            text(R"("collectives": %.0f, "bytes": %.0f, "messages": %.0f})", most(here.collectives), most(here.bytes),
                 most(here.messages)));
    };
    report("construction",
           [&] { matrix.emplace(communicator, points, queries, fieldfold::Interpolation{"rbf", options}); });
    report("application", [&] { (*matrix)(values, 1); });
    report("transposed", [&] { matrix->transposed(values, 1); });
  }
}

/// Seconds by name, one for each repeat.
using Seconds = std::map<std::string, std::vector<double>>;

void learn_once(const Ranks& ranks, const Matrix& snapshots, std::size_t rank, const std::filesystem::path& path,
                Seconds& seconds) {
  const auto communicator = fieldfold::mpi_communicator(ranks.get());
  SVD svd({.communicator = communicator},
          {.field_opts = {.center = true}, .rule = {.rank = rank}, .method = DecompositionMethod::gram, .threads = 1});
  const Traffic before = mpi_traffic();
  const double together = ranks.seconds_of([&] { svd.compute_map(snapshots); });
  const double in_collectives = ranks.largest((mpi_traffic() - before).seconds);
  const auto report = svd.report();
  const double summary = ranks.largest(report.summary_seconds);
  const double basis = ranks.largest(report.basis_seconds);
  const double errors = ranks.largest(report.error_seconds);
  seconds["learning"].push_back(together);
  seconds["statistics"].push_back(together - summary - basis - errors);
  seconds["summary"].push_back(summary);
  seconds["basis"].push_back(basis);
  seconds["errors"].push_back(errors);
  seconds["in collectives"].push_back(in_collectives);
  seconds["saving"].push_back(ranks.seconds_of([&] { fieldfold::save(path, svd); }));
}

void measure_learning(std::size_t rows, std::size_t cols, std::size_t rank, int repeats, const std::string& folder,
                      bool is_weak, const std::vector<std::size_t>& counts) {
  const std::filesystem::path path = std::filesystem::path(folder) / "learning.fold";
  const Snapshots all(cols, {rank});
  std::map<std::size_t, Seconds> seconds;
  // The first turn warms up; the numbers of ranks take turns, so that others on the machine disturb all alike.
  for (int repeat = -1; repeat < repeats; ++repeat)
    for (const std::size_t count : counts) {
      Seconds warm_up;
      on_first(count, [&](const Ranks& ranks) {
        const Matrix snapshots = all.rows(ranks.share_of(is_weak ? rows * count : rows));
        learn_once(ranks, snapshots, rank, path, repeat < 0 ? warm_up : seconds[count]);
      });
    }
  for (const std::size_t count : counts) {
    std::string line = text(R"({"learning": "%s", "rows": %zu, "cols": %zu, "rank": %zu, "ranks": %zu, "seconds": {)",
                            is_weak ? "weak" : "strong", is_weak ? rows * count : rows, cols, rank, count);
    const char* separator = "";
    for (const auto& [name, values] : seconds[count]) {
      line += text(R"(%s"%s": %.6f)", separator, name.c_str(), median(values));
      separator = ", ";
    }
    print(line + "}}");
  }
}

void measure_rates(std::size_t cols, std::size_t rank, int repeats) {
  const fieldfold::SingleThreadedBLAS one_thread;
  const Ranks ranks(MPI_COMM_WORLD);
  const std::size_t rows = (std::size_t{1} << 26) / cols;
  const Matrix tall = Snapshots(cols, {rank}).rows({0, rows});
  const std::size_t block = fieldfold::MatrixRows<double>(fieldfold::as_matrix(tall)).block_rows();
  // By blocks, as the library computes; all ranks at once, which share the memory. A block is read from memory when it
  // is centred, and lies in the cache afterwards.
  const auto by_blocks = [&](const std::function<void(std::size_t first, std::size_t count)>& work) {
    std::vector<double> seconds;
    for (int repeat = 0; repeat < repeats; ++repeat)
      seconds.push_back(ranks.seconds_of([&] {
        for (std::size_t first = 0; first < rows; first += block) work(first, std::min(block, rows - first));
      }));
    return median(seconds);
  };
  const auto view = fieldfold::as_matrix(tall);
  std::vector<double> centred(block * cols);
  const double centring_seconds = by_blocks([&](std::size_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const double* const row = view.row(first + i).data();
      const double mean = row[0];
      for (std::size_t j = 0; j < cols; ++j) centred[i * cols + j] = row[j] - mean;
    }
  });
  const auto in_cache = [&](std::size_t count) {
    return fieldfold::MatrixView<const double>{centred.data(), count, cols, cols};
  };
  Matrix gram = xt::zeros<double>({cols, cols});
  const double gram_seconds = by_blocks([&](std::size_t, std::size_t count) {
    fieldfold::add_gram<double>(in_cache(count), fieldfold::as_matrix(gram));
  });
  const Matrix weights = xt::ones<double>({cols, rank});
  Matrix basis = xt::ones<double>({rows, rank});
  const double basis_seconds = by_blocks([&](std::size_t first, std::size_t count) {
    fieldfold::multiply<double>(in_cache(count), fieldfold::as_matrix(weights), {&basis(first, 0), count, rank, rank});
  });
  Matrix projection = xt::zeros<double>({rank, cols});
  const double projection_seconds = by_blocks([&](std::size_t, std::size_t count) {
    fieldfold::add_product_transposed<double>({&basis(0, 0), count, rank, rank}, in_cache(count),
                                              fieldfold::as_matrix(projection));
  });
  const Matrix rotation = xt::ones<double>({rank, rank});
  auto rotated = basis;
  const double rotation_seconds = by_blocks([&](std::size_t first, std::size_t count) {
    fieldfold::multiply<double>({&basis(first, 0), count, rank, rank}, fieldfold::as_matrix(rotation),
                                {&rotated(first, 0), count, rank, rank});
  });
  Matrix small_gram = xt::zeros<double>({rank, rank});
  const double small_gram_seconds = by_blocks([&](std::size_t first, std::size_t count) {
    fieldfold::add_gram<double>({&basis(first, 0), count, rank, rank}, fieldfold::as_matrix(small_gram));
  });
  double sum = 0.0;
  const double read_seconds = by_blocks([&](std::size_t first, std::size_t count) {
    sum += fieldfold::sum_of_squares<double>({view.row(first).data(), count, cols, view.stride});
  });
  std::vector<double> product_seconds;
  std::vector<double> eigen_seconds;
  auto square = Matrix::from_shape({cols, cols});
  Matrix whole = xt::zeros<double>({cols, cols});
  fieldfold::add_gram<double>({view.data, std::min(rows, 2 * cols), cols, view.stride}, fieldfold::as_matrix(whole));
  fieldfold::fill_upper<double>(fieldfold::as_matrix(whole));
  for (int repeat = 0; repeat < repeats; ++repeat) {
    product_seconds.push_back(ranks.seconds_of([&] {
      fieldfold::multiply<double>(fieldfold::as_matrix(std::as_const(gram)), fieldfold::as_matrix(std::as_const(gram)),
                                  fieldfold::as_matrix(square));
    }));
    eigen_seconds.push_back(ranks.seconds_of([&] { fieldfold::symmetric_eigen(Matrix(whole)); }));
  }
  // As many as the check for numbers that may stand for missing ones sorts.
  const auto sorting_seconds = [&] {
    std::vector<double> seconds;
    for (int repeat = 0; repeat < repeats; ++repeat) {
      std::vector<double> sample(tall.data(), tall.data() + std::min(256 * cols, tall.size()));
      seconds.push_back(ranks.seconds_of([&] { std::ranges::sort(sample); }));
    }
    return median(seconds);
  }();
  const auto m = static_cast<double>(rows);
  const auto n = static_cast<double>(cols);
  const auto r = static_cast<double>(rank);
  print(text(R"({"rates": %zu, "cols": %zu, "rank": %zu, "gram": %.6g, "basis": %.6g, "rotation": %.6g, )",
             ranks.size(), cols, rank, m * n * (n + 1) / gram_seconds, 2 * m * n * r / basis_seconds,
             2 * m * r * r / rotation_seconds) +
        text(R"("small_gram": %.6g, "projection": %.6g, "product": %.6g, "eigen_seconds": %.6g, )",
             m * r * (r + 1) / small_gram_seconds, 2 * m * n * r / projection_seconds,
             2 * n * n * n / median(product_seconds), median(eigen_seconds)) +
        text(R"("sorting_seconds": %.6g, "read": %.6g, "centring": %.6g, "check": %.3g})", sorting_seconds,
             8 * m * n / read_seconds, 8 * m * n / centring_seconds, sum + centred[7]));
}

void measure_network(int repeats, const std::vector<std::size_t>& counts) {
  const std::vector<std::size_t> lengths{1, 10, 100, 1000, 10000, 100000, 500500, 2000000};
  // The seconds of a round, and their median over repetitions.
  const auto seconds_of_round = [&](const Ranks& ranks, int rounds, const auto& work) {
    std::vector<double> seconds;
    for (int repeat = 0; repeat < repeats; ++repeat)
      seconds.push_back(ranks.seconds_of([&] {
        for (int round = 0; round < rounds; ++round) work();
      }) / rounds);
    return median(seconds);
  };
  const auto rounds_of = [](std::size_t length) { return length <= 1000 ? 200 : length <= 100000 ? 20 : 4; };
  std::vector<double> numbers(lengths.back(), 1.0);
  on_first(2, [&](const Ranks& ranks) {
    for (const std::size_t length : lengths) {
      const double both_ways = seconds_of_round(ranks, rounds_of(length), [&] {
        for (std::size_t turn = 0; turn < 2; ++turn)
          if (ranks.rank() == turn)
            PMPI_Send(numbers.data(), static_cast<int>(length), MPI_DOUBLE, 1 - static_cast<int>(turn), 0, ranks.get());
          else
            PMPI_Recv(numbers.data(), static_cast<int>(length), MPI_DOUBLE, static_cast<int>(turn), 0, ranks.get(),
                      MPI_STATUS_IGNORE);
      });
      print(text(R"({"message": %zu, "seconds": %.4g})", length, both_ways / 2.0));
    }
  });
  for (const std::size_t count : counts)
    on_first(count, [&](const Ranks& ranks) {
      for (const std::size_t length : lengths) {
        const double seconds = seconds_of_round(ranks, rounds_of(length), [&] {
          PMPI_Allreduce(MPI_IN_PLACE, numbers.data(), static_cast<int>(length), MPI_DOUBLE, MPI_MAX, ranks.get());
        });
        print(text(R"({"allreduce": %zu, "ranks": %zu, "seconds": %.4g})", length, ranks.size(), seconds));
      }
    });
  // An addition of the reduction.
  std::vector<double> more(numbers);
  const double adding = median_seconds(repeats, [&] {
    for (std::size_t i = 0; i < numbers.size(); ++i) more[i] += numbers[i];
  });
  print(text(R"({"addition": %.4g, "check": %.3g})", adding / static_cast<double>(numbers.size()), more[7]));
}

double peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

/// The memory beside snapshots and basis, in matrices of n x n numbers: of so few rows that it is all there is.
void measure_memory(std::size_t cols, std::size_t rank) {
  const Ranks ranks(MPI_COMM_WORLD);
  const Share own = ranks.share_of(2 * cols);
  const Matrix snapshots = Snapshots(cols, {rank}).rows(own);
  const auto communicator = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  SVD small({.communicator = communicator}, {.rule = {.rank = 2}, .method = DecompositionMethod::gram, .threads = 1});
  small.compute_map(Snapshots(16, {2}).rows(ranks.share_of(500)));
  const double before = peak_bytes();
  SVD svd({.communicator = communicator},
          {.field_opts = {.center = true}, .rule = {.rank = rank}, .method = DecompositionMethod::gram, .threads = 1});
  svd.compute_map(snapshots);
  const auto n = static_cast<double>(cols);
  const double matrices = ranks.largest((peak_bytes() - before) / (8 * n * n));
  print(text(R"({"memory": %zu, "cols": %zu, "rank": %zu, "matrices": %.3f})", ranks.size(), cols, rank, matrices));
}

#ifdef HAS_SCALAPACK
void compare_with_scalapack(std::size_t rows, std::size_t cols, std::size_t rank, int repeats) {
  const Ranks ranks(MPI_COMM_WORLD);
  std::vector<double> ours;
  std::vector<double> theirs;
  Matrix found;
  std::vector<double> s;
  const Snapshots all(cols, {rank});
  // Entries are asked row by row.
  std::optional<std::size_t> current;
  Matrix row;
  const auto entry = [&](std::size_t i, std::size_t j) {
    if (current != i) row = all.rows({i, i + 1});
    current = i;
    return row(0, j);
  };
  for (int repeat = 0; repeat < repeats; ++repeat) {
    {
      const Matrix snapshots = all.rows(ranks.share_of(rows));
      SVD svd({.communicator = fieldfold::mpi_communicator(MPI_COMM_WORLD)}, {.rule = {.rank = rank}, .threads = 1});
      ours.push_back(ranks.seconds_of([&] { svd.compute_map(snapshots); }));
      found = svd.singular_values();
    }
    ScalapackMatrix matrix(MPI_COMM_WORLD, rows, cols, entry);
    theirs.push_back(ranks.seconds_of([&] { s = matrix.singular_values(true); }));
  }
  double of_largest = 0.0;
  double of_kept = 0.0;
  for (std::size_t k = 0; k < s.size(); ++k) {
    const double apart = std::abs(found(k) - s[k]);
    of_largest = std::max(of_largest, apart / s[0]);
    if (k < rank) of_kept = std::max(of_kept, apart / s[k]);
  }
  print(text(R"({"scalapack": %zu, "rows": %zu, "cols": %zu, "rank": %zu, "repeats": %d, "fieldfold": %.4f, )",
             ranks.size(), rows, cols, rank, repeats, median(ours)) +
        text(R"("pdgesvd": %.4f, "difference_over_largest": %.2g, "difference_of_kept": %.2g})", median(theirs),
             of_largest, of_kept));
}
#endif

void run(const std::vector<std::string>& words) {
  const auto number = [&](std::size_t place) { return static_cast<std::size_t>(std::stod(words.at(place))); };
  const auto numbers_from = [&](std::size_t place) {
    std::vector<std::size_t> numbers;
    for (; place < words.size(); ++place) numbers.push_back(number(place));
    return numbers;
  };
  const std::string& mode = words.at(0);
  if (mode == "traffic") return measure_traffic(number(1), number(2), number(3), number(4), words.at(5));
  if (mode == "learning")
    return measure_learning(number(1), number(2), number(3), static_cast<int>(number(4)), words.at(5),
                            words.at(6) == "weak", numbers_from(7));
  if (mode == "samples")
    return measure_samples(number(1), number(2), number(3), number(4), static_cast<int>(number(5)));
  if (mode == "interpolation") return measure_interpolation(number(1), static_cast<int>(number(2)));
  if (mode == "rates") return measure_rates(number(1), number(2), static_cast<int>(number(3)));
  if (mode == "network") return measure_network(static_cast<int>(number(1)), numbers_from(2));
  if (mode == "memory") return measure_memory(number(1), number(2));
#ifdef HAS_SCALAPACK
  if (mode == "scalapack") return compare_with_scalapack(number(1), number(2), number(3), static_cast<int>(number(4)));
#endif
  throw fieldfold::InvalidArgument(fieldfold::message(
      "mode: expected traffic, samples, interpolation, learning, rates, network, memory or scalapack, got ", mode));
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  try {
    run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}
