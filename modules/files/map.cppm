/// Saving and loading of compressors.
///
/// A file consists of eight bytes of magic; a cereal portable binary archive (format version, kind of content, scalar
/// size, content); the number of bytes up to here; and the XXH64 checksum of everything before it, by chunks. Identical
/// maps give identical bytes.
export module fieldfold.files.map;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.io;
import fieldfold.base.standard;
import fieldfold.compression.any;
import fieldfold.compression.grid;
import fieldfold.decomposition.rank_rule;
import fieldfold.pod.incremental;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.rows.source;

export namespace fieldfold {

/// Saves a compressor with its options and, if it has one, its map. The file is either complete or absent. For a mass
/// matrix that is a function, its product with the basis is saved: a loaded map compresses, and members that need the
/// function throw `NotReady`. Points that are distributed among ranks are written by all of them, to the bytes that one
/// process writes; collective then.
/// \throws FileError  the file cannot be written
template <class T>
void save(const std::filesystem::path& path, const BasicSVD<T>& svd);

/// \throws InvalidArgument  the file format does not support the type of the compressor inside
void save(const std::filesystem::path& path, const AnyCompressor& compressor);

/// Saves the progress of an incremental SVD, with its options. \throws FileError  the file cannot be written
template <class T>
void save(const std::filesystem::path& path, const BasicIncrementalSVD<T>& svd);

/// Loads the progress of an incremental SVD, which continues as if it had not been interrupted, bit for bit.
/// \throws FileError  as `load`, or a file of another scalar or content
template <class T = double>
BasicIncrementalSVD<T> load_incremental(const std::filesystem::path& path);

/// The same on ranks, each of which continues with the numbers of its points; collective.
/// \param num_pts  of this rank, as for `load`
template <class T = double>
BasicIncrementalSVD<T> load_incremental(const std::filesystem::path& path,
                                        const std::shared_ptr<const Communicator>& communicator,
                                        std::optional<std::size_t> num_pts = std::nullopt);

/// The same in the precision of the file.
using AnyIncrementalSVD = std::variant<IncrementalSVD, BasicIncrementalSVD<float>>;
AnyIncrementalSVD load_any_incremental(const std::filesystem::path& path);

/// Learns a map with the options of `svd` and saves it like `save`, for snapshots and a basis larger than memory. `svd`
/// is unchanged and needs no map. A large basis is built in an unnamed file in the folder of `path`. The file at `path`
/// is either complete or absent.
/// \tparam S         scalar of the snapshots: T, or double
/// \param snapshots  `(dof, num_samples)`, such as `NpyRows` or `StoredFieldRows`
/// \param rule       replaces the rule of the options if it is not empty
/// \returns  the map, with an empty projection matrix
/// \throws   as `BasicSVD::compute_map`, the source of the snapshots, and `save`; InvalidArgument also for a mass
///           matrix that is a function
template <class T, class S>
BasicSVDMap<T> learn_to_file(const std::filesystem::path& path, const BasicSVD<T>& svd, const RowSource<S>& snapshots,
                             const RankRule& rule = {});

/// Loads a compressor; `load(path).target<SVD>()` is the SVD inside, or null for another type.
/// \throws FileError  the file cannot be read; is of another format or a later version; is damaged or truncated; or is
///                    inconsistent. Memory is bounded by a small multiple of the file size.
AnyCompressor load(const std::filesystem::path& path);

/// The same on ranks, each of which reads the numbers of its points; collective. The file may have been saved by any
/// number of ranks, or by one process; its mesh is not read.
/// \param communicator  null: one process reads all points
/// \param num_pts       the points of this rank, after those of lower ranks; none: an equal share
/// \throws InvalidArgument  the ranks do not take all points together
/// \throws FileError        as above; there is no map, or its mass matrix was a function
AnyCompressor load(const std::filesystem::path& path, const std::shared_ptr<const Communicator>& communicator,
                   std::optional<std::size_t> num_pts = std::nullopt);

/// The bytes of a file: those that `save` writes for an SVD in memory, and back.
/// \throws FileError  as `load`
template <class T>
std::string bytes_of(const BasicSVD<T>& svd);
AnyCompressor from_bytes(std::string bytes);

/// An SVD in a file without its tall arrays, those with a number for each point or each number of a state.
template <class T>
struct BasicMapOutline {
  CompressionOptions grid;            ///< coords are `(0, dim)`
  SVDOptions options;                 ///< point weights are `(0,)`, and there is no mass matrix
  std::string mass_matrix = "none";   ///< or "sparse" or "function"
  std::optional<BasicSVDMap<T>> map;  ///< without space and weighted basis; basis and training latents are `(0, rank)`
  std::size_t dof = 0;                ///< 0 if there is no map
  std::size_t num_masked = 0;         ///< numbers of a state
};
using MapOutline = std::variant<BasicMapOutline<double>, BasicMapOutline<float>>;

/// Reads the outline of an SVD, in a time that hardly depends on the size of the file. The checksum is not verified;
/// `load` verifies it. \throws FileError  as `load`
MapOutline load_outline(const std::filesystem::path& path);

/// The basis of the map in a file, `(dof, rank)`, read by rows: one that may be larger than memory. The checksum is not
/// verified. Safe to read from many threads at once, also after the file has been replaced.
template <class T>
class BasisRows final : public RowSource<T> {
 public:
  /// \throws FileError  as `load`; there is no map; its numbers are not of the type T, or are big-endian
  explicit BasisRows(const std::filesystem::path& path);
  std::size_t rows() const override { return rows_; }
  std::size_t cols() const override { return cols_; }
  /// \throws FileError  reading failed
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;

 private:
  RandomAccessFile file_;
  std::uint64_t offset_ = 0;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
};

}  // namespace fieldfold
