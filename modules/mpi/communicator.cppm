module;

#include <mpi.h>

/// Ranks of MPI.
export module fieldfold.mpi.communicator;

import fieldfold.base.communicator;
import fieldfold.base.standard;

export namespace fieldfold {

/// The ranks of an MPI communicator, for `CompressionOptions::communicator`. The communicator is duplicated, so that
/// messages of the caller and of this library never meet, and the duplicate is freed with the last copy of the pointer.
/// MPI is initialized and finalized by the caller; threads of this library never call it, so that
/// `MPI_THREAD_FUNNELED` is enough. Collective.
///
/// An exception thrown on some ranks during a collective call is thrown on all of them, with the number of the rank in
/// its message; one of a type of its own arrives as `std::runtime_error`, and out of memory as `std::bad_alloc`.
/// \throws NotReady            MPI is not initialized, or has been finalized
/// \throws std::runtime_error  MPI reports an error; so do all members
std::shared_ptr<const Communicator> mpi_communicator(MPI_Comm communicator);

}  // namespace fieldfold
