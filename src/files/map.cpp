module fieldfold.files.map;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.io;
import fieldfold.compression.any;
import fieldfold.compression.grid;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.layout;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.mesh;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.fields.space;
import fieldfold.files.archive;
import fieldfold.linalg.sparse;
import fieldfold.decomposition.incremental;
import fieldfold.pod.incremental;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;
import fieldfold.rows.source;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

void describe_kernel(Writer& archive, const Kernel& kernel) { archive(std::string(traits(kernel).name)); }

void describe_kernel(Reader& archive, Kernel& kernel) {
  std::string name;
  archive(name);
  kernel = kernel_named(name);
}

/// A mass matrix whose function was not saved.
MassMatrix forgotten_function(std::size_t num_pts) {
  return {num_pts, [](std::span<const double>, std::span<double>) {
            throw NotReady("mass: the matrix was a function, which is not saved in files");
          }};
}

void describe_mass(Writer& archive, const std::optional<MassMatrix>& mass) {
  archive.mark(mass.has_value());
  if (!mass) return;
  archive.count(mass->num_pts_of_all());
  archive.mark(mass->sparse() != nullptr);
  if (mass->sparse() == nullptr) return;
  if (archive.shared() == nullptr) {
    archive.numbers(mass->sparse()->offsets);
    archive.numbers(mass->sparse()->columns);
    archive.numbers(mass->sparse()->weights);
    return;
  }
  SparseRows rows = mass->rows_of_all();
  const Communicator& communicator = archive.shared()->communicator();
  const RowPartition entries(communicator, rows.columns.size());
  for (std::uint64_t& offset : rows.offsets) offset += entries.number(0);
  // Each rank has the ends of its rows, and rank 0 the beginning of the first.
  if (communicator.rank() > 0) rows.offsets.erase(rows.offsets.begin());
  archive.tall(std::move(rows.offsets));
  archive.tall(std::move(rows.columns));
  archive.tall(std::move(rows.weights));
}

enum class MassKind : std::uint8_t { none, sparse, function };

MassKind describe_mass_rows(Reader& archive, SparseRows& rows) {
  bool exists = false;
  archive.mark(exists);
  if (!exists) return MassKind::none;
  bool is_sparse = false;
  archive.count(rows.cols);
  archive.mark(is_sparse);
  if (!is_sparse) return MassKind::function;
  if (archive.reads_a_share()) {
    const auto& [first, count, total] = archive.share();
    archive.numbers_between(rows.offsets, first, first + count + 1);
    archive.numbers_between(rows.columns, rows.offsets.front(), rows.offsets.back());
    archive.numbers_between(rows.weights, rows.offsets.front(), rows.offsets.back());
    return MassKind::sparse;
  }
  archive.tall(rows.offsets);
  archive.tall(rows.columns);
  archive.tall(rows.weights);
  return MassKind::sparse;
}

/// A mass matrix of the rows that this rank has read; collective.
MassMatrix shared_mass(const SparseRows& rows, const PointShare& share,
                       const std::shared_ptr<const Communicator>& communicator) {
  const std::size_t entries = rows.columns.size();
  auto row_numbers = xt::xarray<double>::from_shape({entries});
  auto columns = xt::xarray<double>::from_shape({entries});
  auto values = xt::xarray<double>::from_shape({entries});
  for (std::size_t i = 0; i < share.count; ++i) {
    if (rows.offsets[i] > rows.offsets[i + 1]) throw FileError("the rows of a mass matrix are not in order");
    for (std::uint64_t e = rows.offsets[i]; e < rows.offsets[i + 1]; ++e) {
      const std::size_t place = e - rows.offsets.front();
      row_numbers(place) = static_cast<double>(share.first + i);
      columns(place) = static_cast<double>(rows.columns[place]);
      values(place) = rows.weights[place];
    }
  }
  return {communicator, share.count, row_numbers, columns, values};
}

void describe_mass(Reader& archive, std::optional<MassMatrix>& mass,
                   const std::shared_ptr<const Communicator>& communicator) {
  mass.reset();
  SparseRows rows;
  const MassKind kind = describe_mass_rows(archive, rows);
  if (kind == MassKind::function && archive.reads_a_share())
    throw FileError("it has a mass matrix that was a function, which ranks do not share");
  if (kind == MassKind::sparse && archive.reads_a_share())
    mass.emplace(shared_mass(rows, archive.share(), communicator));
  if (archive.reads_a_share()) return;
  if (kind == MassKind::function) mass.emplace(forgotten_function(rows.cols));
  if (kind != MassKind::sparse) return;
  if (rows.offsets.empty()) throw FileError("a mass matrix has no rows");
  mass.emplace(std::move(rows));
}

template <class Archive, class AnyMesh>
void describe_parts(Archive& archive, AnyMesh& mesh) {
  static const std::vector<std::string_view> locations{"points", "cells"};
  archive.of_mesh(mesh.points);
  archive.of_mesh(mesh.offsets);
  archive.of_mesh(mesh.nodes);
  archive.of_mesh(mesh.types);
  archive.choice(mesh.location, locations);
}

void describe_mesh(Writer& archive, const std::shared_ptr<const Mesh>& mesh) {
  archive.mark(mesh != nullptr);
  if (mesh) describe_parts(archive, *mesh);
}

void describe_mesh(Reader& archive, std::shared_ptr<const Mesh>& mesh) {
  bool exists = false;
  archive.mark(exists);
  mesh.reset();
  if (!exists) return;
  auto found = make_shared<Mesh>();
  describe_parts(archive, *found);
  if (!archive.reads_a_share()) mesh = std::move(found);
}

/// The order of the parts in a file, for a `Writer` of constants or a `Reader` of variables.
template <class Archive, class Options>
void describe_field_options(Archive& archive, Options& options) {
  const auto itself = [&](auto& value) { archive(value); };
  const auto normalization = [&](auto& value) {
    archive.choice(value.method, normalization_methods());
    archive(value.slope);
    archive(value.offset);
  };
  normalization(options.normalize);
  archive.by_name(options.normalize_field, normalization);
  archive.mark(options.center);
  archive.mark(options.standardize);
  archive.optional(options.point_weights, [&](auto& weights) { archive.tall(weights); });
  archive.by_name(options.field_weights, itself);
  archive.optional(options.sample_weights, itself);
  archive.choice(options.mask, masks());
  archive.choice(options.gappy_snapshots, gappy_snapshots_policies());
  archive.choice(options.gappy_states, gappy_states_policies());
}

/// The parts of a space except the names of the fields.
template <class Archive, class Parts>
void describe_space(Archive& archive, Parts& parts) {
  archive.list(parts.transforms, [&](auto& transform) {
    archive.mark(transform.is_logarithmic);
    archive(transform.offset);
    archive(transform.shift);
    archive(transform.factor);
  });
  archive.mark(parts.is_centered);
  archive.tall(parts.mean);
  archive.tall(parts.deviation);
  archive.tall(parts.point_weights);
  archive.numbers(parts.field_weights);
  archive.tall_in_outline(parts.masked);
}

template <class Archive, class Grid, class Options>
void describe_options(Archive& archive, Grid& grid, Options& options) {
  const auto itself = [&](auto& value) { archive(value); };
  const auto count = [&](auto& value) { archive.count(value); };
  archive.list(grid.fields, itself);
  archive.optional(grid.coords, [&](auto& coords) { archive.tall(coords); });
  archive(grid.interpolate_method);
  auto& rbf = grid.interpolate_opts;
  auto& rule = options.rule;
  archive.optional(rbf.neighbors, count);
  archive.tall(rbf.smoothing);
  describe_kernel(archive, rbf.kernel);
  archive.optional(rbf.epsilon, itself);
  archive.optional(rbf.degree, itself);
  archive.optional(rule.rank, count);
  archive.optional(rule.energy_tol, itself);
  archive.optional(rule.reconstruction_tol, itself);
  archive.mark(options.keep_training_latents);
  if (archive.version() < 2) return;
  archive.optional(rule.sample_tol, itself);
  archive.optional(rule.noise, itself);
  archive.mark(rule.optimal_threshold);
  archive.count(options.validate_every);
  if (archive.version() < 3) return;
  archive.choice(rbf.method, rbf_methods());
  archive.count(rbf.cluster_size);
  archive.optional(rbf.overlap, itself);
  archive.mark(rbf.allow_lower_degree);
  archive.numbers(rbf.scales);
  archive.numbers(rbf.periods);
  archive(rbf.power);
  if (archive.version() < 4) return;
  describe_field_options(archive, options.field_opts);
  if (archive.version() < 5) return;
  archive.list(grid.grid_shape, count);
  archive(options.field_opts.mask_share);
  archive.numbers(options.field_opts.missing_values);
  archive(options.field_opts.inner_product_name);
  archive.mark(rbf.merge_duplicates);
  archive.by_name(grid.units, itself);
  describe_mesh(archive, grid.mesh);
}

template <class Archive, class Map, class DescribeBasis>
void describe_map(Archive& archive, Map& map, DescribeBasis describe_basis) {
  archive.count(map.num_samples);
  archive.count(map.num_dropped);
  describe_basis();
  archive(map.singular_values);
  archive.list(map.latent_ranges, [&](auto& range) {
    archive(range.first);
    archive(range.second);
  });
  archive.optional(map.training_latents, [&](auto& latents) { archive.samples(latents); });
  if (archive.version() < 2) return;
  archive(map.unresolved_squares);
  const auto describe_errors = [&](auto& errors) {
    archive(errors.snapshots);
    archive(errors.fields);
    archive(errors.snapshot_fields);
    if (archive.version() >= 5) archive.numbers(errors.rms);
  };
  archive.optional(map.errors, describe_errors);
  archive.optional(map.validation_errors, describe_errors);
  if (archive.version() < 4) return;
  archive.count(map.num_filled);
  archive(map.latent_mean);
  archive(map.latent_covariance);
  if (archive.version() >= 5) archive.list(map.snapshot_numbers, [&](auto& number) { archive.count(number); });
}

/// The last part: the mass matrix, shared by options and space; the space; and for a mass matrix that is a function,
/// the weighted basis.
template <class T>
void write_space(Writer& writer, const std::optional<MassMatrix>& mass, const BasicSVDMap<T>* map) {
  describe_mass(writer, mass);
  const bool has_space = map != nullptr && map->space;
  writer.mark(has_space);
  if (!has_space) return;
  describe_space(writer, map->space->parts());
  const bool saves_weighted_basis = mass && mass->sparse() == nullptr;
  writer(saves_weighted_basis ? map->weighted_basis : xt::xarray<T>(zeros<T>({0, 0})));
}

template <class T>
void read_space(Reader& reader, const CompressionOptions& grid, std::optional<MassMatrix>& mass, BasicSVDMap<T>* map) {
  const std::vector<std::string>& fields = grid.fields;
  describe_mass(reader, mass, grid.communicator);
  bool has_space = false;
  reader.mark(has_space);
  if (!has_space) return;
  if (map == nullptr) throw FileError("it has a space but no map");
  FieldSpaceParts parts;
  parts.fields = fields;
  describe_space(reader, parts);
  parts.mass = mass;
  reader(map->weighted_basis);
  const std::size_t dof = map->projection_matrix.dimension() == 2 ? map->projection_matrix.shape(0) : 0;
  if (parts.fields.empty() || dof % parts.fields.size() != 0) throw FileError("its fields do not fit its map");
  map->space.emplace(std::move(parts), dof / fields.size());
}

/// Options of the file of an SVD. Earlier versions took any names.
void read_options(Reader& reader, CompressionOptions& grid, SVDOptions& options) {
  describe_options(reader, grid, options);
  for (std::string& name : grid.fields) name = escaped_name(name);
}

template <class T>
AnyCompressor read_svd(Reader& reader, const std::shared_ptr<const Communicator>& communicator = nullptr) {
  CompressionOptions grid;
  SVDOptions options;
  read_options(reader, grid, options);
  grid.communicator = communicator;
  std::optional<BasicSVDMap<T>> map;
  reader.optional(map, [&](BasicSVDMap<T>& stored) {
    describe_map(reader, stored, [&] { reader.tall(stored.projection_matrix); });
  });
  if (reader.version() >= 4) read_space(reader, grid, options.field_opts.mass, map ? &*map : nullptr);
  return map ? BasicSVD<T>(std::move(grid), std::move(options), std::move(*map))
             : BasicSVD<T>(std::move(grid), std::move(options));
}

/// \param basis  is set to the place of the basis
template <class T>
BasicMapOutline<T> read_outline(Reader& reader, TallArray& basis) {
  BasicMapOutline<T> outline;
  read_options(reader, outline.grid, outline.options);
  reader.optional(outline.map, [&](BasicSVDMap<T>& map) {
    describe_map(reader, map, [&] { basis = reader.tall(map.projection_matrix); });
  });
  if (reader.version() >= 4) {
    SparseRows rows;
    const MassKind kind = describe_mass_rows(reader, rows);
    outline.mass_matrix = kind == MassKind::none ? "none" : kind == MassKind::sparse ? "sparse" : "function";
    bool has_space = false;
    reader.mark(has_space);
    if (has_space) {
      FieldSpaceParts parts;
      describe_space(reader, parts);
      xt::xarray<T> weighted_basis;
      reader.tall(weighted_basis);
      outline.num_masked = static_cast<std::size_t>(std::ranges::count(parts.masked, std::uint8_t{1}));
    }
  }
  if (outline.grid.coords && outline.grid.coords->dimension() != 2) throw FileError("its coords have not two axes");
  if (!outline.map) return outline;
  const auto& matrix = outline.map->projection_matrix;
  if (matrix.dimension() != 2) throw FileError("its basis has not two axes");
  outline.dof = basis.rows;
  outline.map->validate_figures(outline.dof, matrix.shape(1));
  if (outline.grid.fields.empty() || outline.dof % outline.grid.fields.size() != 0)
    throw FileError("its fields do not fit its map");
  for (const auto* errors : {&outline.map->errors, &outline.map->validation_errors})
    if (*errors && (*errors)->fields.size() != outline.grid.fields.size())
      throw FileError("its errors do not fit its fields");
  return outline;
}

/// \throws FileError  the file does not hold an SVD in single or double precision
void check_is_svd(std::uint32_t kind, std::uint32_t scalar_size) {
  if (kind == operator_content)
    throw FileError("it holds an interpolation operator, not a compressor; load_operator reads it");
  if (kind == incremental_content)
    throw FileError("it holds the progress of an incremental SVD, not a compressor; load_incremental reads it");
  if (kind != svd_content) throw FileError(message("its content is of the unknown kind ", kind));
  if (scalar_size != sizeof(double) && scalar_size != sizeof(float))
    throw FileError(message("its numbers have ", scalar_size, " bytes; expected 4 or 8"));
}

/// \param map             null: no map  \param describe_basis  writes the projection matrix
template <class T>
void describe_svd(Writer& writer, const BasicSVD<T>& svd, const BasicSVDMap<T>* map,
                  const std::function<void(Writer&)>& describe_basis) {
  describe_options(writer, svd.compression_options(), svd.options());
  writer.mark(map != nullptr);
  if (map != nullptr) describe_map(writer, *map, [&] { describe_basis(writer); });
  write_space(writer, svd.options().field_opts.mass, map);
}

/// The points that this rank reads of `total`: a number that it says, after those of lower ranks, or an equal share.
PointShare share_of(const Communicator& communicator, std::size_t total, std::optional<std::size_t> num_pts) {
  const std::size_t own = num_pts.value_or(equal_share(communicator, total).count);
  const RowPartition partition(communicator, own);
  if (partition.total(own) != total)
    throw InvalidArgument(
        message("num_pts: expected ", total, " points of all ranks, as in the file, got ", partition.total(own)));
  return {partition.number(0), own, total};
}

template <class Archive, class Options, class Checkpoint>
void describe_progress(Archive& archive, Options& incremental, Checkpoint& checkpoint) {
  archive.optional(incremental.max_rank, [&](auto& value) { archive.count(value); });
  archive(incremental.tolerance);
  archive(incremental.forgetting);
  archive.optional(incremental.block, [&](auto& value) { archive.count(value); });
  archive.state_length(checkpoint.dof);
  archive.count(checkpoint.num_dropped);
  archive.states(checkpoint.waiting, checkpoint.num_waiting, checkpoint.dof);
  auto& state = checkpoint.state;
  archive.tall(state.basis);
  archive(state.s);
  archive(state.coefficients);
  archive(state.squares);
  archive(state.bound);
  archive.tall(state.mean);
  archive(state.weight);
}

template <class T>
BasicIncrementalSVD<T> read_incremental(Reader& reader,
                                        const std::shared_ptr<const Communicator>& communicator = nullptr) {
  CompressionOptions grid;
  SVDOptions options;
  IncrementalOptions incremental;
  IncrementalCheckpoint<T> checkpoint;
  describe_options(reader, grid, options);
  grid.communicator = communicator;
  if (communicator) reader.set_numbers_of_point(std::max<std::size_t>(1, grid.fields.size()));
  describe_progress(reader, incremental, checkpoint);
  return BasicIncrementalSVD<T>(std::move(grid), incremental, std::move(options), std::move(checkpoint));
}

void check_is_incremental(std::uint32_t kind) {
  if (kind != incremental_content) throw FileError("it does not hold the progress of an incremental SVD");
}

AnyCompressor read_either_svd(Reader& reader, std::uint32_t kind, std::uint32_t scalar_size,
                              const std::shared_ptr<const Communicator>& communicator = nullptr) {
  check_is_svd(kind, scalar_size);
  return scalar_size == sizeof(double) ? read_svd<double>(reader, communicator) : read_svd<float>(reader, communicator);
}

}  // namespace

template <class T>
void save(const std::filesystem::path& path, const BasicIncrementalSVD<T>& svd) {
  const auto describe = [&](Writer& writer) {
    describe_options(writer, svd.compression_options(), svd.options());
    describe_progress(writer, svd.incremental_options(), svd.checkpoint());
  };
  if (const auto& communicator = svd.compression_options().communicator)
    communicator->together(
        [&] { write_framed_together(path, *communicator, incremental_content, sizeof(T), describe); });
  else
    write_file(path, [&](std::ostream& file) { write_framed(file, incremental_content, sizeof(T), describe); });
}

template <class T>
BasicIncrementalSVD<T> load_incremental(const std::filesystem::path& path) {
  std::optional<BasicIncrementalSVD<T>> svd;
  read_framed(path, [&](Reader& reader, std::uint32_t kind, std::uint32_t scalar_size) {
    check_is_incremental(kind);
    if (scalar_size != sizeof(T))
      throw FileError(message("its numbers have ", scalar_size, " bytes; expected ", sizeof(T)));
    svd.emplace(read_incremental<T>(reader));
  });
  return std::move(*svd);
}

template <class T>
BasicIncrementalSVD<T> load_incremental(const std::filesystem::path& path,
                                        const std::shared_ptr<const Communicator>& communicator,
                                        std::optional<std::size_t> num_pts) {
  if (!communicator) return load_incremental<T>(path);
  std::optional<BasicIncrementalSVD<T>> svd;
  communicator->together([&] {
    std::size_t total = 0;
    const auto check = [&](std::uint32_t kind, std::uint32_t scalar_size) {
      check_is_incremental(kind);
      if (scalar_size != sizeof(T))
        throw FileError(message("its numbers have ", scalar_size, " bytes; expected ", sizeof(T)));
    };
    const auto read_length = [&](Reader& reader, std::uint32_t kind, std::uint32_t scalar_size) {
      check(kind, scalar_size);
      CompressionOptions grid;
      SVDOptions options;
      IncrementalOptions incremental;
      IncrementalCheckpoint<T> checkpoint;
      describe_options(reader, grid, options);
      describe_progress(reader, incremental, checkpoint);
      total = checkpoint.dof / std::max<std::size_t>(1, grid.fields.size());
    };
    read_framed(path, read_length, Extent::outline);
    const auto read = [&](Reader& reader, std::uint32_t kind, std::uint32_t scalar_size) {
      check(kind, scalar_size);
      svd.emplace(read_incremental<T>(reader, communicator));
    };
    read_framed_together(path, *communicator, share_of(*communicator, total, num_pts), read);
  });
  return std::move(*svd);
}

AnyIncrementalSVD load_any_incremental(const std::filesystem::path& path) {
  std::optional<AnyIncrementalSVD> svd;
  read_framed(path, [&](Reader& reader, std::uint32_t kind, std::uint32_t scalar_size) {
    check_is_incremental(kind);
    if (scalar_size == sizeof(double))
      svd.emplace(read_incremental<double>(reader));
    else if (scalar_size == sizeof(float))
      svd.emplace(read_incremental<float>(reader));
    else
      throw FileError(message("its numbers have ", scalar_size, " bytes; expected 4 or 8"));
  });
  return std::move(*svd);
}

template <class T>
void save(const std::filesystem::path& path, const BasicSVD<T>& svd) {
  const auto describe = [&](Writer& writer) {
    describe_svd<T>(writer, svd, svd.map_exists() ? &svd.map() : nullptr,
                    [&](Writer& basis) { basis.tall(svd.projection_matrix()); });
  };
  if (const auto& communicator = svd.compression_options().communicator)
    communicator->together([&] { write_framed_together(path, *communicator, svd_content, sizeof(T), describe); });
  else
    write_file(path, [&](std::ostream& file) { write_framed(file, svd_content, sizeof(T), describe); });
}

template <class T>
std::string bytes_of(const BasicSVD<T>& svd) {
  if (svd.compression_options().communicator)
    throw InvalidArgument("communicator: expected none, because ranks write a file together");
  std::ostringstream bytes;
  write_framed(bytes, svd_content, sizeof(T), [&](Writer& writer) {
    describe_svd<T>(writer, svd, svd.map_exists() ? &svd.map() : nullptr,
                    [&](Writer& basis) { basis.tall(svd.projection_matrix()); });
  });
  if (!bytes) throw std::bad_alloc();
  return std::move(bytes).str();
}

template <class T, class S>
BasicSVDMap<T> learn_to_file(const std::filesystem::path& path, const BasicSVD<T>& svd, const RowSource<S>& snapshots,
                             const RankRule& rule) {
  const auto& mass = svd.options().field_opts.mass;
  if (mass && mass->sparse() == nullptr)
    throw InvalidArgument(
        "mass: expected a sparse matrix; a function can neither be saved in a file nor be applied "
        "to a basis larger than memory");
  if (svd.compression_options().communicator)
    throw InvalidArgument("communicator: expected none, because each rank holds its rows of the basis in memory");
  ScratchStore<T> basis(path.parent_path());
  BasicSVDMap<T> map;
  // The file is opened first: a path that cannot be written fails before hours of work.
  write_file(path, [&](std::ostream& file) {
    map = svd.learn(snapshots, basis, rule).first;
    write_framed(file, svd_content, sizeof(T),
                 [&](Writer& writer) { describe_svd<T>(writer, svd, &map, [&](Writer& rows) { rows.rows(basis); }); });
  });
  return map;
}

void save(const std::filesystem::path& path, const AnyCompressor& compressor) {
  if (const SVD* svd = compressor.target<SVD>()) return save(path, *svd);
  if (const auto* svd = compressor.target<BasicSVD<float>>()) return save(path, *svd);
  throw InvalidArgument("compressor: expected an SVD in double or float, the types of the file format");
}

AnyCompressor load(const std::filesystem::path& path) {
  std::optional<AnyCompressor> compressor;
  read_framed(path, [&](Reader& reader, std::uint32_t kind, std::uint32_t scalar_size) {
    compressor.emplace(read_either_svd(reader, kind, scalar_size));
  });
  return std::move(*compressor);
}

AnyCompressor from_bytes(std::string bytes) {
  std::optional<AnyCompressor> compressor;
  read_framed_bytes(std::move(bytes), [&](Reader& reader, std::uint32_t kind, std::uint32_t scalar_size) {
    compressor.emplace(read_either_svd(reader, kind, scalar_size));
  });
  return std::move(*compressor);
}

AnyCompressor load(const std::filesystem::path& path, const std::shared_ptr<const Communicator>& communicator,
                   std::optional<std::size_t> num_pts) {
  if (!communicator) return load(path);
  std::optional<AnyCompressor> compressor;
  communicator->together([&] {
    const std::size_t total = std::visit(
        [](const auto& outline) { return outline.dof / std::max<std::size_t>(1, outline.grid.fields.size()); },
        load_outline(path));
    if (total == 0) throw FileError(message(path.string(), ": it has no map"));
    const auto read = [&](Reader& reader, std::uint32_t kind, std::uint32_t scalar_size) {
      compressor.emplace(read_either_svd(reader, kind, scalar_size, communicator));
    };
    read_framed_together(path, *communicator, share_of(*communicator, total, num_pts), read);
  });
  return std::move(*compressor);
}

MapOutline load_outline(const std::filesystem::path& path) {
  MapOutline outline;
  const auto read = [&](Reader& reader, std::uint32_t kind, std::uint32_t scalar_size) {
    check_is_svd(kind, scalar_size);
    TallArray basis;
    if (scalar_size == sizeof(double))
      outline = read_outline<double>(reader, basis);
    else
      outline = read_outline<float>(reader, basis);
  };
  read_framed(path, read, Extent::outline);
  return outline;
}

template <class T>
BasisRows<T>::BasisRows(const std::filesystem::path& path) : file_(path) {
  const auto read = [&](Reader& reader, std::uint32_t kind, std::uint32_t scalar_size) {
    check_is_svd(kind, scalar_size);
    if (scalar_size != sizeof(T))
      throw FileError(message("its numbers have ", scalar_size, " bytes; expected ", sizeof(T)));
    if (!reader.is_little_endian()) throw FileError("its numbers are big-endian; load reads them");
    TallArray basis;
    const auto outline = read_outline<T>(reader, basis);
    if (!outline.map) throw FileError("it has no map");
    offset_ = basis.offset;
    rows_ = basis.rows;
    cols_ = outline.map->projection_matrix.shape(1);
    // The file that was opened first is the one that has been read, and not one that took its place.
    std::uint64_t checksum = 0;
    file_.read(reader.end() + trailer_size - sizeof(checksum), &checksum, sizeof(checksum));
    if (checksum != reader.checksum()) throw FileError("it was replaced while it was opened");
  };
  read_framed(path, read, Extent::outline);
}

template <class T>
MatrixView<const T> BasisRows<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  buffer.resize(count * cols_);
  file_.read(offset_ + first * cols_ * sizeof(T), buffer.data(), buffer.size() * sizeof(T));
  return {buffer.data(), count, cols_};
}

template class BasisRows<double>;
template class BasisRows<float>;

template void save(const std::filesystem::path&, const IncrementalSVD&);
template void save(const std::filesystem::path&, const BasicIncrementalSVD<float>&);
template IncrementalSVD load_incremental(const std::filesystem::path&);
template BasicIncrementalSVD<float> load_incremental(const std::filesystem::path&);
template IncrementalSVD load_incremental(const std::filesystem::path&, const std::shared_ptr<const Communicator>&,
                                         std::optional<std::size_t>);
template BasicIncrementalSVD<float> load_incremental(const std::filesystem::path&,
                                                     const std::shared_ptr<const Communicator>&,
                                                     std::optional<std::size_t>);
template std::string bytes_of(const SVD&);
template std::string bytes_of(const BasicSVD<float>&);
template void save(const std::filesystem::path&, const SVD&);
template void save(const std::filesystem::path&, const BasicSVD<float>&);
template SVDMap learn_to_file(const std::filesystem::path&, const SVD&, const RowSource<double>&, const RankRule&);
template BasicSVDMap<float> learn_to_file(const std::filesystem::path&, const BasicSVD<float>&, const RowSource<float>&,
                                          const RankRule&);
template BasicSVDMap<float> learn_to_file(const std::filesystem::path&, const BasicSVD<float>&,
                                          const RowSource<double>&, const RankRule&);

}  // namespace fieldfold
