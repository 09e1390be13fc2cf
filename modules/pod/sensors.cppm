/// Sensor placement.
export module fieldfold.pod.sensors;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;

export namespace fieldfold {

/// Sensor locations for a basis: indices into a state, `point * num_qoi + field`. Least squares (`GappyStates::fill`)
/// determines the coefficients from these entries with little amplification of noise. The locations are the pivots of a
/// QR factorization of the transposed basis with column pivoting (QDEIM; Drmac and Gugercin 2016,
/// doi:10.1137/15M1019271), repeated on the remaining rows for more sensors than coefficients.
/// \param basis  `(dof, rank)`, such as `projection_matrix()` of an SVD; rows of zeros (masked numbers) are skipped
/// \param count  at least the rank: fewer sensors do not determine the coefficients
/// \param partition  the rows of this rank, if the points are distributed among ranks, such as `partition()` of an SVD;
///               collective then, and the indices are those of all rows
/// \returns  `(count,)`, the most informative first
/// \throws InvalidArgument  a count below the rank, or above the number of nonzero rows
template <class T>
std::vector<std::size_t> sensors(const xt::xarray<T>& basis, std::size_t count, const RowPartition& partition = {});

/// The amplification of noise from sensors to coefficients: the 2-norm of the pseudo-inverse of these rows of the
/// basis; infinite if they do not determine the coefficients.
/// \param sensors  indices of rows, as from `sensors`  \throws InvalidArgument  an index out of range
template <class T>
double noise_amplification(const xt::xarray<T>& basis, const std::vector<std::size_t>& sensors,
                           const RowPartition& partition = {});

}  // namespace fieldfold
