"""Learns, uses and merges maps on the ranks of mpi4py, and sees the failure of one as that of all."""
import os
import sys

import numpy as np
from mpi4py import MPI

import fieldfold
from fieldfold.mpi import Communicator

comm = MPI.COMM_WORLD
ranks = Communicator(comm)
assert (ranks.size, ranks.rank) == (comm.size, comm.rank)


def share(total):
    return slice(total * comm.rank // comm.size, total * (comm.rank + 1) // comm.size)


def cosines(length):
    """The first two of orthonormal vectors, those of the discrete cosine transform, as columns."""
    return np.sqrt(2 / length) * np.cos(np.pi * np.outer(np.arange(length) + 0.5, [1, 2]) / length)


def error_of(action):
    try:
        action()
    except fieldfold.InvalidArgument as error:
        return str(error)
    return "no error"


snapshots = cosines(40) * [5, 2] @ cosines(12).T
own = snapshots[share(40)]

svd = fieldfold.SVD(rank=2, communicator=ranks)
svd.fit(own)
assert np.allclose(svd.singular_values[:2], [5, 2], rtol=0, atol=1e-12)
latent = svd.compress(own.T)
assert np.allclose(np.abs(latent), np.abs(cosines(12) * [5, 2]), rtol=0, atol=1e-12)
assert np.allclose(svd.reconstruct(latent), own.T, rtol=0, atol=1e-12)
assert len(svd.sensors(3)) == 3

# What one rank finds before the library is called fails the calls of all.
last = comm.size - 1
text = error_of(lambda: svd.compress(own.T if comm.rank < last else np.zeros((3, 999))))
assert text.startswith("states: expected"), text
text = error_of(lambda: svd.fit(own if comm.rank < last else own.astype(str)))
assert "expected real numbers" in text, text

text = error_of(lambda: fieldfold.InterpolationOperator(np.zeros((3, 2)), np.zeros((3, 2 if comm.rank < last else 3)),
                                                        communicator=comm, interpolate_method="nearest"))
assert text.startswith("queries: expected points of dimension 2, got 3"), text

svd.save("python_ranks.fold")
assert fieldfold.SVD.load("python_ranks.fold", comm, own.shape[0]).dof == own.shape[0]
assert fieldfold.SVD.load("python_ranks.fold").dof == 40

incremental = fieldfold.IncrementalSVD(max_rank=2, communicator=comm)
incremental.add(own.T)
assert np.allclose(incremental.finish().singular_values[:2], [5, 2], rtol=0, atol=1e-12)

states = snapshots.T[share(12)]
exchanged = fieldfold.SVD(rank=2, communicator=comm).fit_samples(states)
assert np.allclose(exchanged.singular_values[:2], [5, 2], rtol=0, atol=1e-12)
merged = fieldfold.SVD(states.T, rank=2).merged(comm, rank=2)
assert np.allclose(merged.singular_values[:2], [5, 2], rtol=0, atol=1e-12)
assert merged.dof == 40

# The map of a sparse mass matrix is that of one process: triplets of elements, with numbers of points among all.
count, first = own.shape[0], share(40).start
elements = np.arange(first, min(first + count, 39))
rows = np.concatenate([elements, elements, elements + 1, elements + 1])
columns = np.concatenate([elements, elements + 1, elements, elements + 1])
values = np.repeat([2.0, 1.0, 1.0, 2.0], len(elements))
coords = np.arange(40.0)[share(40)].reshape(-1, 1)
weighted = fieldfold.SVD(own, rank=2, coords=coords, communicator=comm, field_opts={"mass": (rows, columns, values)})
mass = np.diag(np.full(40, 4.0)) + np.diag(np.ones(39), 1) + np.diag(np.ones(39), -1)
mass[0, 0] = mass[39, 39] = 2.0
expected = np.linalg.svd(np.linalg.cholesky(mass).T @ snapshots, compute_uv=False)
assert np.allclose(weighted.singular_values[:2], expected[:2], rtol=0, atol=1e-11)

generator = np.random.default_rng(5)
points, queries = generator.random((300, 2)), generator.random((90, 2))
operator = fieldfold.InterpolationOperator(points[share(300)], queries[share(90)], communicator=comm, neighbors=15)
whole = fieldfold.InterpolationOperator(points, queries, neighbors=15)
field = np.sin(points @ [3.0, 5.0])
assert np.allclose(operator(field[share(300)]), whole(field)[share(90)], rtol=0, atol=1e-11)
assert np.allclose(operator.transposed(np.ones(len(queries[share(90)]))), whole.transposed(np.ones(90))[share(300)],
                   rtol=0, atol=1e-10)

comm.Barrier()
if comm.rank == 0:
    os.remove("python_ranks.fold")
    print("ranks:", comm.size)
sys.exit(0)
