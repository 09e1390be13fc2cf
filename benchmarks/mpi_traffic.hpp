#pragma once

#include <cstdint>

/// What this rank has passed to MPI: the program replaces functions of MPI by ones that count and call those of PMPI.
struct Traffic {
  std::uint64_t collectives = 0;
  std::uint64_t headers = 0;     ///< reductions of six numbers to their maximum, which say what call follows
  std::uint64_t numbers = 0;     ///< in double precision
  std::uint64_t bytes = 0;       ///< all, except those of files and to the rank itself
  std::uint64_t messages = 0;    ///< from one rank to another
  std::uint64_t file_calls = 0;  ///< of all ranks: opening, syncing and closing
  std::uint64_t written = 0;     ///< bytes of files
  double seconds = 0.0;          ///< in collective calls, waiting for other ranks included

  Traffic operator-(const Traffic& before) const;
};

/// Since the program started.
Traffic mpi_traffic();
