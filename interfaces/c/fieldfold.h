/*
 * fieldfold: compression of fields to latent coefficients, and interpolation between point sets. C99.
 *
 * Objects are handles. Each function that can fail returns a status; `fieldfold_last_error` then describes the failure.
 * No exception and no signal leaves a function. A call that fails changes neither its object nor a file; the numbers of
 * its results are then undefined.
 *
 * Shapes are given as `(count, dof)`; the last axis is contiguous. A Fortran array with the axes in reverse order,
 * `states(dof, count)`, lies the same way in memory. States have `dof = num_pts * num_qoi` numbers; number
 * `point * num_qoi + field` is that of a field at a point. Names, options and file names are UTF-8, zero-terminated.
 * Results must not overlap arguments.
 *
 * Functions with the suffix `_f32` take and return single precision. Both kinds work with maps of either precision;
 * learning, compression, reconstruction and operators do not copy contiguous arrays of the precision of the map, unless
 * missing values are looked for in them.
 *
 * All functions may be called from several threads at once, also with the same handle. A call uses the map that the
 * handle has when the call begins; sizes that were asked before may be those of another map, so a thread that needs one
 * map for several calls takes a copy, which shares it. Calls that change an SVD, and all calls of an incremental SVD,
 * wait for each other.
 */
#ifndef FIELDFOLD_H
#define FIELDFOLD_H

#include "fieldfold_ranks.h"

#include <stddef.h>

#if defined(__GNUC__)
#define FIELDFOLD_API __attribute__((visibility("default")))
#else
#define FIELDFOLD_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* NOLINTBEGIN(modernize-use-using, performance-enum-size): C99 */
typedef enum fieldfold_status {
  FIELDFOLD_OK = 0,
  FIELDFOLD_INVALID_ARGUMENT = 1, /* an argument out of range, a shape that does not fit, a handle that is null, freed
                                     or of another kind */
  FIELDFOLD_NOT_READY = 2,        /* the object lacks what the call needs, such as a map or coords */
  FIELDFOLD_NUMERICAL_ERROR = 3,  /* no convergence, overflow, a singular system */
  FIELDFOLD_FILE_ERROR = 4,       /* a file cannot be read or written, is damaged or of another format */
  FIELDFOLD_OUT_OF_MEMORY = 5,
  FIELDFOLD_INTERRUPTED = 6,   /* the progress callback requested it */
  FIELDFOLD_INTERNAL_ERROR = 7 /* none of the above: a fault of the library */
} fieldfold_status;

/* An SVD: options and, once snapshots have been learned, the map. */
typedef struct fieldfold_svd fieldfold_svd;
/* An SVD that is updated with each state and keeps none. */
typedef struct fieldfold_incremental fieldfold_incremental;
/* Interpolation from one point set to another, as a matrix. */
typedef struct fieldfold_operator fieldfold_operator;
/* Radial basis function interpolation of values at scattered points. */
typedef struct fieldfold_interpolator fieldfold_interpolator;

/* The ranks of a parallel program; see fieldfold_ranks.h. */
typedef struct fieldfold_communicator fieldfold_communicator;

/* The version of the library, such as "0.1.0". */
FIELDFOLD_API const char* fieldfold_version(void);

/* The last failure of this thread: one sentence that states the argument, what was expected and what was given, of at
   most 2047 bytes. Valid until the next failure of the thread; empty if there was none. */
FIELDFOLD_API const char* fieldfold_last_error(void);

/* Sets it, for libraries on top of this one. Returns the status. */
FIELDFOLD_API fieldfold_status fieldfold_fail(fieldfold_status status, const char* sentence);

/* Warnings go to the handler, not to standard error; null restores that. A handler may be called from any thread, and
   by calls that began before it was replaced. */
typedef void (*fieldfold_warning_handler)(const char* sentence, void* data);
FIELDFOLD_API fieldfold_status fieldfold_set_warning_handler(fieldfold_warning_handler handler, void* data);

/* Receives the phase of learning and the share of it that is done, in [0, 1]; a result other than 0 interrupts it. It
   may be called from threads of the library, one at a time. It must not change the SVD that learns: that call would
   wait for the end of learning. */
typedef int (*fieldfold_progress)(const char* phase, double share, void* data);

/* Frees an object; null is ignored. A handle that is freed is not used again: later calls with it fail. */
FIELDFOLD_API void fieldfold_svd_free(fieldfold_svd* svd);
FIELDFOLD_API void fieldfold_incremental_free(fieldfold_incremental* incremental);
FIELDFOLD_API void fieldfold_operator_free(fieldfold_operator* op);
FIELDFOLD_API void fieldfold_interpolator_free(fieldfold_interpolator* interpolator);
FIELDFOLD_API void fieldfold_communicator_free(fieldfold_communicator* communicator);

/* Makes a communicator over functions that pass messages, which are released with its last use, or if the call fails.
   fieldfold_mpi.h makes one over MPI. */
FIELDFOLD_API fieldfold_status fieldfold_communicator_create(const fieldfold_ranks* ranks,
                                                             fieldfold_communicator** communicator);

/*
 * SVD: options
 */

/* Makes an SVD with options from JSON, such as {"fields": ["ux", "uy"], "energy_tol": 0.999}; null or {}: the defaults.
   Keys: fields, coords, grid_shape, interpolate_method, interpolate_opts, field_opts, rank, energy_tol,
   reconstruction_tol, sample_tol, noise, optimal_threshold, validate_every, keep_training_latents, decomposition,
   threads, data_matrix. An unknown key is an error that lists the known ones. */
FIELDFOLD_API fieldfold_status fieldfold_svd_create(const char* spec, fieldfold_svd** svd);

/* An independent copy with the same options, map and progress callback. The map is shared until one of them changes. */
FIELDFOLD_API fieldfold_status fieldfold_svd_copy(const fieldfold_svd* svd, fieldfold_svd** copy);

/* Sets the points of the grid, (num_pts, dim), which interpolation needs: coords[point * dim + axis]. */
FIELDFOLD_API fieldfold_status fieldfold_svd_set_coords(fieldfold_svd* svd, const double* coords, size_t num_pts,
                                                        size_t dim);

/* Sets the names of the fields, of which there are as many as before if there is a map. */
FIELDFOLD_API fieldfold_status fieldfold_svd_set_fields(fieldfold_svd* svd, const char* const* fields, size_t num_qoi);

/* Options take effect when the next map is learned; the map that exists stays. */

/* Sets the field option point_weights, (num_pts,): the weights of points in the inner product, such as cell sizes. */
FIELDFOLD_API fieldfold_status fieldfold_svd_set_point_weights(fieldfold_svd* svd, const double* weights,
                                                               size_t num_pts);

/* Sets the field option sample_weights, (num_samples,). */
FIELDFOLD_API fieldfold_status fieldfold_svd_set_sample_weights(fieldfold_svd* svd, const double* weights,
                                                                size_t num_samples);

/* Sets the mass matrix, (num_pts, num_pts), symmetric and positive definite, from triplets of both triangles. */
FIELDFOLD_API fieldfold_status fieldfold_svd_set_mass_matrix(fieldfold_svd* svd, size_t num_pts, size_t num_entries,
                                                             const size_t* rows, const size_t* columns,
                                                             const double* values);

/* Sets the progress callback of learning; null: none. */
FIELDFOLD_API fieldfold_status fieldfold_svd_set_progress(fieldfold_svd* svd, fieldfold_progress progress, void* data);

/*
 * SVD: learning and files
 */

/* Learns the map from snapshots, (dof, num_samples), with strides counted in numbers: snapshots[i * dof_stride +
   j * sample_stride] is number i of snapshot j. Row-major matrices have the strides num_samples and 1, states one after
   another 1 and dof. Snapshots with NaN or infinity are dropped, or filled, as the options say. The map is in the
   precision of the snapshots. */
FIELDFOLD_API fieldfold_status fieldfold_svd_fit(fieldfold_svd* svd, const double* snapshots, size_t dof,
                                                 size_t num_samples, size_t dof_stride, size_t sample_stride);
FIELDFOLD_API fieldfold_status fieldfold_svd_fit_f32(fieldfold_svd* svd, const float* snapshots, size_t dof,
                                                     size_t num_samples, size_t dof_stride, size_t sample_stride);

/* Saves options and map; the file is either complete or as before. Loads them. */
FIELDFOLD_API fieldfold_status fieldfold_svd_save(const fieldfold_svd* svd, const char* path);
FIELDFOLD_API fieldfold_status fieldfold_svd_load(const char* path, fieldfold_svd** svd);

/*
 * SVD: figures. Sizes are 0, and numbers NaN, if the handle is invalid or has no map. num_qoi needs none; num_pts and
 * dim are known from coords, too.
 */

FIELDFOLD_API int fieldfold_svd_map_exists(const fieldfold_svd* svd); /* 1 or 0 */
FIELDFOLD_API int fieldfold_svd_is_single(
    const fieldfold_svd* svd); /* whether the map is in single precision: 1 or 0 */
FIELDFOLD_API size_t fieldfold_svd_dof(const fieldfold_svd* svd);
FIELDFOLD_API size_t fieldfold_svd_rank(const fieldfold_svd* svd);
FIELDFOLD_API size_t fieldfold_svd_num_pts(const fieldfold_svd* svd);
FIELDFOLD_API size_t fieldfold_svd_num_qoi(const fieldfold_svd* svd);
FIELDFOLD_API size_t fieldfold_svd_dim(const fieldfold_svd* svd); /* of the coords; 0 without them */
FIELDFOLD_API size_t fieldfold_svd_num_samples(const fieldfold_svd* svd);
FIELDFOLD_API size_t fieldfold_svd_num_dropped(const fieldfold_svd* svd);
FIELDFOLD_API size_t fieldfold_svd_num_singular_values(const fieldfold_svd* svd);
FIELDFOLD_API size_t fieldfold_svd_num_validation_samples(const fieldfold_svd* svd);

/* The share of the kept singular values in the sum of squares, and the relative Frobenius error on the snapshots. */
FIELDFOLD_API double fieldfold_svd_energy(const fieldfold_svd* svd);
FIELDFOLD_API double fieldfold_svd_reconstruction_error(const fieldfold_svd* svd);

/* The name of a field, zero-terminated. capacity: bytes of `name`, with the zero. */
FIELDFOLD_API fieldfold_status fieldfold_svd_field(const fieldfold_svd* svd, size_t index, char* name, size_t capacity);

/* The points of the grid, (num_pts, dim). */
FIELDFOLD_API fieldfold_status fieldfold_svd_coords(const fieldfold_svd* svd, double* coords);

/* (num_singular_values,), descending. */
FIELDFOLD_API fieldfold_status fieldfold_svd_singular_values(const fieldfold_svd* svd, double* values);

/* The basis, (dof, rank), orthonormal in the inner product of the field options. The largest entry in magnitude of each
   column is positive. */
FIELDFOLD_API fieldfold_status fieldfold_svd_basis(const fieldfold_svd* svd, double* basis);
FIELDFOLD_API fieldfold_status fieldfold_svd_basis_f32(const fieldfold_svd* svd, float* basis);

/* The mean snapshot, (dof,), of a centred map. */
FIELDFOLD_API fieldfold_status fieldfold_svd_mean(const fieldfold_svd* svd, double* mean);

/* The lowest and highest coefficient of each mode over the snapshots, (rank, 2), widened on both sides by `margin`
   times the width. */
FIELDFOLD_API fieldfold_status fieldfold_svd_latent_ranges(const fieldfold_svd* svd, double margin, double* ranges);

/* The mean, (rank,), and covariance, (rank, rank), of the coefficients over the snapshots; each may be null. */
FIELDFOLD_API fieldfold_status fieldfold_svd_latent_statistics(const fieldfold_svd* svd, double* mean,
                                                               double* covariance);

/* The coefficients of the snapshots, (num_samples, rank), if the option keep_training_latents was set. */
FIELDFOLD_API fieldfold_status fieldfold_svd_training_latents(const fieldfold_svd* svd, double* latents);

/* Relative errors of the snapshots, (num_samples,), of the fields, (num_qoi,), and of each field of each snapshot,
   (num_samples, num_qoi); and the root mean square error of each field in its unit, (num_qoi,), NaN where it has none.
   Each may be null. The same for the snapshots held out by validate_every, with num_validation_samples. */
FIELDFOLD_API fieldfold_status fieldfold_svd_errors(const fieldfold_svd* svd, double* snapshots, double* fields,
                                                    double* snapshot_fields, double* rms);
FIELDFOLD_API fieldfold_status fieldfold_svd_validation_errors(const fieldfold_svd* svd, double* snapshots,
                                                               double* fields, double* snapshot_fields, double* rms);

/*
 * SVD: use
 */

/* Compresses states, (count, dof), to coefficients, (count, rank). Missing numbers: the field option gappy_states. */
FIELDFOLD_API fieldfold_status fieldfold_svd_compress(const fieldfold_svd* svd, const double* states, size_t count,
                                                      double* latent);
FIELDFOLD_API fieldfold_status fieldfold_svd_compress_f32(const fieldfold_svd* svd, const float* states, size_t count,
                                                          float* latent);

/* Reconstructs states, (count, dof), from coefficients, (count, rank). */
FIELDFOLD_API fieldfold_status fieldfold_svd_reconstruct(const fieldfold_svd* svd, const double* latent, size_t count,
                                                         double* states);
FIELDFOLD_API fieldfold_status fieldfold_svd_reconstruct_f32(const fieldfold_svd* svd, const float* latent,
                                                             size_t count, float* states);

/* Compresses states with missing numbers by least squares on the known ones, and measures how far they are from the
   span of the modes: coefficients, (count, rank); distances and relative distances, (count,); and bounds of the
   amplification of errors, (count,). Each result may be null. */
FIELDFOLD_API fieldfold_status fieldfold_svd_assess(const fieldfold_svd* svd, const double* states, size_t count,
                                                    double* latent, double* distance, double* relative_distance,
                                                    double* condition);

/* Interpolates states, (count, dof), from the grid to points, (num_points, dim): fields, (count, num_points, num_qoi).
 */
FIELDFOLD_API fieldfold_status fieldfold_svd_interpolate_from_grid(const fieldfold_svd* svd, const double* states,
                                                                   size_t count, const double* points,
                                                                   size_t num_points, double* fields);

/* Interpolates fields, (count, num_points, num_qoi), at points, (num_points, dim), to states on the grid, (count, dof).
 */
FIELDFOLD_API fieldfold_status fieldfold_svd_interpolate_to_grid(const fieldfold_svd* svd, const double* points,
                                                                 size_t num_points, const double* fields, size_t count,
                                                                 double* states);

/* Reconstructs coefficients, (count, rank), at points, (num_points, dim): fields, (count, num_points, num_qoi). Faster
   than reconstruction and interpolation for more samples than modes. */
FIELDFOLD_API fieldfold_status fieldfold_svd_reconstruct_at(const fieldfold_svd* svd, const double* latent,
                                                            size_t count, const double* points, size_t num_points,
                                                            double* fields);

/* Chooses the locations of sensors, (count,), of which there are at least rank: numbers of a state, point * num_qoi +
   field. */
FIELDFOLD_API fieldfold_status fieldfold_svd_sensors(const fieldfold_svd* svd, size_t count, size_t* locations);

/* The factor by which coefficients from these sensors amplify noise. */
FIELDFOLD_API fieldfold_status fieldfold_svd_noise_amplification(const fieldfold_svd* svd, const size_t* locations,
                                                                 size_t count, double* amplification);

/* Whitened coefficients, with mean 0 and covariance I over the snapshots, (count, rank), and the way back. */
FIELDFOLD_API fieldfold_status fieldfold_svd_whiten(const fieldfold_svd* svd, const double* latent, size_t count,
                                                    double* white);
FIELDFOLD_API fieldfold_status fieldfold_svd_unwhiten(const fieldfold_svd* svd, const double* white, size_t count,
                                                      double* latent);

/*
 * Incremental SVD
 */

/* Makes an incremental SVD. Keys of the specification: max_rank, tolerance, forgetting, block, and those of an SVD that
   need no look at all snapshots: not data_matrix, sample_tol, optimal_threshold, validate_every, nor the field options
   standardize, zscore, minmax, mass, mask, sample_weights and filled gaps. Its precision is that of the first state. */
FIELDFOLD_API fieldfold_status fieldfold_incremental_create(const char* spec, fieldfold_incremental** incremental);

/* Sets the points of the grid, (num_pts, dim), before the first state. */
FIELDFOLD_API fieldfold_status fieldfold_incremental_set_coords(fieldfold_incremental* incremental,
                                                                const double* coords, size_t num_pts, size_t dim);

/* Adds a state, (dof,). One with NaN or infinity is dropped and counted. */
FIELDFOLD_API fieldfold_status fieldfold_incremental_add(fieldfold_incremental* incremental, const double* state,
                                                         size_t dof);
FIELDFOLD_API fieldfold_status fieldfold_incremental_add_f32(fieldfold_incremental* incremental, const float* state,
                                                             size_t dof);

/* Adds states, (count, dof): all or, if the call fails, none. */
FIELDFOLD_API fieldfold_status fieldfold_incremental_add_states(fieldfold_incremental* incremental,
                                                                const double* states, size_t count, size_t dof);
FIELDFOLD_API fieldfold_status fieldfold_incremental_add_states_f32(fieldfold_incremental* incremental,
                                                                    const float* states, size_t count, size_t dof);

/* Adds the states of another one with the same options and precision. */
FIELDFOLD_API fieldfold_status fieldfold_incremental_merge(fieldfold_incremental* incremental,
                                                           const fieldfold_incremental* other);

/* Processes the states of the incomplete block. */
FIELDFOLD_API fieldfold_status fieldfold_incremental_update(fieldfold_incremental* incremental);

/* Figures of the processed states; 0 or NaN if the handle is invalid. */
FIELDFOLD_API size_t fieldfold_incremental_num_samples(const fieldfold_incremental* incremental);
FIELDFOLD_API size_t fieldfold_incremental_num_dropped(const fieldfold_incremental* incremental);
FIELDFOLD_API size_t fieldfold_incremental_rank(const fieldfold_incremental* incremental);
FIELDFOLD_API double fieldfold_incremental_error_bound(const fieldfold_incremental* incremental);

/* Processes all states, and makes an SVD with the map. More states may be added afterwards. A call that fails may have
   processed the incomplete block, as an update does. */
FIELDFOLD_API fieldfold_status fieldfold_incremental_finish(fieldfold_incremental* incremental, fieldfold_svd** svd);

/* Saves the progress; a loaded one continues bit for bit as if it had not been interrupted. */
FIELDFOLD_API fieldfold_status fieldfold_incremental_save(const fieldfold_incremental* incremental, const char* path);
FIELDFOLD_API fieldfold_status fieldfold_incremental_load(const char* path, fieldfold_incremental** incremental);

/*
 * Interpolation between point sets
 */

/* Makes the operator from points, (num_points, dim), to queries, (num_queries, dim). Options are JSON, such as
   {"kernel": "cubic", "neighbors": 32} or {"interpolate_method": "nearest"}; null: the defaults. Keys:
   interpolate_method, neighbors, smoothing, kernel, epsilon, degree, method, cluster_size, overlap, allow_lower_degree,
   merge_duplicates, scales, periods, power, threads. */
FIELDFOLD_API fieldfold_status fieldfold_operator_create(const double* points, size_t num_points, const double* queries,
                                                         size_t num_queries, size_t dim, const char* options,
                                                         fieldfold_operator** op);
FIELDFOLD_API size_t fieldfold_operator_num_points(const fieldfold_operator* op);
FIELDFOLD_API size_t fieldfold_operator_num_queries(const fieldfold_operator* op);

/* Applies it to values, (num_points, columns): results, (num_queries, columns). */
FIELDFOLD_API fieldfold_status fieldfold_operator_apply(const fieldfold_operator* op, const double* values,
                                                        size_t columns, double* results);

/* Applies the transpose, the conservative map, to values, (num_queries, columns): results, (num_points, columns). */
FIELDFOLD_API fieldfold_status fieldfold_operator_apply_transposed(const fieldfold_operator* op, const double* values,
                                                                   size_t columns, double* results);
FIELDFOLD_API fieldfold_status fieldfold_operator_save(const fieldfold_operator* op, const char* path);
FIELDFOLD_API fieldfold_status fieldfold_operator_load(const char* path, fieldfold_operator** op);

/* Interpolates values, (num_points, columns), at points, (num_points, dim), by radial basis functions. Options: as
   above, without interpolate_method. */
FIELDFOLD_API fieldfold_status fieldfold_interpolator_create(const double* points, size_t num_points, size_t dim,
                                                             const double* values, size_t columns, const char* options,
                                                             fieldfold_interpolator** interpolator);

/* The interpolant at queries, (num_queries, dim): results, (num_queries, columns). */
FIELDFOLD_API fieldfold_status fieldfold_interpolator_evaluate(const fieldfold_interpolator* interpolator,
                                                               const double* queries, size_t num_queries,
                                                               double* results);

/* Its gradient: results, (num_queries, columns, dim). */
FIELDFOLD_API fieldfold_status fieldfold_interpolator_gradient(const fieldfold_interpolator* interpolator,
                                                               const double* queries, size_t num_queries,
                                                               double* results);

/*
 * Ranks: SVDs whose points are distributed among the ranks of a communicator. Each rank has some points, possibly none,
 * in the order of the ranks: its coords, weights, snapshots and states are those of its points, and dof is their number
 * of numbers. Calls that change, learn, save, load, compress, assess, interpolate, or choose sensors are collective:
 * all ranks call them with the same options and counts, and receive the same coefficients and figures, and the same
 * failure if any of them fails. Reconstruction and figures are not.
 */

FIELDFOLD_API size_t fieldfold_communicator_size(const fieldfold_communicator* communicator);
FIELDFOLD_API size_t fieldfold_communicator_rank(const fieldfold_communicator* communicator);

/* The number of items of this rank if all have equally many of a total, up to one; and the first. It may be null. */
FIELDFOLD_API size_t fieldfold_communicator_share(const fieldfold_communicator* communicator, size_t total,
                                                  size_t* first);

/* Distributes the points of an SVD without a map. With it fieldfold_svd_set_mass_matrix sums triplets of all ranks,
   with numbers of points among those of all. */
FIELDFOLD_API fieldfold_status fieldfold_svd_set_communicator(fieldfold_svd* svd,
                                                              const fieldfold_communicator* communicator);

/* Loads a map, of which each rank reads its points. num_pts: their number; null: an equal share. */
FIELDFOLD_API fieldfold_status fieldfold_svd_load_on_ranks(const char* path, const fieldfold_communicator* communicator,
                                                           const size_t* num_pts, fieldfold_svd** svd);

/* Learns from whole states, (count, dof), of which each rank has others: they are exchanged, and each rank gets the
   rows of an equal share of the points. */
FIELDFOLD_API fieldfold_status fieldfold_svd_fit_samples(fieldfold_svd* svd, const double* states, size_t count,
                                                         size_t dof);

/* Makes one map, the same on all ranks, of the maps that each has learnt from whole states of its own, without a
   communicator. rule: JSON with rank, energy_tol or reconstruction_tol; null: as in the options. */
FIELDFOLD_API fieldfold_status fieldfold_svd_merge_ranks(const fieldfold_svd* svd,
                                                         const fieldfold_communicator* communicator, const char* rule,
                                                         fieldfold_svd** merged);

/* Distributes the points of an incremental SVD before the first state. Loads progress in double precision. */
FIELDFOLD_API fieldfold_status fieldfold_incremental_set_communicator(fieldfold_incremental* incremental,
                                                                      const fieldfold_communicator* communicator);
FIELDFOLD_API fieldfold_status fieldfold_incremental_load_on_ranks(const char* path,
                                                                   const fieldfold_communicator* communicator,
                                                                   const size_t* num_pts,
                                                                   fieldfold_incremental** incremental);

/* Fails in place of a collective call, for bindings that have found a bad argument: the call of other ranks fails, too.
 */
FIELDFOLD_API fieldfold_status fieldfold_communicator_refuse(const fieldfold_communicator* communicator,
                                                             const char* sentence);
FIELDFOLD_API fieldfold_status fieldfold_svd_refuse(const fieldfold_svd* svd, const char* sentence);
FIELDFOLD_API fieldfold_status fieldfold_operator_refuse(const fieldfold_operator* op, const char* sentence);

/* Makes the operator between points and queries of all ranks, of which each has some. Its uses are collective. */
FIELDFOLD_API fieldfold_status fieldfold_operator_create_on_ranks(const fieldfold_communicator* communicator,
                                                                  const double* points, size_t num_points,
                                                                  const double* queries, size_t num_queries, size_t dim,
                                                                  const char* options, fieldfold_operator** op);

/* NOLINTEND(modernize-use-using, performance-enum-size) */

#ifdef __cplusplus
}
#endif

#endif
