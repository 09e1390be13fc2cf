/* Folds waves on a grid of points, unfolds them elsewhere, and saves the map. */
#include <fieldfold.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { num_pts = 50, num_qoi = 2, dof = num_pts * num_qoi, num_samples = 12 };

static void check(fieldfold_status status) {
  if (status == FIELDFOLD_OK) return;
  fprintf(stderr, "%s\n", fieldfold_last_error());
  exit(1);
}

int main(void) {
  static double coords[num_pts][2];
  static double states[num_samples][dof];
  static double again[num_samples][dof];
  static double latent[num_samples][4];
  double query[1][2] = {{0.5, 0.5}};
  double at[num_samples][1][num_qoi];
  double largest = 0.0;
  fieldfold_svd* svd = NULL;
  fieldfold_svd* loaded = NULL;

  for (int p = 0; p < num_pts; ++p) {
    coords[p][0] = fmod(0.618034 * p, 1.0);
    coords[p][1] = fmod(0.754878 * p, 1.0);
    for (int j = 0; j < num_samples; ++j) {
      /* Two fields that span two functions each: rank 4. */
      states[j][num_qoi * p] = cos(0.5 * j) * coords[p][0] + sin(0.3 * j);
      states[j][num_qoi * p + 1] = (1.0 + j) * coords[p][1] - cos(0.2 * j);
    }
  }

  check(fieldfold_svd_create("{\"fields\": [\"ux\", \"uy\"], \"rank\": 4}", &svd));
  check(fieldfold_svd_set_coords(svd, &coords[0][0], num_pts, 2));
  check(fieldfold_svd_fit(svd, &states[0][0], dof, num_samples, 1, dof)); /* state after state */
  check(fieldfold_svd_compress(svd, &states[0][0], num_samples, &latent[0][0]));
  check(fieldfold_svd_reconstruct(svd, &latent[0][0], num_samples, &again[0][0]));
  for (int j = 0; j < num_samples; ++j)
    for (int i = 0; i < dof; ++i) largest = fmax(largest, fabs(again[j][i] - states[j][i]));
  check(fieldfold_svd_reconstruct_at(svd, &latent[0][0], num_samples, &query[0][0], 1, &at[0][0][0]));
  check(fieldfold_svd_save(svd, "map.fold"));
  check(fieldfold_svd_load("map.fold", &loaded));

  printf("fieldfold %s: rank %zu, largest error %.0e\n", fieldfold_version(), fieldfold_svd_rank(loaded), largest);
  /* Fields linear in x and y are reproduced between the points. */
  const int is_right = largest < 1e-12 && fabs(at[1][0][0] - (cos(0.5) * 0.5 + sin(0.3))) < 1e-9;
  /* A failure is a status and a message. */
  const int fails = fieldfold_svd_compress(NULL, &states[0][0], 1, &latent[0][0]) == FIELDFOLD_INVALID_ARGUMENT &&
                    strlen(fieldfold_last_error()) > 0;
  fieldfold_svd_free(loaded);
  fieldfold_svd_free(svd);
  return is_right && fails ? 0 : 1;
}
