module;

#include <cstddef>
#include <vector>

/// Sensor placement.
export module fieldfold.pod.sensors;

import fieldfold.base.arrays;

export namespace fieldfold {

/// Sensor locations for a basis: numbers of a state, `point * num_qoi + field`, from which least squares
/// (`GappyStates::fill`) finds the coefficients with little amplification of noise. They are the pivots of a QR
/// factorization of the transposed basis with column pivoting (QDEIM; Drmac and Gugercin 2016, doi:10.1137/15M1019271),
/// which is repeated on the remaining rows for more sensors than coefficients. At least as many sensors as coefficients
/// are needed to determine these.
/// \param basis  `(dof, rank)`, such as `projection_matrix()` of an SVD; rows of zeros, of masked numbers, are not taken
/// \param count  at least 1
/// \returns  `(count,)`, the most informative first
/// \throws InvalidArgument  0, or more than there are rows
template <class T>
std::vector<std::size_t> sensors(const xt::xarray<T>& basis, std::size_t count);

}  // namespace fieldfold
