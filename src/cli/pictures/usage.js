"use strict";

// Programs that use the map, for each language.

/** A word of a shell. */
function quotedForShell(text) {
  const word = text.startsWith("-") ? `./${text}` : text;
  return /^[\w.\/=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function programsOf(facts) {
  const file = JSON.stringify(facts.file);
  const inFortran = `'${facts.file.replaceAll("'", "''")}'`;
  const { rank, dof, fields } = facts;
  const inputs = fields.map((name) => `--field ${quotedForShell(`${name}=${name}.npy`)}`).join(" ");
  return [
    {
      language: "Shell",
      code: `fieldfold info ${quotedForShell(facts.file)}
# latent.npy: (num_samples, ${rank}); one .npy file of each field in the folder fields
fieldfold reconstruct ${quotedForShell(facts.file)} latent.npy -o fields
# Files of fields: (num_samples, ${facts.grid_shape.join(", ")})
fieldfold compress ${quotedForShell(facts.file)} ${inputs} -o latent.npy
`,
    },
    {
      language: "Python",
      code: `import numpy as np
import fieldfold

svd = fieldfold.SVD.load(${file})
latent = np.zeros((1, ${rank}))       # (num_samples, rank)
states = svd.reconstruct(latent)      # (num_samples, dof), dof = ${dof}
latent = svd.compress(states)
print(states.shape, latent.shape)
`,
    },
    {
      language: "C++20 modules",
      code: `#include <fieldfold/xtensor.hpp>
import fieldfold;

int main() {
  const fieldfold::AnyCompressor map = fieldfold::load(${file});
  xt::xarray<double> latent = xt::zeros<double>({1, ${rank}});        // (num_samples, rank)
  const xt::xarray<double> states = map.reconstruct(latent);  // (num_samples, dof), dof = ${dof}
  latent = map.compress(states);
}
`,
    },
    {
      language: "C++17",
      code: `#include <fieldfold.hpp>
#include <vector>

int main() {
  const fieldfold::SVD svd = fieldfold::SVD::load(${file});
  std::vector<double> latent(svd.rank());                      // (num_samples, rank), one sample
  const std::vector<double> states = svd.reconstruct(latent);  // (num_samples, dof), dof = ${dof}
  latent = svd.compress(states);
}
`,
    },
    {
      language: "C",
      code: `#include <fieldfold.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  const size_t rank = ${rank}, dof = ${dof};
  double *latent = calloc(rank, sizeof *latent); /* (num_samples, rank), one sample */
  double *states = calloc(dof, sizeof *states);  /* (num_samples, dof) */
  fieldfold_svd *svd = NULL;
  if (latent == NULL || states == NULL || fieldfold_svd_load(${file}, &svd) != FIELDFOLD_OK ||
      fieldfold_svd_reconstruct(svd, latent, 1, states) != FIELDFOLD_OK ||
      fieldfold_svd_compress(svd, states, 1, latent) != FIELDFOLD_OK) {
    fprintf(stderr, "%s\\n", fieldfold_last_error());
    return 1;
  }
  fieldfold_svd_free(svd);
  free(states);
  free(latent);
  return 0;
}
`,
    },
    {
      language: "Fortran",
      code: `program use_map
  use fieldfold
  implicit none
  real(8), allocatable :: latent(:, :), states(:, :)
  type(fieldfold_svd) :: svd
  character(len=200) :: errmsg
  integer :: stat
  allocate (latent(${rank}, 1), states(${dof}, 1))  ! one sample
  latent = 0
  call svd%load(${inFortran}, stat, errmsg)
  if (stat == fieldfold_ok) call svd%reconstruct(latent, states, stat, errmsg)
  if (stat == fieldfold_ok) call svd%compress(states, latent, stat, errmsg)
  if (stat /= fieldfold_ok) print *, trim(errmsg)
end program use_map
`,
    },
  ];
}
