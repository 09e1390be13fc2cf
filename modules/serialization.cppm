module;

#include <filesystem>

/// Compressors in files.
///
/// A file is: eight letters of magic; a cereal portable binary archive (format version, method, scalar size, then the
/// options and the map); the number of bytes before this number; the XXH64 checksum of all before it. Identical maps
/// give identical bytes.
export module fieldfold.serialization;

import fieldfold.any_compressor;
import fieldfold.arrays;
import fieldfold.compression;
import fieldfold.diagnostics;
import fieldfold.interpolation;
import fieldfold.rbf;
import fieldfold.svd;

export namespace fieldfold {

/// Saves a compressor, its options and, if there is one, its map. The file is complete or not there.
/// \throws FileError  the file cannot be written
template <class T>
void save(const std::filesystem::path& path, const BasicSVD<T>& svd);

/// \throws InvalidArgument  the compressor inside is of a type that the file format does not have
void save(const std::filesystem::path& path, const AnyCompressor& compressor);

/// Loads a compressor; `load(path).target<SVD>()` is the SVD inside, or null if it is another.
/// \throws FileError  the file cannot be read; is not of this format or of a later version; is damaged or shorter than
///                    it should be; or what it holds contradicts itself. What is
///                    allocated is bounded by a small multiple of the file's size.
AnyCompressor load(const std::filesystem::path& path);

}  // namespace fieldfold
