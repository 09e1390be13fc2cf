module;

#include <string>
#include <tuple>

#include <zip.h>

module fieldfold.formats.npz;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.io;
import fieldfold.base.memory;
import fieldfold.base.npy;
import fieldfold.formats.dataset;
import fieldfold.rows.stored;

namespace fieldfold {
namespace {

struct CloseArchive {
  void operator()(::zip_t* archive) const { ::zip_discard(archive); }
};
using Archive = std::unique_ptr<::zip_t, CloseArchive>;

struct CloseMember {
  void operator()(::zip_file_t* member) const { ::zip_fclose(member); }
};

Archive opened(const std::filesystem::path& path, int flags) {
  int code = 0;
  Archive archive(::zip_open(path.c_str(), flags, &code));
  if (archive) return archive;
  ::zip_error_t error;
  ::zip_error_init_with_code(&error, code);
  std::string text = ::zip_error_strerror(&error);
  ::zip_error_fini(&error);
  throw FileError(message(path.string(), ": is not an .npz archive: ", text));
}

/// The first bytes of a member. \param is_whole  whether these are all
std::string bytes_of(::zip_t* archive, ::zip_uint64_t index, std::size_t count, bool is_whole,
                     const std::string& name) {
  const std::unique_ptr<::zip_file_t, CloseMember> member(::zip_fopen_index(archive, index, 0));
  if (!member) throw FileError(message(name, ": reading failed: ", ::zip_strerror(archive)));
  std::string bytes(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ::zip_int64_t got = ::zip_fread(member.get(), bytes.data() + done, count - done);
    if (got <= 0) throw FileError(message(name, ": reading failed: the archive is damaged or truncated"));
    done += static_cast<std::size_t>(got);
  }
  // The checksum is compared where the member ends.
  char end = 0;
  if (is_whole && ::zip_fread(member.get(), &end, 1) != 0)
    throw FileError(message(name, ": reading failed: the archive is damaged"));
  return bytes;
}

class NpzDataset final : public Dataset {
 public:
  explicit NpzDataset(const std::filesystem::path& path) : path_(path) {
    open_for_reading(path);
    const Archive archive = opened(path_, ZIP_RDONLY);
    const ::zip_int64_t count = ::zip_get_num_entries(archive.get(), 0);
    for (::zip_int64_t i = 0; i < count; ++i) {
      ::zip_stat_t status;
      const auto index = static_cast<::zip_uint64_t>(i);
      if (::zip_stat_index(archive.get(), index, 0, &status) != 0 || status.name == nullptr) continue;
      std::string name = status.name;
      if (!name.ends_with(".npy")) continue;
      constexpr ::zip_uint64_t longest_header = 1 << 17;
      std::istringstream head(
          bytes_of(archive.get(), index, std::min(status.size, longest_header), false, full_name(name)));
      Variable variable;
      try {
        variable.shape = read_npy_header(head, status.size, full_name(name)).shape;
      } catch (const FileError&) {
        continue;  // texts and objects are no fields
      }
      name.resize(name.size() - 4);
      variable.name = name;
      variable.is_field = name != "coords" && name != "time";
      variables_.push_back(std::move(variable));
      members_.emplace_back(index, status.size);
    }
  }

  const std::vector<Variable>& variables() const override { return variables_; }

  std::shared_ptr<const StoredArray> array(std::string_view given) const override {
    const Variable& own = variable(given);
    const auto [index, size] = members_[static_cast<std::size_t>(&own - variables_.data())];
    const std::string name = full_name(own.name);
    if (size > available_memory() / 2)
      throw FileError(message(name, ": expected an array that fits the memory, got ", bytes_text(size)));
    const Archive archive = opened(path_, ZIP_RDONLY);
    std::istringstream in(bytes_of(archive.get(), index, size, true, name));
    return make_shared<MemoryArray>(read_npy<double>(in, size, name));
  }

  std::vector<double> times(std::string_view) const override { return array_of_times(*this); }

  Grid grid(std::string_view) const override {
    const auto found = std::ranges::find(variables_, "coords", &Variable::name);
    if (found == variables_.end()) return {};
    return {.coords = load_array(*array("coords"))};
  }

 private:
  std::string full_name(const std::string& name) const { return message(path_.string(), ":", name); }

  std::filesystem::path path_;
  std::vector<Variable> variables_;
  std::vector<std::pair<::zip_uint64_t, std::size_t>> members_;  ///< index and size of each
};

void add(::zip_t* archive, const std::string& name, const std::string& bytes) {
  ::zip_source_t* const source = ::zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
  const ::zip_int64_t index = ::zip_file_add(archive, (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) ::zip_source_free(source);
  // numpy.savez stores arrays as they are, so that they can be mapped to memory.
  if (index < 0 || ::zip_set_file_compression(archive, static_cast<::zip_uint64_t>(index), ZIP_CM_STORE, 0) != 0)
    throw FileError(message(name, ": cannot be added to the archive: ", ::zip_strerror(archive)));
  // The archive of equal fields is equal, whenever it is written.
  ::zip_file_set_mtime(archive, static_cast<::zip_uint64_t>(index), 315532800, 0);
}

template <class T>
std::string npy_bytes(const ArrayRef<T>& array) {
  std::ostringstream out;
  write_npy(out, array);
  return out.str();
}

/// The bytes of an archive of named members.
std::string archive_of(const std::vector<std::pair<std::string, std::string>>& members,
                       const std::filesystem::path& path) {
  ::zip_error_t error;
  ::zip_error_init(&error);
  ::zip_source_t* const target = ::zip_source_buffer_create(nullptr, 0, 0, &error);
  Archive archive(target == nullptr ? nullptr : ::zip_open_from_source(target, ZIP_TRUNCATE, &error));
  if (!archive) {
    ::zip_source_free(target);
    throw FileError(message(path.string(), ": cannot be written: ", ::zip_error_strerror(&error)));
  }
  for (const auto& [name, bytes] : members) add(archive.get(), name, bytes);
  ::zip_source_keep(target);
  struct Release {
    void operator()(::zip_source_t* source) const { ::zip_source_free(source); }
  };
  const std::unique_ptr<::zip_source_t, Release> kept(target);
  if (::zip_close(archive.get()) != 0)
    throw FileError(message(path.string(), ": cannot be written: ", ::zip_strerror(archive.get())));
  std::ignore = archive.release();
  ::zip_stat_t status;
  ::zip_stat_init(&status);
  std::string bytes;
  if (::zip_source_stat(target, &status) == 0 && ::zip_source_open(target) == 0) {
    bytes.resize(status.size);
    const ::zip_int64_t got = ::zip_source_read(target, bytes.data(), bytes.size());
    ::zip_source_close(target);
    if (got == static_cast<::zip_int64_t>(bytes.size())) return bytes;
  }
  throw FileError(message(path.string(), ": the archive cannot be put together"));
}

}  // namespace

std::unique_ptr<Dataset> open_npz(const std::filesystem::path& path) { return std::make_unique<NpzDataset>(path); }

void write_npz(const std::filesystem::path& path, const FieldSet& set) {
  check_fields(set);
  std::vector<std::pair<std::string, std::string>> members;
  for (const auto& [name, values, units] : set.fields)
    members.emplace_back(
        name, set.single_precision ? npy_bytes<float>(array_cast<float>(values)) : npy_bytes<double>(values));
  if (set.grid.coords) members.emplace_back("coords", npy_bytes<double>(*set.grid.coords));
  if (!set.times.empty())
    members.emplace_back("time", npy_bytes<double>(ArrayRef<double>(set.times.data(), {set.times.size()})));
  const std::string bytes = archive_of(members, path);
  write_file(path, [&](std::ostream& out) { out.write(bytes.data(), static_cast<std::streamsize>(bytes.size())); });
}

}  // namespace fieldfold
