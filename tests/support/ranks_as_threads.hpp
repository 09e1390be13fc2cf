#pragma once

// The ranks of a communicator as threads of one process. Include after the import of fieldfold.base.communicator.

#include <algorithm>
#include <barrier>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

/// What the threads share.
struct SharedByRanks {
  explicit SharedByRanks(std::size_t ranks)
      : barrier(static_cast<std::ptrdiff_t>(ranks)), numbers(ranks), messages(ranks), failures(ranks) {}

  std::barrier<> barrier;
  std::vector<std::span<const double>> numbers;
  std::vector<const std::vector<fieldfold::Message>*> messages;
  std::vector<std::exception_ptr> failures;
};

/// One of the ranks.
class ThreadRank final : public fieldfold::Communicator {
 public:
  ThreadRank(SharedByRanks& shared, std::size_t rank) : shared_(shared), rank_(rank) {}

  std::size_t size() const override { return shared_.numbers.size(); }
  std::size_t rank() const override { return rank_; }

  void sum(std::span<double> numbers) const override {
    reduce(numbers, [](double a, double b) { return a + b; });
  }
  void maximum(std::span<double> numbers) const override {
    reduce(numbers, [](double a, double b) { return std::max(a, b); });
  }
  void broadcast(std::span<double> numbers) const override {
    reduce(numbers, [](double a, double) { return a; });
  }
  std::vector<double> gather(std::span<const double> numbers) const override {
    std::vector<double> all;
    exchange_numbers(numbers, [&] {
      for (const auto& part : shared_.numbers) all.insert(all.end(), part.begin(), part.end());
    });
    return all;
  }
  std::vector<double> transpose(std::span<const double> numbers) const override {
    std::vector<double> received;
    exchange_numbers(numbers, [&] {
      for (const auto& row : shared_.numbers) received.push_back(row[rank_]);
    });
    return received;
  }
  void exchange(const std::vector<fieldfold::Message>& sent, std::vector<fieldfold::Message>& received) const override {
    if (const auto first = first_failure(nullptr)) throw FailureOfAny{first};
    shared_.messages[rank_] = &sent;
    shared_.barrier.arrive_and_wait();
    for (auto& message : received)
      for (const auto& other : *shared_.messages[message.rank])
        if (other.rank == rank_) message.numbers = other.numbers;
    shared_.barrier.arrive_and_wait();
  }
  void write_parts(const std::filesystem::path& path, const std::vector<fieldfold::FilePart>& parts) const override {
    exchange_numbers({}, [&] {
      if (rank_ == 0) std::ofstream(path, std::ios::app);
    });
    exchange_numbers({}, [&] {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      for (const auto& part : parts) {
        file.seekp(static_cast<std::streamoff>(part.offset));
        file.write(reinterpret_cast<const char*>(part.bytes.data()), static_cast<std::streamsize>(part.bytes.size()));
      }
    });
  }
  void run_together(const std::function<void()>& work) const override {
    if (is_together_) return work();
    is_together_ = true;
    try {
      together_once(work);
    } catch (...) {
      is_together_ = false;
      throw;
    }
    is_together_ = false;
  }
  void together_once(const std::function<void()>& work) const {
    try {
      work();
    } catch (const FailureOfAny& failure) {
      std::rethrow_exception(failure.error);
    } catch (...) {
      rethrow_first(std::current_exception());
    }
    rethrow_first(nullptr);
  }

  /// Reductions so far, and their numbers.
  std::size_t calls() const { return calls_; }
  std::size_t sent() const { return sent_; }

 private:
  struct FailureOfAny {
    std::exception_ptr error;
  };

  std::exception_ptr first_failure(std::exception_ptr own) const {
    shared_.failures[rank_] = std::move(own);
    shared_.barrier.arrive_and_wait();
    std::exception_ptr first;
    for (const auto& failure : shared_.failures)
      if (!first) first = failure;
    shared_.barrier.arrive_and_wait();
    return first;
  }
  void rethrow_first(std::exception_ptr own) const {
    if (const auto first = first_failure(std::move(own))) std::rethrow_exception(first);
  }

  /// \param read  is called when the numbers of all ranks can be read
  template <class Read>
  void exchange_numbers(std::span<const double> numbers, const Read& read) const {
    if (const auto first = first_failure(nullptr)) throw FailureOfAny{first};
    ++calls_;
    sent_ += numbers.size();
    shared_.numbers[rank_] = numbers;
    shared_.barrier.arrive_and_wait();
    read();
    shared_.barrier.arrive_and_wait();
  }

  template <class Operation>
  void reduce(std::span<double> numbers, const Operation& operation) const {
    std::vector<double> result;
    exchange_numbers(numbers, [&] {
      result.assign(shared_.numbers[0].begin(), shared_.numbers[0].end());
      for (std::size_t rank = 1; rank < size(); ++rank)
        std::transform(result.begin(), result.end(), shared_.numbers[rank].begin(), result.begin(), operation);
    });
    std::copy(result.begin(), result.end(), numbers.begin());
  }

  SharedByRanks& shared_;
  std::size_t rank_;
  mutable bool is_together_ = false;
  mutable std::size_t calls_ = 0;
  mutable std::size_t sent_ = 0;
};

/// Calls `work` once for each rank, at the same time. An exception of a rank is rethrown when all have ended.
inline void on_ranks(std::size_t ranks, const std::function<void(std::shared_ptr<const ThreadRank> rank)>& work) {
  SharedByRanks shared(ranks);
  std::vector<std::exception_ptr> errors(ranks);
  {
    std::vector<std::jthread> threads;
    for (std::size_t rank = 0; rank < ranks; ++rank)
      threads.emplace_back([&, rank] {
        try {
          work(std::make_shared<const ThreadRank>(shared, rank));
        } catch (...) {
          errors[rank] = std::current_exception();
        }
      });
  }
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
}
