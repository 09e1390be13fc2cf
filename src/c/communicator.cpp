#include <cstddef>
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

size_t fieldfold_communicator_size(const fieldfold_communicator* communicator) {
  return guarded_result(std::size_t{0}, [&] { return communicators().at(communicator)->size(); });
}

size_t fieldfold_communicator_rank(const fieldfold_communicator* communicator) {
  return guarded_result(std::size_t{0}, [&] { return communicators().at(communicator)->rank(); });
}

size_t fieldfold_communicator_share(const fieldfold_communicator* communicator, size_t total, size_t* first) {
  return guarded_result(std::size_t{0}, [&] {
    const fieldfold::Share share = fieldfold::equal_share(*communicators().at(communicator), total);
    if (first != nullptr) *first = share.first;
    return share.count;
  });
}

fieldfold_status fieldfold_communicator_refuse(const fieldfold_communicator* communicator, const char* sentence) {
  return guarded([&] {
    communicators().at(communicator)->together([&] { throw fieldfold::InvalidArgument(given(sentence, "sentence")); });
  });
}

void fieldfold_communicator_free(fieldfold_communicator* communicator) { communicators().remove(communicator); }
