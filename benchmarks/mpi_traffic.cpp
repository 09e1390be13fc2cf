#include "mpi_traffic.hpp"

#include <mpi.h>

namespace {

Traffic traffic;

/// The numbers of the header by which the library begins each collective call.
constexpr int header_length = 6;

std::uint64_t bytes_of(int count, MPI_Datatype type) {
  int size = 0;
  PMPI_Type_size(type, &size);
  return static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(size);
}

void count_bytes(int count, MPI_Datatype type) {
  traffic.bytes += bytes_of(count, type);
  if (type == MPI_DOUBLE) traffic.numbers += static_cast<std::uint64_t>(count);
}

template <class Call>
int collective(int count, MPI_Datatype type, const Call& call) {
  ++traffic.collectives;
  count_bytes(count, type);
  const double start = PMPI_Wtime();
  const int code = call();
  traffic.seconds += PMPI_Wtime() - start;
  return code;
}

/// A message to the rank itself is not sent.
template <class Call>
int message(int count, MPI_Datatype type, int to, MPI_Comm ranks, const Call& call) {
  int own = 0;
  PMPI_Comm_rank(ranks, &own);
  if (to != own) {
    ++traffic.messages;
    count_bytes(count, type);
  }
  return call();
}

template <class Call>
int write(int count, MPI_Datatype type, const Call& call) {
  traffic.written += bytes_of(count, type);
  return call();
}

}  // namespace

Traffic Traffic::operator-(const Traffic& before) const {
  return {collectives - before.collectives, headers - before.headers,
          numbers - before.numbers,         bytes - before.bytes,
          messages - before.messages,       file_calls - before.file_calls,
          written - before.written,         seconds - before.seconds};
}

Traffic mpi_traffic() { return traffic; }

int MPI_Allreduce(const void* from, void* to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm ranks) {
  if (type == MPI_DOUBLE && op == MPI_MAX && count == header_length) {
    ++traffic.headers;
    traffic.numbers -= header_length;
  }
  return collective(count, type, [&] { return PMPI_Allreduce(from, to, count, type, op, ranks); });
}

int MPI_Reduce(const void* from, void* to, int count, MPI_Datatype type, MPI_Op op, int root, MPI_Comm ranks) {
  return collective(count, type, [&] { return PMPI_Reduce(from, to, count, type, op, root, ranks); });
}

int MPI_Bcast(void* numbers, int count, MPI_Datatype type, int root, MPI_Comm ranks) {
  return collective(count, type, [&] { return PMPI_Bcast(numbers, count, type, root, ranks); });
}

int MPI_Allgather(const void* from, int count, MPI_Datatype type, void* to, int to_count, MPI_Datatype to_type,
                  MPI_Comm ranks) {
  return collective(count, type, [&] { return PMPI_Allgather(from, count, type, to, to_count, to_type, ranks); });
}

int MPI_Allgatherv(const void* from, int count, MPI_Datatype type, void* to, const int* to_counts, const int* places,
                   MPI_Datatype to_type, MPI_Comm ranks) {
  return collective(count, type,
                    [&] { return PMPI_Allgatherv(from, count, type, to, to_counts, places, to_type, ranks); });
}

int MPI_Alltoall(const void* from, int count, MPI_Datatype type, void* to, int to_count, MPI_Datatype to_type,
                 MPI_Comm ranks) {
  int size = 1;
  PMPI_Comm_size(ranks, &size);
  return collective(count * size, type, [&] { return PMPI_Alltoall(from, count, type, to, to_count, to_type, ranks); });
}

int MPI_Alltoallv(const void* from, const int* counts, const int* places, MPI_Datatype type, void* to,
                  const int* to_counts, const int* to_places, MPI_Datatype to_type, MPI_Comm ranks) {
  int size = 1;
  PMPI_Comm_size(ranks, &size);
  int count = 0;
  for (int rank = 0; rank < size; ++rank) count += counts[rank];
  return collective(count, type, [&] {
    return PMPI_Alltoallv(from, counts, places, type, to, to_counts, to_places, to_type, ranks);
  });
}

int MPI_Barrier(MPI_Comm ranks) {
  return collective(0, MPI_BYTE, [&] { return PMPI_Barrier(ranks); });
}

int MPI_Send(const void* numbers, int count, MPI_Datatype type, int to, int tag, MPI_Comm ranks) {
  return message(count, type, to, ranks, [&] { return PMPI_Send(numbers, count, type, to, tag, ranks); });
}

int MPI_Isend(const void* numbers, int count, MPI_Datatype type, int to, int tag, MPI_Comm ranks,
              MPI_Request* request) {
  return message(count, type, to, ranks, [&] { return PMPI_Isend(numbers, count, type, to, tag, ranks, request); });
}

int MPI_Sendrecv(const void* sent, int count, MPI_Datatype type, int to, int tag, void* received, int received_count,
                 MPI_Datatype received_type, int from, int received_tag, MPI_Comm ranks, MPI_Status* status) {
  return message(count, type, to, ranks, [&] {
    return PMPI_Sendrecv(sent, count, type, to, tag, received, received_count, received_type, from, received_tag, ranks,
                         status);
  });
}

int MPI_File_open(MPI_Comm ranks, const char* path, int mode, MPI_Info info, MPI_File* file) {
  ++traffic.file_calls;
  return PMPI_File_open(ranks, path, mode, info, file);
}

int MPI_File_sync(MPI_File file) {
  ++traffic.file_calls;
  return PMPI_File_sync(file);
}

int MPI_File_close(MPI_File* file) {
  ++traffic.file_calls;
  return PMPI_File_close(file);
}

int MPI_File_write_at(MPI_File file, MPI_Offset offset, const void* bytes, int count, MPI_Datatype type,
                      MPI_Status* status) {
  return write(count, type, [&] { return PMPI_File_write_at(file, offset, bytes, count, type, status); });
}

int MPI_File_write_at_all(MPI_File file, MPI_Offset offset, const void* bytes, int count, MPI_Datatype type,
                          MPI_Status* status) {
  return write(count, type, [&] { return PMPI_File_write_at_all(file, offset, bytes, count, type, status); });
}
