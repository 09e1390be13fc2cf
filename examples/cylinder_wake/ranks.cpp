// The flow past a cylinder on ranks of MPI, each with some rows of its nodes. The map is learned where the fields are,
// and does not depend on the number of ranks. Writes cylinder_wake_ranks.fold to the current folder.

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include <fieldfold/xtensor.hpp>

#include "lattice_boltzmann.hpp"

import fieldfold;
import fieldfold.mpi;

namespace {

constexpr LatticeBoltzmann::Settings settings;
constexpr std::size_t num_samples = 100;

/// Exchanges the first and the last row of this rank with those of its neighbors, the first of which follows the last.
void exchange_rows(LatticeBoltzmann& flow, int rank, int size) {
  if (size == 1) return;
  const int before = (rank + size - 1) % size;
  const int after = (rank + 1) % size;
  const std::vector<double> first = flow.first_row();
  const std::vector<double> last = flow.last_row();
  const auto send_and_receive = [](const std::vector<double>& sent, int to, int from) {
    MPI_Status status;
    int count = 0;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Isend(sent.data(), static_cast<int>(sent.size()), MPI_DOUBLE, to, 0, MPI_COMM_WORLD, &request);
    MPI_Probe(from, 0, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, MPI_DOUBLE, &count);
    std::vector<double> received(static_cast<std::size_t>(count));
    MPI_Recv(received.data(), count, MPI_DOUBLE, from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    return received;
  };
  const std::vector<double> last_before = send_and_receive(last, after, before);
  const std::vector<double> first_after = send_and_receive(first, before, after);
  flow.set_neighbors(last_before, first_after);
}

/// \param warm_up, between  steps before the snapshots, and between two of them
void run(std::size_t warm_up, std::size_t between) {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const auto communicator = fieldfold::mpi_communicator(MPI_COMM_WORLD);
  const auto [first, count] = fieldfold::equal_share(*communicator, settings.width);
  LatticeBoltzmann flow(settings, {first, first + count});
  const std::size_t num_pts = flow.nodes().size();
  auto coords = xt::xarray<double>::from_shape({num_pts, 2});
  for (std::size_t p = 0; p < num_pts; ++p) {
    coords(p, 0) = static_cast<double>(flow.nodes()[p].x);
    coords(p, 1) = static_cast<double>(flow.nodes()[p].y);
  }

  fieldfold::Fields fields;
  for (const char* name : {"ux", "uy"}) fields[name] = xt::xarray<double>::from_shape({num_samples, num_pts});
  for (std::size_t step = 1; step <= warm_up + between * num_samples; ++step) {
    exchange_rows(flow, rank, size);
    flow.step();
    if (step <= warm_up || (step - warm_up) % between != 0) continue;
    const std::size_t sample = (step - warm_up) / between - 1;
    std::ranges::copy(flow.ux(), fields["ux"].begin() + static_cast<std::ptrdiff_t>(sample * num_pts));
    std::ranges::copy(flow.uy(), fields["uy"].begin() + static_cast<std::ptrdiff_t>(sample * num_pts));
  }

  fieldfold::SVD svd({.fields = {"ux", "uy"}, .coords = coords, .communicator = communicator},
                     {.field_opts = {.center = true}, .rule = {.rank = 8}});
  const double start = MPI_Wtime();
  svd.compute_map(fields);
  const double seconds = MPI_Wtime() - start;
  fieldfold::save("cylinder_wake_ranks.fold", svd);
  if (rank == 0)
    std::printf("%d ranks: %zu snapshots, rank %zu, energy %.8f, %.3f s\n", size, svd.num_samples(), svd.rank(),
                svd.energy(), seconds);
}

}  // namespace

/// Usage: cylinder_wake_ranks [STEPS_BEFORE STEPS_BETWEEN]
int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int status = 0;
  try {
    run(argc > 2 ? std::strtoul(argv[1], nullptr, 10) : 14000, argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 50);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cylinder_wake_ranks: error: %s\n", error.what());
    status = 1;
  }
  MPI_Finalize();
  return status;
}
