// Specifications of compressors in JSON.

#include <cstddef>
#include <cstdint>
#include <string_view>

import fieldfold;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fieldfold::set_warning_handler({});
  try {
    fieldfold::from_spec({reinterpret_cast<const char*>(data), size});
  } catch (const fieldfold::InvalidArgument&) {
  } catch (const fieldfold::NumericalError&) {
  }
  return 0;
}
