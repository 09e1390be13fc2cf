#include <memory>
#include <utility>

#include "communicator.hpp"

import fieldfold;

namespace fieldfold::c {

Handles<fieldfold_communicator, const Communicator>& communicators() {
  // Never destroyed, as in svds().
  static auto* const only = new Handles<fieldfold_communicator, const Communicator>("communicator");
  return *only;
}

}  // namespace fieldfold::c

using namespace fieldfold::c;  // NOLINT(google-build-using-namespace): the functions below have no namespace of their
                               // own

fieldfold_status fieldfold_communicator_create(const fieldfold_ranks* ranks, fieldfold_communicator** communicator) {
  return guarded([&] {
    given(communicator, "communicator");
    *communicator = communicators().add(fieldfold::communicator_over(*given(ranks, "ranks")));
  });
}

void fieldfold_communicator_free(fieldfold_communicator* communicator) { communicators().remove(communicator); }
