/// Everything a user of the library imports: `import fieldfold;`.
export module fieldfold;

export import fieldfold.any_compressor;
export import fieldfold.arrays;
export import fieldfold.compression;
export import fieldfold.diagnostics;
export import fieldfold.file_rows;
export import fieldfold.incremental;
export import fieldfold.rbf.leave_one_out;
export import fieldfold.interpolation;
export import fieldfold.mass_matrix;
export import fieldfold.normalization;
export import fieldfold.npy;
export import fieldfold.quadrature;
export import fieldfold.rbf;
export import fieldfold.serialization;
export import fieldfold.spec;
export import fieldfold.svd;
