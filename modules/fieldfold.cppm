/// Everything a user of the library imports: `import fieldfold;`.
export module fieldfold;

export import fieldfold.base.arrays;
export import fieldfold.base.diagnostics;
export import fieldfold.base.npy;
export import fieldfold.compression.any;
export import fieldfold.compression.grid;
export import fieldfold.fields.mass_matrix;
export import fieldfold.fields.normalization;
export import fieldfold.fields.quadrature;
export import fieldfold.files.map;
export import fieldfold.files.spec;
export import fieldfold.interpolation.method;
export import fieldfold.pod.incremental;
export import fieldfold.pod.svd;
export import fieldfold.rbf.interpolator;
export import fieldfold.rbf.leave_one_out;
export import fieldfold.rows.npy;
