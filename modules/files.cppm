module;

#include <filesystem>
#include <fstream>
#include <functional>
#include <iosfwd>

/// Input files that are what they should be; output files that are either complete or not there.
export module fieldfold.files;

import fieldfold.diagnostics;

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

}  // namespace fieldfold
