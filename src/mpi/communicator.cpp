module;

#include "fieldfold_mpi.h"

module fieldfold.mpi.communicator;

import fieldfold.base.diagnostics;
import fieldfold.base.ranks;

namespace fieldfold {

std::shared_ptr<const Communicator> mpi_communicator(MPI_Comm communicator) {
  int is_initialized = 0;
  int is_finalized = 0;
  MPI_Initialized(&is_initialized);
  MPI_Finalized(&is_finalized);
  if (is_initialized == 0 || is_finalized != 0)
    throw NotReady(is_finalized != 0 ? "MPI has been finalized: communicators are used before MPI_Finalize"
                                     : "MPI is not initialized: MPI_Init comes first");
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
