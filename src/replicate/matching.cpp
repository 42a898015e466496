// SPDX-License-Identifier: PostgreSQL
#include "replicate/matching.hpp"

#include <algorithm>
#include <string_view>

#include "replicate/reference.hpp"

namespace atelier::replicate {
namespace {

constexpr std::string_view kMarker = "attempt=eq.";
constexpr size_t kVersionDigits = 64;

// The part of a webhook URL that names its attempt; empty when there is none.
std::string_view marker_of(std::string_view webhook) noexcept {
  const size_t at = webhook.rfind(kMarker);
  if (at == std::string_view::npos || at == 0 || (webhook[at - 1] != '?' && webhook[at - 1] != '&')) return {};
  const std::string_view rest = webhook.substr(at);
  return rest.substr(0, rest.find_first_of("&#"));
}

// The URL may have been configured anew since the sending; the attempt in it has not changed.
bool names_our_attempt(std::string_view echoed, const SentAttempt& sent) {
  return sent.attempt != 0 && marker_of(echoed) == std::string(kMarker) + std::to_string(sent.attempt);
}

// The list is asked for what is new enough, so an item without a time passes.
bool is_too_old(const Prediction& prediction, int64_t sent_at_us) noexcept {
  return prediction.created_at_us && *prediction.created_at_us < sent_at_us - kClockSkewUs;
}

bool has_equal_input(const Prediction& prediction, const SentAttempt& sent) {
  return sent.input.is_object() && prediction.input.is_object() && core::json::equal(prediction.input, sent.input);
}

// Numbers of attempts begin anew after a restore and in each database, so a webhook alone is proof only where the input
// does not say otherwise.
bool is_surely_ours(const Prediction& prediction, const SentAttempt& sent) {
  if (!names_our_attempt(prediction.webhook, sent)) return false;
  if (has_equal_input(prediction, sent)) return true;
  return !is_readable(prediction) && prediction.webhook == sent.webhook;
}

// How well a prediction fits by its model: 0 not at all, 2 exactly. The provider may name official models otherwise
// than we do, so a name that differs says little.
int model_fit(const Prediction& prediction, const SentAttempt& sent) {
  const ParsedReference parsed = parse_model_reference(sent.model);
  if (!parsed) return 1;
  const Reference& ours = *parsed.reference;
  if (!ours.version.empty() && prediction.version.size() == kVersionDigits)
    return prediction.version == ours.version ? 2 : 0;
  if (prediction.model.empty()) return 1;
  if (prediction.model == ours.owner + "/" + ours.name) return 2;
  return sent.other_models.count(prediction.model) != 0 ? 0 : 1;
}

}  // namespace

bool is_readable(const Prediction& prediction) noexcept {
  return !prediction.data_removed && prediction.input.is_object() && prediction.input.size() > 0;
}

const Prediction* find_match(const Page& page, const SentAttempt& sent, const std::set<std::string>& owned) {
  const Prediction* best = nullptr;
  int best_fit = 0;
  // From the oldest on.
  for (auto place = page.predictions.rbegin(); place != page.predictions.rend(); ++place) {
    if (owned.count(place->id) != 0 || is_too_old(*place, sent.sent_at_us)) continue;
    if (is_surely_ours(*place, sent)) return &*place;
    if (!place->webhook.empty() || !has_equal_input(*place, sent)) continue;
    const int fit = model_fit(*place, sent);
    if (fit <= best_fit) continue;
    best = &*place;
    best_fit = fit;
  }
  return best;
}

bool may_be_unreadable(const Page& page, const SentAttempt& sent, const std::set<std::string>& owned) {
  return std::any_of(page.predictions.begin(), page.predictions.end(), [&](const Prediction& prediction) {
    if (is_readable(prediction) || owned.count(prediction.id) != 0) return false;
    if (is_too_old(prediction, sent.sent_at_us)) return false;
    if (prediction.created_at_us && *prediction.created_at_us > sent.sent_at_us + kArrivalUs) return false;
    if (sent.input.is_object() && sent.input.size() == 0) return false;
    return prediction.webhook.empty() || names_our_attempt(prediction.webhook, sent);
  });
}

bool may_be_on_next_page(const Page& page, int64_t sent_at_us) {
  return !page.next.empty() && !page.predictions.empty() && !is_too_old(page.predictions.back(), sent_at_us);
}

}  // namespace atelier::replicate
