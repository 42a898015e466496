// SPDX-License-Identifier: PostgreSQL
// Any text as a model reference: what is accepted makes a request whose path and body hold nothing unexpected.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/json.hpp"
#include "replicate/reference.hpp"
#include "replicate/request.hpp"

namespace {

using namespace atelier::replicate;

void check(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kPathCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";

std::string written(const Reference& reference) {
  const std::string name = reference.owner + "/" + reference.name;
  switch (reference.kind) {
    case ReferenceKind::model:
      return name;
    case ReferenceKind::model_version:
      return name + ":" + reference.version;
    case ReferenceKind::version:
      return reference.version;
    case ReferenceKind::deployment:
      return "deployment:" + name;
  }
  return {};
}

void check_request(const Reference& reference) {
  const MadeRequest made = create_prediction(reference, "{}", {});
  check(made && made.request->creates && !made.request->cancel_after.empty());
  const std::string_view path = made.request->path;
  check(path.starts_with('/') && path.ends_with("/predictions"));
  check(path.find_first_not_of(kPathCharacters) == std::string_view::npos);
  check(path.find("//") == std::string_view::npos && path.find("/.") == std::string_view::npos);
  check(static_cast<bool>(atelier::core::json::parse(made.request->body)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ParsedReference parsed = parse_model_reference(text);
  check(static_cast<bool>(parsed) == parsed.reason.empty());
  if (parsed) {
    check(size <= 255 && written(*parsed.reference) == text);
    check_request(*parsed.reference);
  }
  check(percent_encode(text).find_first_of(" /?#\r\n\"\\") == std::string::npos);
  return 0;
}
