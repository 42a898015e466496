// SPDX-License-Identifier: PostgreSQL
// The command line of the stand-in. Read by main only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace stand_in {

struct Options {
  uint16_t port = 0;
  int threads = 2;
  int64_t lifetime_seconds = 0;  // 0: no limit
  bool exit_with_parent = false;
  std::string port_file;
};

// Nothing when the command line is wrong; `complaint` says why.
std::optional<Options> parse_options(int argc, char** argv, std::string& complaint);

}  // namespace stand_in
