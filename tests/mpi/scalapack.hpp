#pragma once

// The singular values of a distributed matrix by ScaLAPACK.

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" {
int Csys2blacs_handle(MPI_Comm);
void Cblacs_gridinit(int*, const char*, int, int);
void Cblacs_gridinfo(int, int*, int*, int*, int*);
void Cblacs_gridexit(int);
void Cfree_blacs_system_handle(int);
int numroc_(const int*, const int*, const int*, const int*, const int*);
void descinit_(int*, const int*, const int*, const int*, const int*, const int*, const int*, const int*, const int*,
               int*);
void pdgesvd_(const char*, const char*, const int*, const int*, double*, const int*, const int*, const int*, double*,
              double*, const int*, const int*, const int*, double*, const int*, const int*, const int*, double*,
              const int*, int*);
}

/// The part of a matrix that this rank has in the layout of ScaLAPACK: blocks of 32 rows in turn, all columns.
class ScalapackMatrix {
 public:
  /// \param entry  of the whole matrix
  ScalapackMatrix(MPI_Comm ranks, std::size_t rows, std::size_t cols,
                  const std::function<double(std::size_t row, std::size_t col)>& entry)
      : rows_(static_cast<int>(rows)), cols_(static_cast<int>(cols)) {
    int size = 1;
    MPI_Comm_size(ranks, &size);
    handle_ = Csys2blacs_handle(ranks);
    grid_ = handle_;
    Cblacs_gridinit(&grid_, "Row", size, 1);
    int grid_rows = 0;
    int grid_cols = 0;
    int col = 0;
    Cblacs_gridinfo(grid_, &grid_rows, &grid_cols, &rank_, &col);
    local_rows_ = std::max(1, numroc_(&rows_, &block, &rank_, &zero, &size));
    int failure = 0;
    descinit_(matrix_.data(), &rows_, &cols_, &block, &block, &zero, &zero, &grid_, &local_rows_, &failure);
    numbers_.resize(static_cast<std::size_t>(local_rows_) * cols);
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t number = row / block;
      if (static_cast<int>(number % static_cast<std::size_t>(size)) != rank_) continue;
      const std::size_t place = number / static_cast<std::size_t>(size) * block + row % block;
      for (std::size_t j = 0; j < cols; ++j)
        numbers_[place + j * static_cast<std::size_t>(local_rows_)] = entry(row, j);
    }
  }
  ScalapackMatrix(const ScalapackMatrix&) = delete;
  ScalapackMatrix& operator=(const ScalapackMatrix&) = delete;
  ~ScalapackMatrix() {
    Cblacs_gridexit(grid_);
    Cfree_blacs_system_handle(handle_);
  }

  /// Descending; the matrix is overwritten. \param with_vectors  also the left singular vectors
  std::vector<double> singular_values(bool with_vectors) {
    std::vector<double> s(static_cast<std::size_t>(std::min(rows_, cols_)));
    const int short_side = std::min(rows_, cols_);
    std::array<int, 9> left{};
    int failure = 0;
    descinit_(left.data(), &rows_, &short_side, &block, &block, &zero, &zero, &grid_, &local_rows_, &failure);
    std::vector<double> u(with_vectors ? static_cast<std::size_t>(local_rows_) * s.size() : 1);
    double v = 0.0;
    std::vector<double> work(1);
    int length = -1;
    const auto run = [&] {
      pdgesvd_(with_vectors ? "V" : "N", "N", &rows_, &cols_, numbers_.data(), &one, &one, matrix_.data(), s.data(),
               u.data(), &one, &one, left.data(), &v, &one, &one, left.data(), work.data(), &length, &failure);
    };
    run();
    length = static_cast<int>(work[0]) + 1;
    work.resize(static_cast<std::size_t>(length));
    run();
    if (failure != 0) throw std::runtime_error("pdgesvd: " + std::to_string(failure));
    return s;
  }

 private:
  static constexpr int block = 32;
  static constexpr int zero = 0;
  static constexpr int one = 1;

  int rows_;
  int cols_;
  int handle_ = 0;
  int grid_ = 0;
  int rank_ = 0;
  int local_rows_ = 1;
  std::array<int, 9> matrix_{};
  std::vector<double> numbers_;
};
