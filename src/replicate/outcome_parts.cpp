// SPDX-License-Identifier: PostgreSQL
#include "replicate/outcome_parts.hpp"

#include <algorithm>
#include <cmath>

#include "core/json.hpp"
#include "core/retry.hpp"
#include "core/text.hpp"
#include "replicate/wait.hpp"

namespace atelier::replicate::parts {
namespace {

namespace text = core::text;
using core::kSecondUs;

constexpr int64_t kUnsaidWaitUs = 5 * kSecondUs;
constexpr int64_t kLeastWaitUs = kSecondUs;
constexpr int64_t kLeastSpreadUs = kSecondUs / 4;
constexpr int64_t kMostSpreadUs = 5 * kSecondUs;
constexpr int64_t kLeastRepeatUs = kSecondUs;

}  // namespace

int64_t share_of(int64_t whole_us, double random) noexcept {
  const double part = std::isfinite(random) ? std::clamp(random, 0.0, 1.0) : 0.5;
  return static_cast<int64_t>(part * static_cast<double>(whole_us));
}

std::string admin_text(std::string_view raw) {
  const std::string line = text::redact(text::one_line(text::clean_utf8(raw)));
  return std::string(text::first_bytes(line, kMaxAdminBytes));
}

std::string describe(const Answer& answer, const Problem& problem) {
  if (answer.delivery != Delivery::delivered) {
    const char* what = answer.delivery == Delivery::not_sent ? "not reached" : "no answer";
    return admin_text(answer.transport_error.empty() ? std::string(what) : what + (": " + answer.transport_error));
  }
  const std::string status = "HTTP " + std::to_string(answer.status);
  // What was expected here carries the input of a user, and so may a part of it.
  if (is_success(answer)) {
    return admin_text(status + " with an unusable body of " + std::to_string(answer.body.size()) + " bytes, " +
                      (answer.content_type.empty() ? std::string("no content type") : answer.content_type));
  }
  return admin_text(problem.text.empty() ? status : status + ": " + problem.text);
}

int64_t throttled_until_us(const Answer& answer, const Problem& problem, int64_t now_us, double random, int tries) {
  const auto asked = requested_wait_us(answer, problem, now_us);
  const int64_t wait_us = asked ? std::max(*asked, kLeastWaitUs) : kUnsaidWaitUs + core::backoff_us(tries, random);
  const int64_t spread_us = std::clamp(wait_us / 10, kLeastSpreadUs, kMostSpreadUs);
  return now_us + wait_us + share_of(spread_us, random);
}

int64_t repeat_delay_us(const Answer& answer, const Problem& problem, int64_t now_us, double random, int failures) {
  const int64_t asked_us = requested_wait_us(answer, problem, now_us).value_or(0);
  return std::max(asked_us, kLeastRepeatUs + core::backoff_us(failures, random));
}

bool is_json_object(std::string_view body) {
  core::json::Limits limits;
  limits.max_depth = 256;
  return core::json::parse(core::json::clean_for_jsonb(body), limits).root().is_object();
}

ErrorCategory category_of(const Answer& answer) noexcept {
  if (answer.delivery != Delivery::delivered) return ErrorCategory::network;
  switch (answer.status) {
    case 401:
    case 402:
    case 403:
      return ErrorCategory::auth;
    case 404:
      return ErrorCategory::model_unavailable;
    case 400:
    case 413:
    case 422:
      return ErrorCategory::invalid_input;
    case 408:
    case 504:
      return ErrorCategory::timeout;
    case 429:
      return ErrorCategory::rate_limit;
    default:
      return answer.status >= 500 ? ErrorCategory::network : ErrorCategory::unknown;
  }
}

}  // namespace atelier::replicate::parts
