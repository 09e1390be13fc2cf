#ifdef FIELDFOLD_MPI
#include <mpi.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "terminal/session.hpp"

// It imports fieldfold; g++ includes nothing after it.
#include "ranks.hpp"

import fieldfold;
#ifdef FIELDFOLD_MPI
import fieldfold.mpi;
#endif

namespace fieldfold::cli {
namespace {

/// Whether a launcher of Open MPI or MPICH has started more than one process.
bool are_several_started() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char* const size = std::getenv(name); size != nullptr && std::atoi(size) > 1) return true;
  return false;
}

}  // namespace

#ifdef FIELDFOLD_MPI
Ranks::Ranks(int& argc, char**& argv) {
  if (!are_several_started()) return;
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  ranks_of_program() = mpi_communicator(MPI_COMM_WORLD);
  session().is_first_rank = ranks_of_program()->rank() == 0;
}

Ranks::~Ranks() {
  if (!ranks_of_program()) return;
  ranks_of_program().reset();
  MPI_Finalize();
}
#else
Ranks::Ranks(int&, char**&) {
  if (are_several_started())
    throw InvalidArgument("mpirun: expected one process, because this program is built without MPI (-Dmpi=enabled)");
}

Ranks::~Ranks() = default;
#endif

std::shared_ptr<const Communicator>& ranks_of_program() {
  static std::shared_ptr<const Communicator> only;
  return only;
}

std::vector<std::string> gathered(const Communicator& communicator, const std::vector<std::string>& warnings) {
  std::vector<Message> sent;
  if (communicator.rank() > 0 && !warnings.empty()) sent.push_back({0, {}});
  for (const std::string& warning : warnings) {
    if (sent.empty()) break;
    for (const char letter : warning) sent[0].numbers.push_back(static_cast<double>(letter));
    sent[0].numbers.push_back(static_cast<double>('\n'));
  }
  std::vector<std::string> texts;
  for (const Message& message : deliver(communicator, sent)) {
    std::string text;
    for (const double code : message.numbers) {
      if (code != static_cast<double>('\n')) {
        text += static_cast<char>(code);
        continue;
      }
      if (std::ranges::find(texts, text) == texts.end()) texts.push_back(text);
      text.clear();
    }
  }
  return texts;
}

}  // namespace fieldfold::cli
