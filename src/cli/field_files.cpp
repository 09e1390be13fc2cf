#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <system_error>
#include <vector>

#include "field_files.hpp"

import fieldfold;

namespace fieldfold::cli {

std::vector<std::size_t> components_of(const FieldFiles& fields) {
  std::vector<std::size_t> result(fields.files.size(), 1);
  for (const std::string& text : fields.components) {
    const std::size_t split = text.find('=');
    const std::string count = split == std::string::npos ? text : text.substr(split + 1);
    std::size_t components = 0;
    const auto [end, failure] = std::from_chars(count.data(), count.data() + count.size(), components);
    if (failure != std::errc{} || end != count.data() + count.size() || components == 0)
      throw InvalidArgument(message("--components: expected [NAME=]COUNT with a whole number above 0, got ", text));
    if (split == std::string::npos) {
      std::ranges::fill(result, components);
      continue;
    }
    const auto found = std::ranges::find(fields.files, text.substr(0, split), &FieldFile::name);
    if (found == fields.files.end())
      throw InvalidArgument(message("--components: expected a name given to --field, got ", text.substr(0, split)));
    result[static_cast<std::size_t>(found - fields.files.begin())] = components;
  }
  return result;
}

NamedFiles named_files(const FieldFiles& fields) {
  const auto components = components_of(fields);
  NamedFiles result;
  for (std::size_t i = 0; i < components.size(); ++i) {
    const auto& [name, path] = fields.files[i];
    result.files.push_back({name, path, components[i]});
    for (std::size_t k = 0; k < components[i]; ++k)
      result.names.push_back(components[i] == 1 ? name : component_name(name, k, components[i]));
  }
  return result;
}

}  // namespace fieldfold::cli
