module;

#include "fieldfold_mpi.h"

module fieldfold.mpi.communicator;

import fieldfold.base.diagnostics;
import fieldfold.base.ranks;

namespace fieldfold {

std::shared_ptr<const Communicator> mpi_communicator(MPI_Comm communicator) {
  if (const char* const obstacle = fieldfold_mpi_obstacle(); obstacle != nullptr) throw NotReady(obstacle);
  if (communicator == MPI_COMM_NULL) throw InvalidArgument("communicator: expected one of MPI, got MPI_COMM_NULL");
  fieldfold_ranks ranks{};
  if (const int code = fieldfold_mpi_ranks(communicator, &ranks); code != MPI_SUCCESS) {
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    MPI_Error_string(code, text.data(), &length);
    throw std::runtime_error(message("MPI: ", std::string_view(text.data(), static_cast<std::size_t>(length))));
  }
  return communicator_over(ranks);
}

}  // namespace fieldfold
