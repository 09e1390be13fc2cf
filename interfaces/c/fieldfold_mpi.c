#define _GNU_SOURCE /* the processors of a process */

#include "fieldfold_mpi.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A duplicated communicator, and memory for the messages of one exchange. */
typedef struct context {
  MPI_Comm ranks;
  MPI_Request* requests;
  size_t num_requests;
} context;

static int sum(void* own, double* numbers, size_t count) {
  return MPI_Allreduce(MPI_IN_PLACE, numbers, (int)count, MPI_DOUBLE, MPI_SUM, ((context*)own)->ranks);
}

static int maximum(void* own, double* numbers, size_t count) {
  return MPI_Allreduce(MPI_IN_PLACE, numbers, (int)count, MPI_DOUBLE, MPI_MAX, ((context*)own)->ranks);
}

static int broadcast(void* own, double* numbers, size_t count, size_t root) {
  return MPI_Bcast(numbers, (int)count, MPI_DOUBLE, (int)root, ((context*)own)->ranks);
}

static int gather(void* own, const double* numbers, size_t count, double* all) {
  return MPI_Allgather(numbers, (int)count, MPI_DOUBLE, all, (int)count, MPI_DOUBLE, ((context*)own)->ranks);
}

static int transpose(void* own, const double* sent, double* received) {
  return MPI_Alltoall(sent, 1, MPI_DOUBLE, received, 1, MPI_DOUBLE, ((context*)own)->ranks);
}

static int reserve(void* own, size_t num_messages) {
  context* const self = own;
  if (num_messages <= self->num_requests) return 0;
  MPI_Request* const requests = realloc(self->requests, num_messages * sizeof(MPI_Request));
  if (requests == NULL) return FIELDFOLD_RANKS_OUT_OF_MEMORY;
  self->requests = requests;
  self->num_requests = num_messages;
  return 0;
}

static int exchange(void* own, const fieldfold_message* sent, size_t num_sent, const fieldfold_message* received,
                    size_t num_received) {
  context* const self = own;
  int failure = MPI_SUCCESS;
  int started = 0;
  for (size_t i = 0; i < num_received && failure == MPI_SUCCESS; ++i)
    failure = MPI_Irecv(received[i].numbers, (int)received[i].count, MPI_DOUBLE, (int)received[i].rank, 0, self->ranks,
                        &self->requests[started++]);
  for (size_t i = 0; i < num_sent && failure == MPI_SUCCESS; ++i)
    failure = MPI_Isend(sent[i].numbers, (int)sent[i].count, MPI_DOUBLE, (int)sent[i].rank, 0, self->ranks,
                        &self->requests[started++]);
  if (failure != MPI_SUCCESS) return failure;
  for (int i = 0; i < started; ++i) {
    const int code = MPI_Wait(&self->requests[i], MPI_STATUS_IGNORE);
    if (failure == MPI_SUCCESS) failure = code;
  }
  return failure;
}

static int write_parts(void* own, const char* path, const fieldfold_file_part* parts, size_t num_parts) {
  context* const self = own;
  MPI_File file = MPI_FILE_NULL;
  int failure = MPI_File_open(self->ranks, path, MPI_MODE_CREATE | MPI_MODE_WRONLY, MPI_INFO_NULL, &file);
  int is_closed = failure != MPI_SUCCESS;
  const int shared = MPI_Allreduce(MPI_IN_PLACE, &is_closed, 1, MPI_INT, MPI_MAX, self->ranks);
  if (shared != MPI_SUCCESS) return shared;
  if (is_closed) {
    if (failure == MPI_SUCCESS) MPI_File_close(&file);
    return failure != MPI_SUCCESS ? failure : FIELDFOLD_RANKS_ELSEWHERE;
  }
  for (size_t i = 0; i < num_parts && failure == MPI_SUCCESS; ++i)
    failure = MPI_File_write_at(file, (MPI_Offset)parts[i].offset, parts[i].bytes, (int)parts[i].length, MPI_BYTE,
                                MPI_STATUS_IGNORE);
  /* Collective, also for a rank that could not write. */
  const int synchronized = MPI_File_sync(file);
  const int closed = MPI_File_close(&file);
  if (failure != MPI_SUCCESS) return failure;
  return synchronized != MPI_SUCCESS ? synchronized : closed;
}

static void explain(void* own, int code, char* text, size_t capacity) {
  (void)own;
  char words[MPI_MAX_ERROR_STRING + 1] = "an unknown error";
  int length = 0;
  if (code >= 0) MPI_Error_string(code, words, &length);
  snprintf(text, capacity, "MPI: %s", words);
}

static void release(void* own) {
  context* const self = own;
  int is_finalized = 0;
  MPI_Finalized(&is_finalized);
  if (!is_finalized) MPI_Comm_free(&self->ranks);
  free(self->requests);
  free(self);
}

/* The processors on which this process may run: their number, and a hash of them. */
static size_t processors(uint64_t* hash) {
  cpu_set_t set;
  CPU_ZERO(&set);
  *hash = 0xcbf29ce484222325;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) {
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
  }
  for (uint64_t processor = 0; processor < CPU_SETSIZE; ++processor)
    if (CPU_ISSET(processor, &set)) *hash = (*hash ^ processor) * 0x100000001b3;
  return (size_t)CPU_COUNT(&set);
}

/* The processors on which this rank may run, shared by the ranks that may run on the same ones. */
static int count_threads(MPI_Comm ranks, size_t* threads) {
  uint64_t own = 0;
  const size_t available = processors(&own);
  MPI_Comm neighbors = MPI_COMM_NULL;
  int code = MPI_Comm_split_type(ranks, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &neighbors);
  if (code != MPI_SUCCESS) return code;
  int count = 1;
  MPI_Comm_size(neighbors, &count);
  size_t sharing = 0;
  for (int rank = 0; rank < count && code == MPI_SUCCESS; ++rank) {
    uint64_t other = own;
    code = MPI_Bcast(&other, 1, MPI_UINT64_T, rank, neighbors);
    sharing += other == own;
  }
  MPI_Comm_free(&neighbors);
  *threads = available > sharing ? available / sharing : 1;
  return code;
}

int fieldfold_mpi_ranks(MPI_Comm ranks, fieldfold_ranks* functions) {
  MPI_Comm own = MPI_COMM_NULL;
  int code = MPI_Comm_dup(ranks, &own);
  if (code != MPI_SUCCESS) return code;
  int size = 1;
  int rank = 0;
  size_t threads = 1;
  code = MPI_Comm_set_errhandler(own, MPI_ERRORS_RETURN);
  if (code == MPI_SUCCESS) code = MPI_Comm_size(own, &size);
  if (code == MPI_SUCCESS) code = MPI_Comm_rank(own, &rank);
  if (code == MPI_SUCCESS) code = count_threads(own, &threads);
  context* const self = code == MPI_SUCCESS ? malloc(sizeof(context)) : NULL;
  int is_missing = self == NULL;
  if (code == MPI_SUCCESS) code = MPI_Allreduce(MPI_IN_PLACE, &is_missing, 1, MPI_INT, MPI_MAX, own);
  if (code == MPI_SUCCESS && is_missing) code = MPI_ERR_NO_MEM;
  if (code != MPI_SUCCESS) {
    free(self);
    MPI_Comm_free(&own);
    return code;
  }
  *self = (context){own, NULL, 0};
  *functions = (fieldfold_ranks){.context = self,
                                 .size = (size_t)size,
                                 .rank = (size_t)rank,
                                 .threads = threads,
                                 .sum = sum,
                                 .maximum = maximum,
                                 .broadcast = broadcast,
                                 .gather = gather,
                                 .transpose = transpose,
                                 .reserve = reserve,
                                 .exchange = exchange,
                                 .write = write_parts,
                                 .explain = explain,
                                 .release = release};
  return MPI_SUCCESS;
}

const char* fieldfold_mpi_obstacle(void) {
  int is_initialized = 0;
  int is_finalized = 0;
  MPI_Initialized(&is_initialized);
  MPI_Finalized(&is_finalized);
  if (is_finalized) return "MPI has been finalized: communicators are used before MPI_Finalize";
  return is_initialized ? NULL : "MPI is not initialized: MPI_Init comes first";
}

fieldfold_status fieldfold_mpi_communicator_create(MPI_Comm ranks, fieldfold_communicator** communicator) {
  const char* const reason = fieldfold_mpi_obstacle();
  if (reason != NULL) return fieldfold_fail(FIELDFOLD_NOT_READY, reason);
  if (communicator == NULL)
    return fieldfold_fail(FIELDFOLD_INVALID_ARGUMENT, "communicator: expected memory, got a null pointer");
  if (ranks == MPI_COMM_NULL)
    return fieldfold_fail(FIELDFOLD_INVALID_ARGUMENT, "ranks: expected a communicator of MPI, got MPI_COMM_NULL");
  fieldfold_ranks functions;
  const int code = fieldfold_mpi_ranks(ranks, &functions);
  if (code == MPI_SUCCESS) return fieldfold_communicator_create(&functions, communicator);
  char text[MPI_MAX_ERROR_STRING + 16];
  explain(NULL, code, text, sizeof(text));
  return fieldfold_fail(FIELDFOLD_INTERNAL_ERROR, text);
}

fieldfold_status fieldfold_mpi_communicator_create_f(MPI_Fint ranks, fieldfold_communicator** communicator) {
  const char* const reason = fieldfold_mpi_obstacle();
  if (reason != NULL) return fieldfold_fail(FIELDFOLD_NOT_READY, reason);
  return fieldfold_mpi_communicator_create(MPI_Comm_f2c(ranks), communicator);
}
