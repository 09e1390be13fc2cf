/// Fields distributed among the ranks of MPI: `import fieldfold.mpi;`, beside `import fieldfold;`.
export module fieldfold.mpi;

export import fieldfold.mpi.communicator;
