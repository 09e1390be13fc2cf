/// Mass matrices: the inner product of fields on a grid.
export module fieldfold.fields.mass_matrix;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.decomposition.inner_product;
import fieldfold.linalg.halo;
import fieldfold.linalg.sparse;

export namespace fieldfold {

/// Whether a matrix is known to be positive definite.
enum class Definiteness : std::uint8_t { unknown, known };

/// A symmetric positive definite matrix M, `(num_pts, num_pts)`, that gives two fields x and y on the same points the
/// inner product `x^T M y`. In finite elements M holds the integrals of products of shape functions, so that inner
/// products are integrals over the domain. Copies are cheap.
class MassMatrix {
 public:
  /// `y = M x`, x and y `(num_pts,)`.
  using Apply = ApplyToColumn;

  /// A sparse matrix from triplets; duplicate entries are summed.
  /// \param rows, columns  `(entries,)`: whole numbers below num_pts; both triangles
  /// \param values         `(entries,)`
  /// \param definiteness   a matrix that is known to be positive definite is not factorized
  /// \throws InvalidArgument  arrays of different lengths; an index out of range; an entry that is not finite; a matrix
  ///                          that is not symmetric to 1e-10, or not positive definite: the entries are checked for
  ///                          necessary conditions, and with CHOLMOD, up to 20 000 points, a factorization decides
  MassMatrix(std::size_t num_pts, const ArrayRef<double>& rows, const ArrayRef<double>& columns,
             const ArrayRef<double>& values, Definiteness definiteness = Definiteness::unknown);

  /// The same; the largest row index sets the number of points.
  MassMatrix(const ArrayRef<double>& rows, const ArrayRef<double>& columns, const ArrayRef<double>& values);

  /// A sparse matrix of points that are distributed among ranks; collective. Triplets may be given on any rank, as an
  /// assembly by elements yields them, and are summed. Products with this matrix are collective.
  /// \param num_pts        of this rank, after those of lower ranks
  /// \param rows, columns  numbers of points among those of all ranks
  /// \throws InvalidArgument  as above; a factorization decides on no number of points
  MassMatrix(std::shared_ptr<const Communicator> communicator, std::size_t num_pts, const ArrayRef<double>& rows,
             const ArrayRef<double>& columns, const ArrayRef<double>& values);

  /// The same from compressed rows. \throws InvalidArgument  as above
  explicit MassMatrix(SparseRows rows);

  /// A matrix-free operator, assumed symmetric and positive definite. Learning calls it from one thread at a time;
  /// `assess`, and `compress` where holes are filled, from the threads that call them. It is not saved with a
  /// compressor.
  MassMatrix(std::size_t num_pts, Apply apply);

  /// The number of points, of this rank if they are distributed.
  std::size_t num_pts() const { return num_pts_; }

  /// The entries, of this rank and for its points if they are distributed; null if M is a function.
  const SparseRows* sparse() const { return rows_.get(); }

  /// Whether points are distributed among ranks.
  bool is_distributed() const { return shared_ != nullptr; }

  /// The number of points of all ranks.
  std::size_t num_pts_of_all() const { return shared_ ? shared_->points.total(num_pts_) : num_pts_; }

  /// The entries in the rows of this rank, with the columns of all ranks. \throws NotReady  M is a function
  SparseRows rows_of_all() const;

  /// `results = M values`. \param values  `(num_pts, k)`  \param results  `(num_pts, k)`
  /// \param threads  to use for a sparse matrix; 0: as many as the machine has
  void multiply(MatrixView<const double> values, MatrixView<double> results, std::size_t threads = 1) const;

  /// The row sums, `(num_pts,)`: for finite elements, the integrals of the shape functions.
  xt::xarray<double> row_sums() const;

  /// The square roots of the diagonal, `(num_pts,)`, by which rows and columns are divided before a decomposition: the
  /// scaled mass matrix is well-conditioned, however different the cells are (Wathen 1987, doi:10.1093/imanum/7.4.449).
  /// Ones if M is a function.
  std::vector<double> scales() const;

  /// The inner product of columns multiplied by `scales`; M is shared by `groups` interleaved fields.
  template <class T>
  std::unique_ptr<InnerProduct<T>> scaled_inner_product(std::size_t groups) const;

 private:
  /// The entries of points of other ranks.
  struct Shared {
    std::shared_ptr<const Communicator> communicator;
    RowPartition points;
    std::vector<std::uint64_t> numbers;  ///< of these points, ascending
    std::shared_ptr<const Halo> halo;
    SparseRows beyond;  ///< `(num_pts, numbers)`
  };

  void validate(Definiteness definiteness) const;
  void share(const std::vector<std::array<double, 3>>& triplets);
  void validate_shared() const;
  void add_beyond(MatrixView<const double> values, MatrixView<double> results) const;
  std::vector<double> halo_values(std::span<const double> own) const;

  std::size_t num_pts_;
  std::shared_ptr<const SparseRows> rows_;  ///< shared by copies; null if M is a function
  std::shared_ptr<Shared> shared_;          ///< null if one process has all points
  Apply apply_;
};

}  // namespace fieldfold
