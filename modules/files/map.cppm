module;

#include <filesystem>

/// Compressors in files.
///
/// A file is: eight letters of magic; a cereal portable binary archive (format version, kind of content, scalar size, then
/// the content); the number of bytes before this number; the XXH64 checksum of all before it. Identical maps give
/// identical bytes.
export module fieldfold.files.map;

import fieldfold.base.diagnostics;
import fieldfold.compression.any;
import fieldfold.decomposition.rank_rule;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.rows.source;

export namespace fieldfold {

/// Saves a compressor, its options and, if there is one, its map. The file is complete or not there. Of a mass matrix
/// that is a function, the product with the basis is saved, so that a loaded map compresses; what needs the function
/// itself throws `NotReady`.
/// \throws FileError  the file cannot be written
template <class T>
void save(const std::filesystem::path& path, const BasicSVD<T>& svd);

/// \throws InvalidArgument  the compressor inside is of a type that the file format does not have
void save(const std::filesystem::path& path, const AnyCompressor& compressor);

/// Learns a map and saves it as `save` would, with the options of `svd`, for snapshots and a basis that are larger than
/// memory. `svd` is not changed and needs no map. A large basis lies in the folder of `path` while it is made, in a
/// file without a name. The file is complete or not there.
/// \param snapshots  `(dof, num_samples)`, as `NpyRows` or `NpyFieldRows` read them
/// \param rule       replaces the rule of the options if it is not empty
/// \returns  the map, with an empty projection matrix
/// \throws   as `BasicSVD::compute_map`, the source of the snapshots, and `save`
template <class T>
BasicSVDMap<T> learn_to_file(const std::filesystem::path& path, const BasicSVD<T>& svd, const RowSource<T>& snapshots,
                             const RankRule& rule = {});

/// Loads a compressor; `load(path).target<SVD>()` is the SVD inside, or null if it is another.
/// \throws FileError  the file cannot be read; is not of this format or of a later version; is damaged or shorter than
///                    it should be; or contradicts itself. Memory is bounded by a small multiple of the file's size.
AnyCompressor load(const std::filesystem::path& path);

}  // namespace fieldfold
