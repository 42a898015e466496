// SPDX-License-Identifier: PostgreSQL
// The requests of the provider's API as values: method, path below the base URL, headers that are particular to them,
// body. The dispatcher adds base URL, token and transport settings. Nothing here sends, and no URL from an answer is
// ever used beyond its query on a known path.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "replicate/reference.hpp"

namespace atelier::replicate {

enum class Method { get, post };
std::string_view name(Method method) noexcept;  // "GET", "POST"

struct Request {
  Method method = Method::get;
  std::string path;          // begins with "/", with the query, to be put behind the base URL
  std::string body;          // JSON; empty for none
  std::string cancel_after;  // value of the header Cancel-After; empty for none
  bool creates = false;      // must reach the provider at most once
};

// A request, or why it cannot be made: lower case, without full stop.
struct MadeRequest {
  std::optional<Request> request;
  std::string error;

  explicit operator bool() const noexcept { return request.has_value(); }
};

struct CreateOptions {
  std::string webhook_url;           // complete, see webhook_for_attempt(); empty for none
  int64_t cancel_after_seconds = 0;  // moved into what the provider takes, 5 s to 24 h
};

// The creating POST. `input_json` must be a JSON object. The body holds version, input and, with a webhook, webhook and
// webhook_events_filter, and nothing else.
MadeRequest create_prediction(const Reference& reference, std::string_view input_json, const CreateOptions& options);
// The same for a community model whose latest version has been looked up.
Reference with_version(const Reference& reference, std::string_view version);

Request get_prediction(std::string_view prediction_id);
Request cancel_prediction(std::string_view prediction_id);
// The account's predictions created at that time or later, and before another one if given; newest first.
Request list_predictions(int64_t created_after_us, std::optional<int64_t> created_before_us = std::nullopt);
// The next page of a list such as "/trainings", from the answer's `next`; nullopt when that is empty or leads anywhere
// but to such a list. Only its query is taken over, and asked of the API that the list came from: whoever is between us
// and the provider leaves the provider's own host in there.
std::optional<Request> next_page_of(std::string_view list, std::string_view next);
// The same for the list of predictions.
std::optional<Request> next_page(std::string_view next);
Request get_model(const Reference& reference);
Request get_account();
Request get_webhook_secret();

// Seconds as the value of Cancel-After, moved into 5 s to 24 h: "900s".
std::string cancel_after_value(int64_t seconds);

// https, or http to a loopback address; at most 2,048 bytes.
bool is_webhook_url(std::string_view url) noexcept;
// The configured URL with ?attempt=eq.<id> (or & behind a query), in the form that PostgREST takes for a filter.
std::string webhook_for_attempt(std::string_view webhook_url, int64_t attempt);

// Microseconds since the Unix epoch as RFC 3339 in Z with six digits.
std::string rfc3339(int64_t time_us);

}  // namespace atelier::replicate
