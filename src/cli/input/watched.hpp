#pragma once

// Rows that show how many of them have been read.

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "../terminal/progress.hpp"

import fieldfold;

namespace fieldfold::cli {

/// A source that is read once, with a progress bar.
class WatchedRows final : public RowSource<double> {
 public:
  /// \param source  it must outlive this object
  WatchedRows(const RowSource<double>& source, std::string phase)
      : source_(source),
        phase_(std::move(phase)),
        size_(static_cast<double>(source.rows()) * static_cast<double>(source.cols())),
        bar_(size_ * sizeof(double) / 1e6) {}
  std::size_t rows() const override { return source_.rows(); }
  std::size_t cols() const override { return source_.cols(); }
  std::size_t block_rows() const override { return source_.block_rows(); }
  MatrixView<const double> read(std::size_t first, std::size_t count, std::vector<double>& buffer) const override {
    advance(count * cols());
    return source_.read(first, count, buffer);
  }
  MatrixView<const double> read_columns(std::size_t first, std::size_t count,
                                        std::vector<double>& buffer) const override {
    advance(count * rows());
    return source_.read_columns(first, count, buffer);
  }
  bool has_fast_rows() const override { return source_.has_fast_rows(); }
  bool reads_columns() const override { return source_.reads_columns(); }

 private:
  void advance(std::size_t numbers) const {
    const std::scoped_lock lock(guard_);
    bar_(phase_, done_ / size_);
    done_ += static_cast<double>(numbers);
  }

  const RowSource<double>& source_;
  std::string phase_;
  double size_;
  mutable std::mutex guard_;
  mutable double done_ = 0.0;
  mutable ProgressBar bar_;
};

}  // namespace fieldfold::cli
