// Learns and uses a map on ranks of MPI, each with its own points.

#include <mpi.h>
#include <fieldfold/xtensor.hpp>

#include <cmath>
#include <cstddef>
#include <iostream>

import fieldfold;
import fieldfold.mpi;

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  bool is_right = false;
  {
    // Snapshots of the points of this rank, (dof, num_samples).
    const std::size_t dof = 1000 + 100 * static_cast<std::size_t>(rank);
    auto snapshots = xt::xarray<double>::from_shape({dof, 20});
    for (std::size_t i = 0; i < dof; ++i)
      for (std::size_t j = 0; j < 20; ++j)
        snapshots(i, j) = std::sin(0.01 * static_cast<double>(i) + 0.3 * static_cast<double>(j)) + rank;

    fieldfold::SVD svd({.communicator = fieldfold::mpi_communicator(MPI_COMM_WORLD)}, {.rule = {.rank = 3}});
    svd.compute_map(snapshots);
    const xt::xarray<double> latent = svd.compress(xt::transpose(snapshots));  // the same on all ranks
    const xt::xarray<double> again = svd.reconstruct(latent);                  // of the points of this rank
    fieldfold::save("ranks.fold", svd);                                        // one file, whatever the ranks
    is_right = xt::amax(xt::abs(again - xt::transpose(snapshots)))() < 1e-12;
    if (rank == 0) std::cout << svd.num_samples() << " samples, rank " << svd.rank() << '\n';
  }
  MPI_Finalize();
  return is_right ? 0 : 1;
}
