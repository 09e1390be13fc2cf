/* Learns, uses, saves and merges maps on ranks, and sees the failure of one as that of all. */
#include <fieldfold_mpi.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { num_pts = 40, num_samples = 12 };

static const double pi = 3.14159265358979323846;
static int wrong = 0;

static void expect(int holds, const char* what) {
  if (holds) return;
  ++wrong;
  fprintf(stderr, "wrong: %s: %s\n", what, fieldfold_last_error());
}

static void expect_near(double found, double wanted, double tolerance, const char* what) {
  if (fabs(found - wanted) <= tolerance) return;
  ++wrong;
  fprintf(stderr, "wrong: %s: %.17g instead of %.17g\n", what, found, wanted);
}

/* Entry i of the k-th of n orthonormal vectors, those of the discrete cosine transform. */
static double cosine(size_t k, size_t i, size_t n) {
  return sqrt(2.0 / (double)n) * cos(pi * (double)k * ((double)i + 0.5) / (double)n);
}

/* Snapshots with the singular values 5 and 2. */
static double snapshot(size_t point, size_t sample) {
  return 5.0 * cosine(1, point, num_pts) * cosine(1, sample, num_samples) +
         2.0 * cosine(2, point, num_pts) * cosine(2, sample, num_samples);
}

static double total(double own) {
  double sum = own;
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  return sum;
}

static void expect_singular_values(const fieldfold_svd* svd, const char* what) {
  double* const values = calloc(fieldfold_svd_num_singular_values(svd) + 2, sizeof(double));
  expect(fieldfold_svd_singular_values(svd, values) == FIELDFOLD_OK, what);
  expect_near(values[0], 5.0, 1e-12, what);
  expect_near(values[1], 2.0, 1e-12, what);
  free(values);
}

/* data: whether to stop */
static int stop(const char* phase, double share, void* data) {
  (void)phase;
  (void)share;
  return *(const int*)data;
}

static void learn_by_points(fieldfold_communicator* ranks) {
  size_t first = 0;
  const size_t own = fieldfold_communicator_share(ranks, num_pts, &first);
  double* const states = calloc(own * num_samples + 1, sizeof(double)); /* (num_samples, own) */
  double* const again = calloc(own * num_samples + 1, sizeof(double));
  for (size_t j = 0; j < num_samples; ++j)
    for (size_t i = 0; i < own; ++i) states[j * own + i] = snapshot(first + i, j);
  fieldfold_svd* svd = NULL;
  expect(fieldfold_svd_create("{\"rank\": 2}", &svd) == FIELDFOLD_OK, "create");
  expect(fieldfold_svd_set_communicator(svd, ranks) == FIELDFOLD_OK, "set_communicator");
  expect(fieldfold_svd_fit(svd, states, own, num_samples, 1, own) == FIELDFOLD_OK, "fit");
  expect_singular_values(svd, "points");
  double latent[2 * num_samples];
  expect(fieldfold_svd_compress(svd, states, num_samples, latent) == FIELDFOLD_OK, "compress");
  for (size_t j = 0; j < num_samples; ++j)
    expect_near(fabs(latent[2 * j]), fabs(5.0 * cosine(1, j, num_samples)), 1e-12, "coefficients");
  expect(fieldfold_svd_reconstruct(svd, latent, num_samples, again) == FIELDFOLD_OK, "reconstruct");
  for (size_t i = 0; i < own * num_samples; ++i) expect_near(again[i], states[i], 1e-12, "states");
  size_t locations[3];
  expect(fieldfold_svd_sensors(svd, 3, locations) == FIELDFOLD_OK && locations[0] < num_pts, "sensors");

  /* A bad argument of the last rank is an error on all. */
  const size_t last = fieldfold_communicator_size(ranks) - 1;
  int is_last = fieldfold_communicator_rank(ranks) == last;
  char suffix[64] = "";
  if (last > 0) snprintf(suffix, sizeof(suffix), " (on rank %zu)", last);
  expect(fieldfold_svd_assess(svd, states, num_samples, latent, NULL, NULL, NULL) == FIELDFOLD_OK, "assess");
  fieldfold_status status = fieldfold_svd_compress(svd, states, num_samples, is_last ? NULL : latent);
  char wanted[256];
  snprintf(wanted, sizeof(wanted), "latent: expected memory, got a null pointer%s", suffix);
  expect(status == FIELDFOLD_INVALID_ARGUMENT && strcmp(fieldfold_last_error(), wanted) == 0, "a null pointer");
  if (is_last)
    status = fieldfold_svd_refuse(svd, "no");
  else
    status = fieldfold_svd_compress(svd, states, num_samples, latent);
  snprintf(wanted, sizeof(wanted), "no%s", suffix);
  expect(status == FIELDFOLD_INVALID_ARGUMENT && strcmp(fieldfold_last_error(), wanted) == 0, "a refusal");

  /* And so is an interruption. */
  expect(fieldfold_svd_set_progress(svd, stop, &is_last) == FIELDFOLD_OK, "set_progress");
  expect(fieldfold_svd_fit(svd, states, own, num_samples, 1, own) == FIELDFOLD_INTERRUPTED, "an interruption");
  expect(fieldfold_svd_set_progress(svd, NULL, NULL) == FIELDFOLD_OK && fieldfold_svd_rank(svd) == 2, "no progress");

  expect(fieldfold_svd_save(svd, "ranks.fold") == FIELDFOLD_OK, "save");
  fieldfold_svd* loaded = NULL;
  expect(fieldfold_svd_load_on_ranks("ranks.fold", ranks, &own, &loaded) == FIELDFOLD_OK, "load_on_ranks");
  expect(fieldfold_svd_dof(loaded) == own, "points of a rank");
  fieldfold_svd* whole = NULL;
  expect(fieldfold_svd_load("ranks.fold", &whole) == FIELDFOLD_OK && fieldfold_svd_dof(whole) == num_pts, "load");
  expect(fieldfold_svd_set_communicator(whole, ranks) == FIELDFOLD_INVALID_ARGUMENT, "ranks of a map");
  fieldfold_svd_free(whole);
  fieldfold_svd_free(loaded);
  fieldfold_svd_free(svd);

  fieldfold_incremental* incremental = NULL;
  expect(fieldfold_incremental_create("{\"max_rank\": 2}", &incremental) == FIELDFOLD_OK, "incremental");
  expect(fieldfold_incremental_set_communicator(incremental, ranks) == FIELDFOLD_OK, "ranks of an incremental SVD");
  expect(fieldfold_incremental_add_states(incremental, states, num_samples / 2, own) == FIELDFOLD_OK, "add");
  expect(fieldfold_incremental_save(incremental, "progress.fold") == FIELDFOLD_OK, "save progress");
  fieldfold_incremental_free(incremental);
  expect(fieldfold_incremental_load_on_ranks("progress.fold", ranks, NULL, &incremental) == FIELDFOLD_OK, "go on");
  expect(fieldfold_incremental_add_states(incremental, states + own * (num_samples / 2), num_samples / 2, own) ==
             FIELDFOLD_OK,
         "add more");
  expect(fieldfold_incremental_finish(incremental, &svd) == FIELDFOLD_OK, "finish");
  expect_singular_values(svd, "increments");
  fieldfold_svd_free(svd);
  fieldfold_incremental_free(incremental);
  free(states);
  free(again);
}

static void learn_by_samples(fieldfold_communicator* ranks) {
  size_t first = 0;
  const size_t own = fieldfold_communicator_share(ranks, num_samples, &first);
  double* const states = calloc(own * num_pts + 1, sizeof(double));
  for (size_t j = 0; j < own; ++j)
    for (size_t i = 0; i < num_pts; ++i) states[j * num_pts + i] = snapshot(i, first + j);
  fieldfold_svd* svd = NULL;
  fieldfold_svd* merged = NULL;
  fieldfold_svd_create("{\"rank\": 2}", &svd);
  expect(fieldfold_svd_fit(svd, states, num_pts, own, 1, num_pts) == FIELDFOLD_OK, "fit of samples");
  expect(fieldfold_svd_merge_ranks(svd, ranks, "{\"rank\": 2}", &merged) == FIELDFOLD_OK, "merge_ranks");
  expect_singular_values(merged, "merged maps");
  expect(fieldfold_svd_dof(merged) == num_pts, "all points");
  fieldfold_svd_free(merged);
  fieldfold_svd_free(svd);
  fieldfold_svd_create("{\"rank\": 2}", &svd);
  expect(fieldfold_svd_fit_samples(svd, states, own, num_pts) == FIELDFOLD_INVALID_ARGUMENT, "samples without ranks");
  fieldfold_svd_set_communicator(svd, ranks);
  expect(fieldfold_svd_fit_samples(svd, states, own, num_pts) == FIELDFOLD_OK, "fit_samples");
  expect_singular_values(svd, "exchanged samples");
  expect_near(total((double)fieldfold_svd_dof(svd)), num_pts, 0.0, "shares of points");
  fieldfold_svd_free(svd);
  free(states);
}

/* A linear function is exact, and the transpose keeps sums. */
static void interpolate(fieldfold_communicator* ranks) {
  enum { count = 60 };
  const double shift = (double)fieldfold_communicator_rank(ranks);
  double points[2 * count];
  double queries[2 * count];
  double values[count];
  double results[count];
  for (int i = 0; i < count; ++i) {
    points[2 * i] = fmod(0.618034 * (i + count * shift), 1.0);
    points[2 * i + 1] = fmod(0.754878 * (i + count * shift), 1.0);
    queries[2 * i] = fmod(points[2 * i] + 0.37, 1.0);
    queries[2 * i + 1] = points[2 * i + 1];
    values[i] = 1.0 + 2.0 * points[2 * i] - points[2 * i + 1];
  }
  fieldfold_operator* op = NULL;
  expect(fieldfold_operator_create_on_ranks(ranks, points, count, queries, count, 2,
                                            "{\"neighbors\": 12, \"kernel\": \"cubic\", \"degree\": 1}",
                                            &op) == FIELDFOLD_OK,
         "operator on ranks");
  expect(fieldfold_operator_apply(op, values, 1, results) == FIELDFOLD_OK, "apply");
  for (int i = 0; i < count; ++i)
    expect_near(results[i], 1.0 + 2.0 * queries[2 * i] - queries[2 * i + 1], 1e-11, "a linear function");
  expect(fieldfold_operator_apply_transposed(op, values, 1, results) == FIELDFOLD_OK, "apply_transposed");
  double before = 0.0;
  double after = 0.0;
  for (int i = 0; i < count; ++i) {
    before += values[i];
    after += results[i];
  }
  expect_near(total(after), total(before), 1e-9, "sums");
  expect(fieldfold_operator_save(op, "operator.fold") == FIELDFOLD_INVALID_ARGUMENT,
         "operators on ranks are not saved");
  fieldfold_operator_free(op);
}

int main(int argc, char** argv) {
  fieldfold_communicator* ranks = NULL;
  expect(fieldfold_mpi_communicator_create(MPI_COMM_WORLD, &ranks) == FIELDFOLD_NOT_READY, "before MPI_Init");
  MPI_Init(&argc, &argv);
  expect(fieldfold_mpi_communicator_create(MPI_COMM_NULL, &ranks) == FIELDFOLD_INVALID_ARGUMENT, "a null communicator");
  expect(fieldfold_mpi_communicator_create(MPI_COMM_WORLD, &ranks) == FIELDFOLD_OK, "communicator");
  learn_by_points(ranks);
  learn_by_samples(ranks);
  interpolate(ranks);
  fieldfold_communicator_free(ranks);
  const double all = total(wrong);
  MPI_Finalize();
  return all > 0.0;
}
