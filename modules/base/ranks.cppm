module;

#include "fieldfold_ranks.h"

/// Communicators over a library of message passing.
export module fieldfold.base.ranks;

import fieldfold.base.communicator;
import fieldfold.base.standard;

export namespace fieldfold {

/// A communicator over functions that pass messages. An exception thrown on some ranks during a collective call is
/// thrown on all of them, with the number of the rank in its message; one of a type of its own arrives as
/// `std::runtime_error`, and out of memory as `std::bad_alloc`.
/// \param ranks  released with the last copy of the pointer, or if this function throws
/// \throws InvalidArgument  a function is missing; no ranks, or a rank that is not one of them
std::shared_ptr<const Communicator> communicator_over(const fieldfold_ranks& ranks);

}  // namespace fieldfold
