// Calls on ranks while memory runs out on one of them: all ranks throw, or all have the right result, and none waits in
// vain. The ranks are threads, behind functions as a library of message passing has them.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cmath>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "fieldfold_ranks.h"

#include "faults/failing_allocations.hpp"

import fieldfold;

namespace {

using Array = xt::xarray<double>;
using fieldfold::SVD;

constexpr std::size_t num_ranks = 3;

/// What ranks show each other between two barriers; nothing allocates.
struct Shared {
  std::barrier<> barrier{num_ranks};
  std::array<const double*, num_ranks> numbers{};
  std::array<const fieldfold_message*, num_ranks> messages{};
  std::array<std::size_t, num_ranks> counts{};
};

struct Context {
  Shared* shared;
  std::size_t rank;
};

template <class Operation>
int reduce(void* context, double* numbers, std::size_t count, const Operation& operation) {
  auto& [shared, rank] = *static_cast<Context*>(context);
  shared->numbers[rank] = numbers;
  shared->barrier.arrive_and_wait();
  std::array<double, 64> results{};
  for (std::size_t first = 0; first < count; first += results.size()) {
    const std::size_t part = std::min(results.size(), count - first);
    for (std::size_t i = 0; i < part; ++i) {
      results[i] = shared->numbers[0][first + i];
      for (std::size_t other = 1; other < num_ranks; ++other)
        results[i] = operation(results[i], shared->numbers[other][first + i]);
    }
    shared->barrier.arrive_and_wait();
    std::copy_n(results.begin(), part, numbers + first);
  }
  shared->barrier.arrive_and_wait();
  return 0;
}

int sum(void* context, double* numbers, std::size_t count) {
  return reduce(context, numbers, count, [](double a, double b) { return a + b; });
}

int maximum(void* context, double* numbers, std::size_t count) {
  return reduce(context, numbers, count, [](double a, double b) { return std::max(a, b); });
}

/// Calls `read` while the numbers of all ranks can be read.
template <class Read>
int show(void* context, const double* numbers, const Read& read) {
  auto& [shared, rank] = *static_cast<Context*>(context);
  shared->numbers[rank] = numbers;
  shared->barrier.arrive_and_wait();
  read(shared->numbers, rank);
  shared->barrier.arrive_and_wait();
  return 0;
}

int broadcast(void* context, double* numbers, std::size_t count, std::size_t root) {
  return show(context, numbers, [&](const auto& all, std::size_t rank) {
    if (rank != root) std::copy_n(all[root], count, numbers);
  });
}

int gather(void* context, const double* own, std::size_t count, double* all) {
  return show(context, own, [&](const auto& shown, std::size_t) {
    for (std::size_t rank = 0; rank < num_ranks; ++rank) std::copy_n(shown[rank], count, all + rank * count);
  });
}

int transpose(void* context, const double* sent, double* received) {
  return show(context, sent, [&](const auto& shown, std::size_t own) {
    for (std::size_t rank = 0; rank < num_ranks; ++rank) received[rank] = shown[rank][own];
  });
}

int reserve(void*, std::size_t) { return 0; }

int exchange(void* context, const fieldfold_message* sent, std::size_t num_sent, const fieldfold_message* received,
             std::size_t num_received) {
  auto& [shared, rank] = *static_cast<Context*>(context);
  shared->messages[rank] = sent;
  shared->counts[rank] = num_sent;
  shared->barrier.arrive_and_wait();
  std::array<std::size_t, num_ranks> next{};
  for (std::size_t i = 0; i < num_received; ++i) {
    std::size_t& place = next[received[i].rank];
    while (shared->messages[received[i].rank][place].rank != rank) ++place;
    std::copy_n(shared->messages[received[i].rank][place++].numbers, received[i].count, received[i].numbers);
  }
  shared->barrier.arrive_and_wait();
  return 0;
}

int write(void*, const char*, const fieldfold_file_part*, std::size_t) { return 1; }
void explain(void*, int, char* text, std::size_t) { *text = '\0'; }
void release(void*) {}

using Call = std::function<std::vector<double>(const std::shared_ptr<const fieldfold::Communicator>& rank)>;

struct Outcome {
  bool has_thrown = false;
  std::string unexpected;
  std::vector<double> numbers;
};

/// Runs a call on all ranks; allocations of one of them fail.
std::vector<Outcome> outcomes_of(const Call& call, std::size_t failing_rank, Failing mode, long k) {
  Shared shared;
  std::vector<Outcome> outcomes(num_ranks);
  std::vector<std::jthread> threads;
  for (std::size_t rank = 0; rank < num_ranks; ++rank)
    threads.emplace_back([&, rank] {
      is_exempt = true;
      Context context{&shared, rank};
      const auto communicator = fieldfold::communicator_over({.context = &context,
                                                              .size = num_ranks,
                                                              .rank = rank,
                                                              .threads = 1,
                                                              .sum = sum,
                                                              .maximum = maximum,
                                                              .broadcast = broadcast,
                                                              .gather = gather,
                                                              .transpose = transpose,
                                                              .reserve = reserve,
                                                              .exchange = exchange,
                                                              .write = write,
                                                              .explain = explain,
                                                              .release = release});
      // None begins before all are ready.
      shared.barrier.arrive_and_wait();
      if (rank == failing_rank) {
        allocations_left = k;
        has_failed = false;
        failing = mode;
        is_exempt = false;
      }
      Outcome& outcome = outcomes[rank];
      try {
        communicator->together([&] { outcome.numbers = call(communicator); });
      } catch (const std::bad_alloc&) {
        outcome.has_thrown = true;
      } catch (const std::exception& error) {
        is_exempt = true;
        outcome.unexpected = error.what();
      }
      is_exempt = true;
      shared.barrier.arrive_and_wait();
      failing = Failing::none;
    });
  threads.clear();
  return outcomes;
}

/// Fails allocations of each rank until the call needs none of them.
void fail_allocations_of(const std::string& name, const Call& call) {
  const auto expected = outcomes_of(call, 0, Failing::none, 0);
  std::size_t thrown = 0;
  for (std::size_t rank = 0; rank < num_ranks; ++rank)
    for (const Failing mode : {Failing::one, Failing::all_from}) {
      has_failed = true;
      for (long k = 0; has_failed; k += 1 + k / 16) {
        const auto found = outcomes_of(call, rank, mode, k);
        bool is_right = true;
        for (std::size_t other = 0; other < num_ranks; ++other) {
          const Outcome& outcome = found[other];
          is_right = is_right && outcome.unexpected.empty() && outcome.has_thrown == found[0].has_thrown;
          if (outcome.has_thrown || !outcome.unexpected.empty()) continue;
          is_right = is_right && outcome.numbers.size() == expected[other].numbers.size();
          for (std::size_t i = 0; is_right && i < outcome.numbers.size(); ++i)
            is_right = std::abs(outcome.numbers[i] - expected[other].numbers[i]) <= 1e-9;
        }
        thrown += found[0].has_thrown ? 1 : 0;
        if (!is_right) BOOST_ERROR(name << ", allocation " << k << " of rank " << rank << ": ranks differ");
      }
    }
  // The call has met failures, also in the midst of others' waiting.
  BOOST_TEST(thrown > 20U);
}

std::vector<double> numbers_of(const Array& array) { return {array.begin(), array.end()}; }

/// Numbers that differ from rank to rank.
Array numbers(std::size_t rows, std::size_t cols, std::size_t rank) {
  auto array = Array::from_shape({rows, cols});
  for (std::size_t i = 0; i < array.size(); ++i)
    array.data()[i] = std::sin(static_cast<double>((i + 1) * (rank + 2)) * 0.7) + std::cos(static_cast<double>(i * i));
  return array;
}

}  // namespace

BOOST_AUTO_TEST_CASE(learning_and_compression) {
  fail_allocations_of("learning", [](const auto& rank) {
    SVD svd({.communicator = rank}, {.field_opts = {.center = true}, .rule = {.rank = 2}});
    const Array snapshots = numbers(20 + rank->rank(), 6, rank->rank());
    svd.compute_map(snapshots);
    return numbers_of(svd.compress(numbers(2, svd.dof(), rank->rank())));
  });
}

BOOST_AUTO_TEST_CASE(interpolation) {
  const fieldfold::RBFOptions clusters{.method = fieldfold::RBFMethod::partition_of_unity, .cluster_size = 12};
  for (const auto& options : {fieldfold::RBFOptions{.neighbors = 6}, clusters})
    fail_allocations_of("interpolation", [&](const auto& rank) {
      const Array points = numbers(40, 2, rank->rank());
      const Array queries = 0.5 * points;
      const fieldfold::InterpolationOperator matrix(rank, points, queries, {"rbf", options});
      std::vector<double> all = numbers_of(matrix(numbers(40, 2, 1)));
      const auto loads = numbers_of(matrix.transposed(numbers(40, 1, 2)));
      all.insert(all.end(), loads.begin(), loads.end());
      return all;
    });
}

BOOST_AUTO_TEST_CASE(merging) {
  fail_allocations_of("merging", [](const auto& rank) {
    SVD svd({}, {.rule = {.rank = 2}});
    svd.compute_map(numbers(12, 4, rank->rank()));
    return numbers_of(fieldfold::merged(*rank, svd).singular_values());
  });
}
