// SPDX-License-Identifier: PostgreSQL
#include "replicate/matching.hpp"

#include <algorithm>
#include <string_view>

namespace atelier::replicate {
namespace {

constexpr std::string_view kMarker = "attempt=eq.";

// The part of a webhook URL that names its attempt; empty when there is none.
std::string_view marker_of(std::string_view webhook) noexcept {
  const size_t at = webhook.rfind(kMarker);
  if (at == std::string_view::npos || at == 0 || (webhook[at - 1] != '?' && webhook[at - 1] != '&')) return {};
  const std::string_view rest = webhook.substr(at);
  return rest.substr(0, rest.find_first_of("&#"));
}

// Whether an echoed webhook shows that somebody else made the prediction. The URL may have been configured anew since
// the sending; the attempt in it has not changed.
bool is_of_another(std::string_view echoed, std::string_view sent) noexcept {
  if (echoed.empty() || echoed == sent) return false;
  const std::string_view marker = marker_of(sent);
  return marker.empty() || marker_of(echoed) != marker;
}

// The list is asked for what is new enough, so an item without a time passes.
bool is_too_old(const Prediction& prediction, const SentAttempt& sent) noexcept {
  return prediction.created_at_us && *prediction.created_at_us < sent.sent_at_us - kClockSkewUs;
}

bool has_equal_input(const Prediction& prediction, const SentAttempt& sent) {
  return sent.input.is_object() && prediction.input.is_object() && core::json::equal(prediction.input, sent.input);
}

}  // namespace

const Prediction* find_match(const Page& page, const SentAttempt& sent, const std::set<std::string>& owned) {
  const auto is_free = [&](const Prediction& prediction) { return owned.count(prediction.id) == 0; };
  if (!sent.webhook.empty()) {
    for (const Prediction& prediction : page.predictions) {
      if (prediction.webhook == sent.webhook && is_free(prediction)) return &prediction;
    }
  }
  const auto oldest =
      std::find_if(page.predictions.rbegin(), page.predictions.rend(), [&](const Prediction& prediction) {
        return is_free(prediction) && !is_of_another(prediction.webhook, sent.webhook) &&
               !is_too_old(prediction, sent) && has_equal_input(prediction, sent);
      });
  return oldest == page.predictions.rend() ? nullptr : &*oldest;
}

bool may_be_on_next_page(const Page& page, const SentAttempt& sent) {
  return !page.next.empty() && !page.predictions.empty() && !is_too_old(page.predictions.back(), sent);
}

}  // namespace atelier::replicate
