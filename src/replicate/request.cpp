// SPDX-License-Identifier: PostgreSQL
#include "replicate/request.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/json.hpp"
#include "core/text.hpp"

namespace atelier::replicate {
namespace {

namespace json = core::json;
namespace text = core::text;

constexpr std::string_view kPredictions = "/predictions";
constexpr int64_t kLeastCancelAfter = 5;
constexpr int64_t kMostCancelAfter = int64_t{24} * 60 * 60;
constexpr size_t kMaxUrlBytes = 2048;
constexpr size_t kMaxQueryBytes = 8192;

std::string segments(std::string_view collection, const Reference& reference) {
  return "/" + std::string(collection) + "/" + percent_encode(reference.owner) + "/" + percent_encode(reference.name);
}

std::string create_path(const Reference& reference) {
  switch (reference.kind) {
    case ReferenceKind::model:
      return segments("models", reference) + std::string(kPredictions);
    case ReferenceKind::deployment:
      return segments("deployments", reference) + std::string(kPredictions);
    case ReferenceKind::model_version:
    case ReferenceKind::version:
      break;
  }
  return std::string(kPredictions);
}

// The only forms that the endpoint for versions takes.
std::string version_value(const Reference& reference) {
  if (reference.kind == ReferenceKind::version) return reference.version;
  return reference.owner + "/" + reference.name + ":" + reference.version;
}

Request get(std::string path) {
  Request request;
  request.path = std::move(path);
  return request;
}

std::string prediction_path(std::string_view prediction_id) {
  return std::string(kPredictions) + "/" + percent_encode(prediction_id);
}

}  // namespace

std::string_view name(Method method) noexcept { return method == Method::post ? "POST" : "GET"; }

MadeRequest create_prediction(const Reference& reference, std::string_view input_json, const CreateOptions& options) {
  const json::Parsed input = json::parse(input_json);
  if (!input) return {std::nullopt, "the input cannot be read: " + input.error};
  if (!input.root().is_object()) return {std::nullopt, "the input is not a JSON object"};
  if (!options.webhook_url.empty() && !is_webhook_url(options.webhook_url)) {
    return {std::nullopt, "the webhook URL is neither https nor http to a loopback address, or it is too long"};
  }

  const bool by_version = reference.kind == ReferenceKind::version || reference.kind == ReferenceKind::model_version;
  json::Writer body;
  body.begin_object();
  if (by_version) body.member("version", version_value(reference));
  body.member("input", input.root());
  if (!options.webhook_url.empty()) {
    body.member("webhook", options.webhook_url);
    body.key("webhook_events_filter").begin_array().string("completed").end_array();
  }
  body.end_object();

  Request request;
  request.method = Method::post;
  request.path = create_path(reference);
  request.body = body.take();
  request.cancel_after = cancel_after_value(options.cancel_after_seconds);
  request.creates = true;
  return {std::move(request), {}};
}

Reference with_version(const Reference& reference, std::string_view version) {
  const ReferenceKind kind = reference.owner.empty() ? ReferenceKind::version : ReferenceKind::model_version;
  return {kind, reference.owner, reference.name, std::string(version)};
}

Request get_prediction(std::string_view prediction_id) { return get(prediction_path(prediction_id)); }

Request cancel_prediction(std::string_view prediction_id) {
  Request request = get(prediction_path(prediction_id) + "/cancel");
  request.method = Method::post;
  return request;
}

Request list_predictions(int64_t created_after_us, std::optional<int64_t> created_before_us) {
  std::string path = std::string(kPredictions) + "?created_after=" + percent_encode(rfc3339(created_after_us));
  if (created_before_us) path += "&created_before=" + percent_encode(rfc3339(*created_before_us));
  return get(std::move(path));
}

std::optional<Request> next_page_of(std::string_view list, std::string_view next) {
  const size_t place = std::min(next.find('?'), next.size());
  std::string_view path = next.substr(0, place);
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::string_view query = next.substr(place);
  // What could end the request line or begin another one is not taken over.
  const bool usable = path.ends_with(list) && query.size() > 1 && query.size() <= kMaxQueryBytes &&
                      std::all_of(query.begin(), query.end(), [](char c) { return c > ' ' && c < 0x7F && c != '#'; });
  if (!usable) return std::nullopt;
  return get(std::string(list) + std::string(query));
}

std::optional<Request> next_page(std::string_view next) { return next_page_of(kPredictions, next); }

Request get_model(const Reference& reference) { return get(segments("models", reference)); }
Request get_account() { return get("/account"); }
Request get_webhook_secret() { return get("/webhooks/default/secret"); }

std::string cancel_after_value(int64_t seconds) {
  return std::to_string(std::clamp(seconds, kLeastCancelAfter, kMostCancelAfter)) + "s";
}

bool is_webhook_url(std::string_view url) noexcept {
  return url.size() <= kMaxUrlBytes && (text::is_https_url(url) || text::is_loopback_http_url(url));
}

std::string webhook_for_attempt(std::string_view webhook_url, int64_t attempt) {
  const size_t fragment = webhook_url.find('#');
  const std::string_view base = webhook_url.substr(0, fragment);
  std::string url(base);
  if (base.find('?') == std::string_view::npos)
    url += '?';
  else if (!base.ends_with('?') && !base.ends_with('&'))
    url += '&';
  return url + "attempt=eq." + std::to_string(attempt);
}

std::string rfc3339(int64_t time_us) {
  // The years 0000 to 9999: what four digits hold.
  constexpr int64_t kFirst = -62'167'219'200'000'000;
  constexpr int64_t kLast = 253'402'300'799'999'999;
  const std::chrono::sys_time<std::chrono::microseconds> time{
      std::chrono::microseconds{std::clamp(time_us, kFirst, kLast)}};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  char out[40];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return out;
}

}  // namespace atelier::replicate
