/*
 * fieldfold on the ranks of MPI. C99. Link libfieldfold_mpi, libfieldfold and an MPI library; for another MPI library
 * than that of the installation compile fieldfold_mpi.c, which is installed beside this header.
 */
#ifndef FIELDFOLD_MPI_H
#define FIELDFOLD_MPI_H

#include "fieldfold.h"
#include "fieldfold_ranks.h"

#include <mpi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a communicator over a duplicate of one of MPI, so that messages of the caller and of the library never meet.
   MPI is initialized and finalized by the caller; MPI_THREAD_FUNNELED is enough. Collective. */
FIELDFOLD_API fieldfold_status fieldfold_mpi_communicator_create(MPI_Comm ranks, fieldfold_communicator** communicator);

/* The same for a handle of Fortran. */
FIELDFOLD_API fieldfold_status fieldfold_mpi_communicator_create_f(MPI_Fint ranks,
                                                                   fieldfold_communicator** communicator);

/* Why MPI cannot be used, or null. */
FIELDFOLD_API const char* fieldfold_mpi_obstacle(void);

/* The functions behind it. Returns an error code of MPI; collective. */
FIELDFOLD_API int fieldfold_mpi_ranks(MPI_Comm ranks, fieldfold_ranks* functions);

#ifdef __cplusplus
}
#endif

#endif
