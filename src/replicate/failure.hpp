// SPDX-License-Identifier: PostgreSQL
// Failures: what the `error` of a failed prediction means for a new attempt, the categories under which api_logs counts
// them, and what users may read of them. Called by outcome.hpp; nothing here looks at logs of a model.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "replicate/response.hpp"

namespace atelier::replicate {

// api_logs.error_category.
enum class ErrorCategory {
  nsfw,
  timeout,
  rate_limit,
  auth,
  invalid_input,
  storage,
  model_unavailable,
  memory,
  network,
  unknown,
  warning,
};
std::string_view name(ErrorCategory category) noexcept;

// Whether a failed prediction is worth another paid one. Only texts that are known to pass are tried again.
struct FailureClass {
  ErrorCategory category = ErrorCategory::unknown;
  int extra_attempts = 0;  // how many more at most; 0: final
  int64_t delay_us = 0;    // before the next one
};
FailureClass classify_failure(std::string_view error);

// What users read instead of `error`: a fixed sentence for contents that were filtered and for what is technical; a
// short plain text as it is, without names of the provider, URLs, tokens and billing.
std::string user_message(std::string_view error);
// The sentence for a refused input, from the fields that the provider names.
std::string invalid_input_message(const Problem& problem);

}  // namespace atelier::replicate
