#pragma once

// Fields in files, one .npy file per field.

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "commands.hpp"

import fieldfold;

namespace fieldfold::cli {

/// The number of components of each file.
/// \throws InvalidArgument  a count that is not a whole number above 0, or an unknown name
std::vector<std::size_t> components_of(const FieldFiles& fields);

/// The files, and the names of the fields in them.
struct NamedFiles {
  std::vector<NpyField> files;
  std::vector<std::string> names;
};
NamedFiles named_files(const FieldFiles& fields);

/// Reads fields from their files; vector fields become one field per component.
template <class T>
BasicFields<T> load_fields(const FieldFiles& fields) {
  BasicFields<T> loaded;
  const auto components = components_of(fields);
  for (std::size_t i = 0; i < components.size(); ++i) {
    const auto& [name, path] = fields.files[i];
    auto values = load_npy<T>(path);
    if (components[i] == 1) {
      loaded.emplace(name, std::move(values));
      continue;
    }
    if (values.dimension() == 0 || values.shape().back() != components[i])
      throw InvalidArgument(message("field ", name, ": expected ", components[i],
                                    " components on the last axis, got the shape ",
                                    shape_text(ArrayRef<T>(values).shape())));
    loaded.merge(component_fields<T>(name, values));
  }
  std::size_t expected = 0;
  for (const std::size_t count : components) expected += count;
  if (loaded.size() < expected) throw InvalidArgument("--field: a component of a vector field is given twice");
  return loaded;
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
