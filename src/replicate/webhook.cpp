// SPDX-License-Identifier: PostgreSQL
#include "replicate/webhook.hpp"

#include <algorithm>
#include <charconv>

#include "core/base64.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "replicate/response.hpp"

namespace atelier::replicate {

namespace {

namespace json = core::json;
namespace text = core::text;

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::string_view kVersionPrefix = "v1,";
constexpr std::string_view kMarker = "attempt=eq.";
constexpr size_t kMostIdBytes = 200;
constexpr size_t kMostSignatureBytes = 4096;
constexpr size_t kCodeBytes = 32;

template <typename Number>
std::optional<Number> whole_number(std::string_view digits) noexcept {
  Number number = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < 0) return std::nullopt;
  return number;
}

// The gateway writes names of headers in lower case; nobody has to.
std::string_view header(json::Value headers, std::string_view name) {
  for (const json::Member& member : headers.members())
    if (member.key.size() == name.size() && text::lower(member.key) == name) return member.value.string_or_empty();
  return {};
}

// What is sent in a header line and compared byte by byte.
bool is_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= kMostIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::vector<std::string> signatures_in(std::string_view list) {
  std::vector<std::string> signatures;
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(' '));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    if (!one.starts_with(kVersionPrefix)) continue;
    auto code = core::base64::decode(one.substr(kVersionPrefix.size()));
    if (code && code->size() == kCodeBytes) signatures.push_back(std::move(*code));
  }
  return signatures;
}

// What stands behind the marker in the query of a URL; empty when there is none.
std::string_view marked(std::string_view url) noexcept {
  const size_t query = url.find('?');
  if (query == std::string_view::npos) return {};
  const size_t place = url.rfind(kMarker);
  if (place == std::string_view::npos || place <= query || (url[place - 1] != '?' && url[place - 1] != '&')) return {};
  return url.substr(place + kMarker.size());
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

ReadHeaders read_webhook_headers(std::string_view headers_json) {
  const json::Parsed parsed = json::parse(headers_json);
  if (!parsed || !parsed.root().is_object()) return {std::nullopt, "the request has no headers"};
  const json::Value root = parsed.root();
  WebhookHeaders headers;
  headers.id = header(root, "webhook-id");
  if (!is_id(headers.id)) return {std::nullopt, "header webhook-id is missing or malformed"};
  headers.timestamp = header(root, "webhook-timestamp");
  const auto sent_at_s = whole_number<int64_t>(headers.timestamp);
  if (!sent_at_s) return {std::nullopt, "header webhook-timestamp is missing or malformed"};
  headers.sent_at_s = *sent_at_s;
  const std::string_view list = header(root, "webhook-signature");
  if (list.empty() || list.size() > kMostSignatureBytes)
    return {std::nullopt, "header webhook-signature is missing or too long"};
  headers.signatures = signatures_in(list);
  return {std::move(headers), {}};
}

bool is_recent(const WebhookHeaders& headers, int64_t now_s) noexcept {
  return headers.sent_at_s >= now_s - kWebhookToleranceS && headers.sent_at_s <= now_s + kWebhookToleranceS;
}

std::optional<std::string> webhook_key(std::string_view secret) {
  if (!secret.starts_with(kSecretPrefix)) return std::nullopt;
  auto key = core::base64::decode(secret.substr(kSecretPrefix.size()));
  if (!key || key->empty()) return std::nullopt;
  return key;
}

bool is_signed_with(const WebhookHeaders& headers, std::string_view code) noexcept {
  bool found = false;
  for (const std::string& signature : headers.signatures) found |= equal_in_constant_time(signature, code);
  return found;
}

std::string webhook_signature(std::string_view code) {
  return std::string(kVersionPrefix) + core::base64::encode(code);
}

std::optional<WebhookSubject> read_webhook(std::string_view body) {
  const std::optional<Prediction> prediction = parse_prediction(body);
  if (!prediction || !is_id(prediction->id)) return std::nullopt;
  return WebhookSubject{prediction->id, attempt_in_webhook(prediction->webhook),
                        training_in_webhook(prediction->webhook)};
}

std::optional<int64_t> attempt_in_webhook(std::string_view url) noexcept { return whole_number<int64_t>(marked(url)); }

std::optional<int64_t> training_in_webhook(std::string_view url) noexcept {
  const std::string_view marker = marked(url);
  return marker.starts_with('t') ? whole_number<int64_t>(marker.substr(1)) : std::nullopt;
}

std::optional<std::string> parse_webhook_secret(std::string_view body) {
  const json::Parsed parsed = json::parse(body);
  const std::string_view secret = parsed.root().find("key").string_or_empty();
  if (!webhook_key(secret)) return std::nullopt;
  return std::string(secret);
}

}  // namespace atelier::replicate
