// SPDX-License-Identifier: PostgreSQL
// The provider's webhooks: what their headers and body say, and the form of their secrets and signatures. Called by
// rpc/webhooks.cpp, which computes the code (HMAC-SHA256) and looks at the clock, and by the dispatcher, which asks for
// secrets. Nothing here decides what a webhook brings about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::replicate {

// The headers that sign a message. What is signed is id, timestamp and body, with a dot after each of the first two.
struct WebhookHeaders {
  std::string id;
  std::string timestamp;  // as sent: it is part of what is signed
  int64_t sent_at_s = 0;
  std::vector<std::string> signatures;  // of version v1, as bytes; several while a secret is being replaced
};

// Headers, or why there are none: lower case, without full stop.
struct ReadHeaders {
  std::optional<WebhookHeaders> headers;
  std::string error;

  explicit operator bool() const noexcept { return headers.has_value(); }
};

// From the request's headers as one JSON object.
ReadHeaders read_webhook_headers(std::string_view headers_json);

// A message that was signed longer ago, or further in the future, is not accepted.
constexpr int64_t kWebhookToleranceS = 300;
bool is_recent(const WebhookHeaders& headers, int64_t now_s) noexcept;

// The key of a secret "whsec_<base64>", as bytes; nullopt for every other form.
std::optional<std::string> webhook_key(std::string_view secret);

// Whether one of the signatures is this code. Takes the same time wherever they differ.
bool is_signed_with(const WebhookHeaders& headers, std::string_view code) noexcept;

// The value of the header webhook-signature for a code.
std::string webhook_signature(std::string_view code);

// What the body of a webhook is about.
struct WebhookSubject {
  std::string prediction_id;
  // From the URL that was sent along with the creating request, when it is echoed: whose number it is.
  std::optional<int64_t> attempt;
  std::optional<int64_t> training;
};
// nullopt unless it is an object with an id that can be one.
std::optional<WebhookSubject> read_webhook(std::string_view body);

// The number in a URL that webhook_for_attempt() has made.
std::optional<int64_t> attempt_in_webhook(std::string_view url) noexcept;
// The same for webhook_for_training().
std::optional<int64_t> training_in_webhook(std::string_view url) noexcept;

// The key from GET /webhooks/default/secret; nullopt when it is none.
std::optional<std::string> parse_webhook_secret(std::string_view body);

}  // namespace atelier::replicate
