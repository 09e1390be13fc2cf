#pragma once

// The ranks of MPI on which the program was started.

#include <memory>
#include <string>
#include <vector>

import fieldfold;

namespace fieldfold::cli {

/// Starts MPI if the program was started on several ranks, and ends it with this object. Rank 0 alone writes to the
/// terminal.
class Ranks {
 public:
  /// \throws InvalidArgument  the program is built without MPI
  Ranks(int& argc, char**& argv);
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;
  ~Ranks();
};

/// Null on one rank.
std::shared_ptr<const Communicator>& ranks_of_program();

/// The warnings of other ranks, on rank 0, each text once; collective.
std::vector<std::string> gathered(const Communicator& communicator, const std::vector<std::string>& warnings);

}  // namespace fieldfold::cli
