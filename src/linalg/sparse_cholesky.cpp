module;

#ifdef FIELDFOLD_CHOLMOD
#include <suitesparse/cholmod.h>
#endif

module fieldfold.linalg.sparse_cholesky;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.sparse;

namespace fieldfold {

#ifdef FIELDFOLD_CHOLMOD

bool sparse_cholesky_is_built() { return true; }

struct SparseCholesky::Factor {
  mutable std::mutex guard;  ///< CHOLMOD's workspace is not thread-safe
  mutable cholmod_common common;
  cholmod_factor* factor = nullptr;
  std::size_t order = 0;

  Factor() {
    cholmod_l_start(&common);
    common.print = 0;
    common.try_catch = 1;
    // Nested dissection has less fill than minimum degree for points in a plane or in space.
    common.nmethods = 1;
    common.method[0].ordering = CHOLMOD_METIS;
    common.postorder = 1;
    // L L^T, which stops if the matrix is not positive definite; L D L^T would continue.
    common.final_ll = 1;
  }
  Factor(const Factor&) = delete;
  Factor& operator=(const Factor&) = delete;
  ~Factor() {
    cholmod_l_free_factor(&factor, &common);
    cholmod_l_finish(&common);
  }
};

SparseCholesky::SparseCholesky(const SparseRows& lower) {
  auto made = make_shared<Factor>();
  made->order = lower.cols;
  // Rows of the lower triangle are columns of the upper one.
  std::vector<std::int64_t> begins(lower.offsets.begin(), lower.offsets.end());
  std::vector<std::int64_t> rows(lower.columns.begin(), lower.columns.end());
  cholmod_sparse matrix{};
  matrix.nrow = matrix.ncol = lower.cols;
  matrix.nzmax = rows.size();
  matrix.p = begins.data();
  matrix.i = rows.data();
  matrix.x = const_cast<double*>(lower.weights.data());
  matrix.stype = 1;
  matrix.itype = CHOLMOD_LONG;
  matrix.xtype = CHOLMOD_REAL;
  matrix.dtype = CHOLMOD_DOUBLE;
  matrix.sorted = 1;
  matrix.packed = 1;
  made->factor = cholmod_l_analyze(&matrix, &made->common);
  if (made->common.status == CHOLMOD_NOT_INSTALLED) {
    made->common.method[0].ordering = CHOLMOD_AMD;
    made->factor = cholmod_l_analyze(&matrix, &made->common);
  }
  if (made->factor != nullptr) cholmod_l_factorize(&matrix, made->factor, &made->common);
  if (made->common.status == CHOLMOD_OUT_OF_MEMORY) throw std::bad_alloc();
  if (made->common.status < CHOLMOD_OK)
    throw NumericalError(message("the factorization of a sparse matrix of order ", lower.cols,
                                 " failed: CHOLMOD status ", made->common.status));
  factor_ = std::move(made);
}

bool SparseCholesky::is_positive_definite() const {
  return factor_->factor->minor == factor_->order &&
         reciprocal_condition() > std::numeric_limits<double>::epsilon() * static_cast<double>(factor_->order);
}

double SparseCholesky::reciprocal_condition() const {
  const std::scoped_lock lock(factor_->guard);
  return std::max(0.0, cholmod_l_rcond(factor_->factor, &factor_->common));
}

std::size_t SparseCholesky::bytes() const {
  const cholmod_factor& factor = *factor_->factor;
  return (factor.is_super ? factor.xsize : factor.nzmax) * sizeof(double);
}

void SparseCholesky::solve(MatrixView<double> right_hand_sides) const {
  if (right_hand_sides.rows == 0 || right_hand_sides.cols == 0) return;
  const std::scoped_lock lock(factor_->guard);
  // A row here is a column in CHOLMOD. One at a time, because NaN in one may spread to others in a matrix product.
  cholmod_dense side{};
  side.nrow = side.d = side.nzmax = right_hand_sides.cols;
  side.ncol = 1;
  side.xtype = CHOLMOD_REAL;
  side.dtype = CHOLMOD_DOUBLE;
  for (std::size_t k = 0; k < right_hand_sides.rows; ++k) {
    side.x = right_hand_sides.row(k).data();
    cholmod_dense* solution = cholmod_l_solve(CHOLMOD_A, factor_->factor, &side, &factor_->common);
    if (solution == nullptr) throw std::bad_alloc();
    std::copy_n(static_cast<const double*>(solution->x), side.nrow, right_hand_sides.row(k).data());
    cholmod_l_free_dense(&solution, &factor_->common);
  }
}

#else

bool sparse_cholesky_is_built() { return false; }

struct SparseCholesky::Factor {};

SparseCholesky::SparseCholesky(const SparseRows&) { throw NotReady("the library is built without CHOLMOD"); }

bool SparseCholesky::is_positive_definite() const { return false; }

double SparseCholesky::reciprocal_condition() const { return 0.0; }

std::size_t SparseCholesky::bytes() const { return 0; }

void SparseCholesky::solve(MatrixView<double>) const {}

#endif

}  // namespace fieldfold
