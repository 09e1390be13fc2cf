#pragma once

// Fields in files, one .npy file per field.

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "commands.hpp"

import fieldfold;

namespace fieldfold::cli {

/// Reads fields from their files.
template <class T>
BasicFields<T> load_fields(const std::vector<FieldFile>& files) {
  BasicFields<T> fields;
  for (const FieldFile& file : files) fields.emplace(file.name, load_npy<T>(file.path));
  return fields;
}

/// Writes each field to a file of its name in a folder, which is created if missing.
/// \throws InvalidArgument  a name with '/'  \throws FileError  the folder or a file cannot be written
template <class T>
void save_fields(const std::filesystem::path& folder, const BasicFields<T>& fields) {
  for (const auto& [name, values] : fields)
    if (name.find('/') != std::string::npos)
      throw InvalidArgument(message("field ", name, ": expected a name without '/', for a file of that name"));
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw FileError(message(folder.string(), ": the folder cannot be created: ", failure.message()));
  for (const auto& [name, values] : fields) save_npy(folder / (name + ".npy"), values);
}

}  // namespace fieldfold::cli
