module;

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iosfwd>

/// Input files that are what they should be; output files that are either complete or not there.
export module fieldfold.base.io;

import fieldfold.base.diagnostics;

export namespace fieldfold {

/// Writes a file: `write` fills a temporary file beside `path`, which is then renamed to it, so that a reader sees
/// the old file or the whole new one. The temporary file is removed when anything fails.
/// Many threads may write at once, also to one path: the last one stays.
/// \throws FileError  the path is something else than a file (a device, a folder); the folder is missing or not
/// writable;
///                    the disk is full
void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

/// Opens a file for reading. \throws FileError  it is not there, not readable, or not a regular file
std::ifstream open_for_reading(const std::filesystem::path& path);

/// A file that is read and written at any place, by many threads at once.
class RandomAccessFile {
 public:
  /// Opens a file for reading. \throws FileError  as `open_for_reading`
  explicit RandomAccessFile(const std::filesystem::path& path);

  /// A new file without a name in a folder, for reading and writing; it is gone with this object, or with the program
  /// however it ends. \throws FileError  the folder is missing or not writable
  static RandomAccessFile without_name(const std::filesystem::path& folder);

  RandomAccessFile(RandomAccessFile&& other) noexcept;
  RandomAccessFile& operator=(RandomAccessFile&&) = delete;
  ~RandomAccessFile();

  /// \throws FileError  reading failed, or the file ends before
  void read(std::uint64_t offset, void* bytes, std::size_t count) const;

  /// \throws FileError  the disk is full, or failed
  void write(std::uint64_t offset, const void* bytes, std::size_t count);

 private:
  RandomAccessFile(int descriptor, std::filesystem::path path);

  int descriptor_;
  std::filesystem::path path_;
};

}  // namespace fieldfold
