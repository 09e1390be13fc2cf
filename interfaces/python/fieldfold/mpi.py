"""Ranks of mpi4py, whichever MPI library it is built with.

    from mpi4py import MPI
    svd = fieldfold.SVD(rank=20, communicator=MPI.COMM_WORLD)
    svd.fit(snapshots)  # those of the points of this rank, (dof here, num_samples)

Calls that learn, save, load, compress, assess, interpolate or choose sensors are then collective. An error of one rank is
raised on all, with the number of the rank in its message.
"""
from __future__ import annotations

import ctypes
from typing import Any, Callable, Dict, List

import numpy as np

from ._library import Handle, InvalidArgument, figure

SIZE, CONTEXT = ctypes.c_size_t, ctypes.c_void_p
NUMBERS = ctypes.POINTER(ctypes.c_double)
ELSEWHERE, OUT_OF_MEMORY, FAILED = -1, -2, 1


class _Message(ctypes.Structure):
    _fields_ = [("rank", SIZE), ("count", SIZE), ("numbers", NUMBERS)]


class _FilePart(ctypes.Structure):
    _fields_ = [("offset", ctypes.c_ulonglong), ("length", SIZE), ("bytes", ctypes.c_void_p)]


_FUNCTIONS = {
    "sum": (ctypes.c_int, CONTEXT, NUMBERS, SIZE), "maximum": (ctypes.c_int, CONTEXT, NUMBERS, SIZE),
    "broadcast": (ctypes.c_int, CONTEXT, NUMBERS, SIZE, SIZE),
    "gather": (ctypes.c_int, CONTEXT, NUMBERS, SIZE, NUMBERS),
    "transpose": (ctypes.c_int, CONTEXT, NUMBERS, NUMBERS), "reserve": (ctypes.c_int, CONTEXT, SIZE),
    "exchange": (ctypes.c_int, CONTEXT, ctypes.POINTER(_Message), SIZE, ctypes.POINTER(_Message), SIZE),
    "write": (ctypes.c_int, CONTEXT, ctypes.c_char_p, ctypes.POINTER(_FilePart), SIZE),
    "explain": (None, CONTEXT, ctypes.c_int, ctypes.POINTER(ctypes.c_char), SIZE), "release": (None, CONTEXT),
}
_TYPES = {name: ctypes.CFUNCTYPE(*signature) for name, signature in _FUNCTIONS.items()}


class _Ranks(ctypes.Structure):
    _fields_ = [("context", ctypes.c_void_p), ("size", SIZE), ("rank", SIZE), ("threads", SIZE),
                *_TYPES.items()]


def _bytes(address: int, length: int) -> np.ndarray:
    # Not the array of ctypes, whose format mpi4py does not know.
    return np.frombuffer((ctypes.c_char * length).from_address(address), np.uint8)


def _view(numbers: Any, count: int) -> np.ndarray:
    return _bytes(ctypes.addressof(numbers.contents), 8 * count).view(np.float64) if count else np.empty(0)


class _Functions:
    """The functions of fieldfold_ranks.h by mpi4py. They live until the library releases them."""

    alive: Dict[int, "_Functions"] = {}
    released: List[int] = []

    def __init__(self, comm: Any):
        from mpi4py import MPI
        while self.released:  # not by themselves, since they run then
            self.alive.pop(self.released.pop(), None)
        self.mpi, self.comm, self.failure = MPI, comm.Dup(), ""
        self.comm.Set_errhandler(MPI.ERRORS_RETURN)
        self.ranks = _Ranks(None, comm.size, comm.rank, 1)
        for name, kind in _TYPES.items():
            function = getattr(self, name)
            setattr(self.ranks, name, kind(self._guarded(function) if kind._restype_ else function))
        self.alive[id(self)] = self

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            try:
                return function(*arguments) or 0
            except MemoryError:
                return OUT_OF_MEMORY
            except BaseException as error:  # noqa: B902, nothing passes through the library
                self.failure = str(error) or type(error).__name__
                return FAILED
        return call

    def sum(self, _context: Any, numbers: Any, count: int) -> None:
        self.comm.Allreduce(self.mpi.IN_PLACE, _view(numbers, count), self.mpi.SUM)

    def maximum(self, _context: Any, numbers: Any, count: int) -> None:
        self.comm.Allreduce(self.mpi.IN_PLACE, _view(numbers, count), self.mpi.MAX)

    def broadcast(self, _context: Any, numbers: Any, count: int, root: int) -> None:
        self.comm.Bcast(_view(numbers, count), root)

    def gather(self, _context: Any, own: Any, count: int, everyone: Any) -> None:
        self.comm.Allgather(_view(own, count), _view(everyone, count * self.comm.size))

    def transpose(self, _context: Any, sent: Any, received: Any) -> None:
        self.comm.Alltoall(_view(sent, self.comm.size), _view(received, self.comm.size))

    def reserve(self, _context: Any, _count: int) -> None:
        pass

    def exchange(self, _context: Any, sent: Any, num_sent: int, received: Any, num_received: int) -> None:
        requests = [self.comm.Irecv(_view(received[i].numbers, received[i].count), received[i].rank)
                    for i in range(num_received)]
        requests += [self.comm.Isend(_view(sent[i].numbers, sent[i].count), sent[i].rank) for i in range(num_sent)]
        self.mpi.Request.Waitall(requests)

    def write(self, _context: Any, path: bytes, parts: Any, num_parts: int) -> Any:
        file, failure = None, None
        try:
            file = self.mpi.File.Open(self.comm, path.decode("utf-8", "surrogateescape"),
                                      self.mpi.MODE_CREATE | self.mpi.MODE_WRONLY)
        except self.mpi.Exception as error:
            failure = error
        if self.comm.allreduce(int(file is None), self.mpi.MAX):
            if file is None:
                raise failure or RuntimeError("the file cannot be opened")
            file.Close()
            return ELSEWHERE
        assert file is not None
        for part in parts[:num_parts]:
            if failure is None and part.length:
                try:
                    file.Write_at(part.offset, _bytes(part.bytes, part.length))
                except self.mpi.Exception as error:
                    failure = error
        file.Sync()  # collective, also for a rank that could not write
        file.Close()
        if failure is not None:
            raise failure
        return 0

    def explain(self, _context: Any, _code: int, text: Any, capacity: int) -> None:
        sentence = self.failure.encode("utf-8", "replace")[:capacity - 1] + b"\0"
        ctypes.memmove(text, sentence, len(sentence))

    def release(self, _context: Any) -> None:
        if not self.mpi.Is_finalized():
            self.comm.Free()
        self.released.append(id(self))


class Communicator:
    """A communicator of mpi4py for the library: a duplicate, which is freed with its last use. Collective.

    :param comm: such as MPI.COMM_WORLD
    """

    def __init__(self, comm: Any):
        if not hasattr(comm, "Dup"):
            raise InvalidArgument(f"communicator: expected one of mpi4py, got {type(comm).__name__}")
        functions = _Functions(comm)
        self._handle = Handle("communicator", "create", ctypes.addressof(functions.ranks))

    size = property(lambda self: figure("communicator_size", self._handle), doc="Number of ranks.")
    rank = property(lambda self: figure("communicator_rank", self._handle), doc="This rank.")


def as_communicator(given: Any) -> Communicator:
    return given if isinstance(given, Communicator) else Communicator(given)
