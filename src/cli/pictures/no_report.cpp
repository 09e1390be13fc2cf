// The report of a build without D3 or zlib.

#include "../commands.hpp"

import fieldfold;

namespace fieldfold::cli {

void report(const ReportArguments&) {
  throw InvalidArgument(
      "report: this build has no pages; build with -Dreport=enabled, which needs node-d3 and zlib1g-dev");
}

}  // namespace fieldfold::cli
