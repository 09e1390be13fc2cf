/*
 * How the ranks of a parallel program reach each other, for libraries of message passing of any kind. C99.
 *
 * The functions are collective: all ranks call the same ones in the same order, from one thread. Each returns 0, or an
 * error code that `explain` turns into text; they neither throw nor jump. Counts are at most 2^28, and agree on all
 * ranks.
 */
#ifndef FIELDFOLD_RANKS_H
#define FIELDFOLD_RANKS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NOLINTBEGIN(modernize-use-using, performance-enum-size): C99 */

/* Numbers from or to a rank. */
typedef struct fieldfold_message {
  size_t rank;
  size_t count;
  double* numbers;
} fieldfold_message;

/* Bytes of a file. */
typedef struct fieldfold_file_part {
  unsigned long long offset;
  size_t length;
  const void* bytes;
} fieldfold_file_part;

/* Error codes besides those of the library of message passing. */
enum {
  FIELDFOLD_RANKS_ELSEWHERE = -1,    /* another rank failed */
  FIELDFOLD_RANKS_OUT_OF_MEMORY = -2 /* there is no memory */
};

typedef struct fieldfold_ranks {
  void* context; /* the first argument of all functions */
  size_t size;
  size_t rank;
  size_t threads; /* that this rank should use */

  /* Replaces numbers by their sums over the ranks, bit for bit the same on all; by their largest; by those of a rank.
   */
  int (*sum)(void* context, double* numbers, size_t count);
  int (*maximum)(void* context, double* numbers, size_t count);
  int (*broadcast)(void* context, double* numbers, size_t count, size_t root);
  /* Equally many numbers of each rank, in the order of the ranks: (size, count). */
  int (*gather)(void* context, const double* own, size_t count, double* all);
  /* One number from each rank, for one to each rank. */
  int (*transpose)(void* context, const double* sent, double* received);
  /* Messages to other ranks and to this one, and from them; several between the same two arrive in order. Before each
     call `reserve` allocates for so many messages, and is not collective. */
  int (*reserve)(void* context, size_t num_messages);
  int (*exchange)(void* context, const fieldfold_message* sent, size_t num_sent, const fieldfold_message* received,
                  size_t num_received);
  /* Writes to one file, each rank its parts; the file is created if it does not exist. They are on the disk then. */
  int (*write)(void* context, const char* path, const fieldfold_file_part* parts, size_t num_parts);

  /* Describes an error in one line. */
  void (*explain)(void* context, int code, char* text, size_t capacity);
  /* Ends the use of the structure; not collective. */
  void (*release)(void* context);
} fieldfold_ranks;

/* NOLINTEND(modernize-use-using, performance-enum-size) */

#ifdef __cplusplus
}
#endif

#endif
