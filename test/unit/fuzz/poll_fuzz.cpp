// SPDX-License-Identifier: PostgreSQL
// Whatever a client hands back as a cursor, and whatever stands for a snapshot: what is read is printed as it was.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/poll.hpp"
#include "require.hpp"

namespace poll = atelier::core::poll;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto cursor = poll::parse_cursor(text)) require(poll::print(*cursor) == text);
  if (const auto snapshot = poll::parse_snapshot(text)) {
    const std::string printed = poll::print(*snapshot);
    const auto again = poll::parse_snapshot(printed);
    require(again && *again == *snapshot);
  }
  return 0;
}
