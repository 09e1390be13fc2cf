/// Checked file input, atomic file output, and files with random access.
export module fieldfold.base.io;

import fieldfold.base.standard;

export namespace fieldfold {

/// Writes a file atomically: `write` fills a temporary file next to `path`, which is then renamed to it, so that a
/// reader sees either the old file or the complete new one. The temporary file is removed on failure. Several threads
/// may write at once, even to the same path: the last one wins.
/// \throws FileError  the path is not a regular file (a device, a folder); the folder is missing or not writable; the
///                    disk is full
void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

/// Opens a file for reading. \throws FileError  the file is missing, not readable, or not a regular file
std::ifstream open_for_reading(const std::filesystem::path& path);

/// A file with random access, for several threads at once.
class RandomAccessFile {
 public:
  /// Opens a file for reading. \throws FileError  as `open_for_reading`
  explicit RandomAccessFile(const std::filesystem::path& path);

  /// Creates an unnamed file in a folder, for reading and writing. It is removed with this object, or with the program,
  /// however it ends. \throws FileError  the folder is missing or not writable
  static RandomAccessFile without_name(const std::filesystem::path& folder);

  RandomAccessFile(RandomAccessFile&& other) noexcept;
  RandomAccessFile& operator=(RandomAccessFile&&) = delete;
  ~RandomAccessFile();

  /// \throws FileError  reading failed, or the file ends before `offset + count`
  void read(std::uint64_t offset, void* bytes, std::size_t count) const;

  /// \throws FileError  the disk is full, or writing failed
  void write(std::uint64_t offset, const void* bytes, std::size_t count);

 private:
  RandomAccessFile(int descriptor, std::filesystem::path path);

  int descriptor_;
  std::filesystem::path path_;
};

}  // namespace fieldfold
