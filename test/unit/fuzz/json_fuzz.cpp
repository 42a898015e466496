// SPDX-License-Identifier: PostgreSQL
// What holds for every text that comes in: reading and cleaning it ends without an accident, and what is written can be
// read again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/json.hpp"
#include "require.hpp"

namespace json = atelier::core::json;

namespace {

// Small enough that a fuzzer reaches them.
constexpr json::Limits kLimits{size_t{1} << 16, 16, 1'000};
// For what grew when it was written again.
constexpr json::Limits kWide{size_t{1} << 24, 16, 1'000};

void read_all(json::Value value, size_t depth) {
  require(value.exists() && depth <= kLimits.max_depth);
  size_t parts = 0;
  for (const json::Value element : value.elements()) {
    read_all(element, depth + 1);
    ++parts;
  }
  for (const json::Member member : value.members()) {
    read_all(member.value, depth + 1);
    require(value.find(member.key).exists());
    ++parts;
  }
  require(parts == value.size());
  require(value.as_string().has_value() == value.is_string());
  require(value.as_bool().has_value() == value.is_bool());
  require(value.is_number() || (!value.as_int64() && !value.as_double() && value.number_text().empty()));
}

void check_document(const json::Parsed& parsed) {
  read_all(parsed.root(), 0);
  require(json::equal(parsed.root(), parsed.root()));
  const std::string text = json::to_text(parsed.root());
  const json::Parsed again = json::parse(text, kWide);
  require(static_cast<bool>(again));
  require(json::to_text(again.root()) == text);
  require(json::clean_for_jsonb(text) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const json::Parsed parsed = json::parse(text, kLimits);
  if (parsed)
    check_document(parsed);
  else
    require(!parsed.root().exists() && !parsed.error.empty() && parsed.offset <= size);

  const std::string clean = json::clean_for_jsonb(text);
  const json::Parsed cleaned = json::parse(clean, kWide);
  if (parsed) {
    // Cleaned before or after reading: the same value.
    require(static_cast<bool>(cleaned));
    const json::Parsed written = json::parse(json::to_text(parsed.root()), kWide);
    require(json::equal(cleaned.root(), written.root()));
  }
  if (cleaned) {
    require(json::clean_for_jsonb(clean) == clean);
    check_document(cleaned);
  }
  return 0;
}
