#pragma once

// The bytes of saved files.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <xxhash.h>

#include "support/temporary_folder.hpp"

struct Files {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path / "map.fold";

  std::string content() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& bytes) const {
    // Some file systems synchronize a file that is truncated and written anew.
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
  }
};

/// Recomputes the length and the checksum at the end of a file.
inline void seal(std::string& bytes) {
  const std::uint64_t length = bytes.size() - 16;
  std::memcpy(bytes.data() + length, &length, 8);
  const std::uint64_t sum = XXH64(bytes.data(), bytes.size() - 8, 0);
  std::memcpy(bytes.data() + length + 8, &sum, 8);
}
