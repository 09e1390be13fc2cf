module;

#include <filesystem>
#include <functional>
#include <iosfwd>

/// Output files that are either complete or not there.
export module fieldfold.files;

import fieldfold.diagnostics;

export namespace fieldfold {

/// Writes a file: `write` fills a temporary file beside `path`, which is then renamed to it, so that a reader sees
/// the old file or the whole new one. The temporary file is removed when anything fails.
/// \throws FileError  the folder is missing or not writable, or the disk is full
void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

}  // namespace fieldfold
