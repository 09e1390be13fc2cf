/// Checked file input, atomic file output, and files with random access.
export module fieldfold.base.io;

import fieldfold.base.standard;

export namespace fieldfold {

/// Writes a file atomically and durably: `write` fills a file without a name in the folder of `path`, which then takes
/// its place, so that a reader sees either the old file or the complete new one, also after a crash or a loss of power.
/// When this function returns, file and folder are on the disk. Nothing is left on failure. Several threads and
/// processes may write at once, even to the same path: the last one wins. Permissions of an existing file stay; a
/// symbolic link is followed.
/// \throws FileError  the path is not a regular file (a device, a folder), or is protected against writing; the folder
///                    is missing or not writable; the disk is full, or the file longer than RLIMIT_FSIZE permits
void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

/// The same for libraries that open files by themselves: `write` creates the file at the path that it is given, of the
/// same name in another folder, which errors do not show.
void write_file_at(const std::filesystem::path& path, const std::function<void(const std::filesystem::path&)>& write);

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
