// SPDX-License-Identifier: PostgreSQL
#include "options.hpp"

#include <string_view>

#include "clock.hpp"

namespace stand_in {

namespace {

// Takes over one option with its value; false when the value is wrong or the option unknown.
bool set_option(Options& options, std::string_view name, std::string_view value) {
  if (name == "--host") return value == "127.0.0.1" || value == "localhost";
  if (name == "--port-file") {
    options.port_file = value;
    return !value.empty();
  }
  if (name == "--port") {
    const auto port = parse_count(value, 65535);
    options.port = static_cast<uint16_t>(port.value_or(0));
    return port.has_value();
  }
  if (name == "--threads") {
    const auto threads = parse_count(value, 16);
    options.threads = static_cast<int>(threads.value_or(0));
    return options.threads > 0;
  }
  if (name == "--lifetime") {
    const auto seconds = parse_count(value, 31'536'000);
    options.lifetime_seconds = seconds.value_or(0);
    return seconds.has_value();
  }
  return false;
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, std::string& complaint) {
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string_view name = argv[i];
    if (name == "--exit-with-parent") {
      options.exit_with_parent = true;
      continue;
    }
    const std::string_view value = i + 1 < argc ? argv[++i] : "";
    if (!set_option(options, name, value)) {
      complaint = "wrong option: " + std::string(name) + " " + std::string(value);
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace stand_in
