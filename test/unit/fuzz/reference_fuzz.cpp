// SPDX-License-Identifier: PostgreSQL
// Any text as a model reference: what is accepted makes a request whose path and body hold nothing unexpected.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.hpp"
#include "replicate/reference.hpp"
#include "replicate/request.hpp"
#include "require.hpp"

namespace {

using namespace atelier::replicate;

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
  require(made && made.request->creates && !made.request->cancel_after.empty());
  const std::string_view path = made.request->path;
  require(path.starts_with('/') && path.ends_with("/predictions"));
  require(path.find_first_not_of(kPathCharacters) == std::string_view::npos);
  require(path.find("//") == std::string_view::npos && path.find("/.") == std::string_view::npos);
  require(static_cast<bool>(atelier::core::json::parse(made.request->body)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ParsedReference parsed = parse_model_reference(text);
  require(static_cast<bool>(parsed) == parsed.reason.empty());
  if (parsed) {
    require(size <= 255 && written(*parsed.reference) == text);
    check_request(*parsed.reference);
  }
  require(percent_encode(text).find_first_of(" /?#\r\n\"\\") == std::string::npos);
  return 0;
}
