// SPDX-License-Identifier: PostgreSQL
#include "replicate/reference.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace atelier::replicate {
namespace {

constexpr size_t kMaxBytes = 255;
constexpr size_t kVersionDigits = 64;
constexpr std::string_view kDeployment = "deployment:";

constexpr const char* kNameNeeded = "a name like owner/name is needed";
constexpr const char* kDeploymentNeeded = "a deployment is written as deployment:owner/name";
constexpr const char* kTooLong = "it is longer than 255 bytes";
constexpr const char* kBadVersion = "a version has 64 lower-case hex digits";
constexpr const char* kBadCharacters =
    "owner and name are made of letters, digits and . _ - and begin with a letter, digit or underscore";
constexpr const char* kOtherProvider = "it is a model of another provider";

constexpr bool is_word_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// What becomes a path segment: a first character of this kind keeps "." and ".." out.
bool is_segment(std::string_view text) noexcept {
  return !text.empty() && is_word_char(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_word_char(c) || c == '.' || c == '-'; });
}

bool is_version(std::string_view text) noexcept {
  return text.size() == kVersionDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_other_provider(std::string_view owner) {
  const std::string name = core::text::lower(owner);
  return name == "fal-ai" || name == "higgsfield-ai";
}

ParsedReference refused(const char* reason) { return {std::nullopt, reason}; }

ParsedReference parse_name(std::string_view text, ReferenceKind kind, const char* needed) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return refused(needed);
  const std::string_view owner = text.substr(0, slash);
  const std::string_view name = text.substr(slash + 1);
  if (is_other_provider(owner)) return refused(kOtherProvider);
  if (owner.empty() || name.empty() || name.find('/') != std::string_view::npos) return refused(needed);
  if (!is_segment(owner) || !is_segment(name)) return refused(kBadCharacters);
  return {Reference{kind, std::string(owner), std::string(name), {}}, {}};
}

}  // namespace

ParsedReference parse_model_reference(std::string_view text) {
  if (text.size() > kMaxBytes) return refused(kTooLong);
  if (text.starts_with(kDeployment)) {
    return parse_name(text.substr(kDeployment.size()), ReferenceKind::deployment, kDeploymentNeeded);
  }
  if (is_version(text)) return {Reference{ReferenceKind::version, {}, {}, std::string(text)}, {}};
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return parse_name(text, ReferenceKind::model, kNameNeeded);
  ParsedReference parsed = parse_name(text.substr(0, colon), ReferenceKind::model_version, kNameNeeded);
  if (!parsed) return parsed;
  const std::string_view version = text.substr(colon + 1);
  if (!is_version(version)) return refused(kBadVersion);
  parsed.reference->version = version;
  return parsed;
}

std::string percent_encode(std::string_view segment) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(segment.size());
  for (const char c : segment) {
    if (is_word_char(c) || c == '-' || c == '.' || c == '~') {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

}  // namespace atelier::replicate
