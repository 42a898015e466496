// SPDX-License-Identifier: PostgreSQL
// Finds a prediction whose creation was not answered in the account's list. Called by the dispatcher's rescue with each
// page of the list; which ids are owned already it must be told.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "core/json.hpp"
#include "replicate/response.hpp"

namespace atelier::replicate {

// The clocks of provider and database may differ by this much.
constexpr int64_t kClockSkewUs = 30'000'000;
// A request arrives within this time of its sending, or never.
constexpr int64_t kArrivalUs = 120'000'000;

struct SentAttempt {
  int64_t sent_at_us = 0;
  core::json::Value input;  // as it was sent
  int64_t attempt = 0;      // its number, which the webhook's URL names
  std::string webhook;      // the webhook's URL as it would be sent now; empty for none
  std::string model;        // the reference as it was sent
  // Models of other attempts with an equal input that are being looked for.
  std::set<std::string> other_models;
};

// The prediction to adopt, or null: the one whose webhook names our attempt, else the oldest with an equal input,
// created no earlier than the sending; among those one of our model comes first. Nothing that is owned, that an echoed
// webhook says somebody else made, that ran another version than the one we named, or that names a model of
// `other_models`.
const Prediction* find_match(const Page& page, const SentAttempt& sent, const std::set<std::string>& owned);

// Whether the page shows a prediction of that time that may be ours and cannot be compared, since the provider has
// deleted its input or does not echo it. Then nothing shows that ours never arrived.
bool may_be_unreadable(const Page& page, const SentAttempt& sent, const std::set<std::string>& owned);

// Whether an input can be compared at all.
bool is_readable(const Prediction& prediction) noexcept;

// Whether later pages of the list can still hold it: the page is not the last and its oldest item is not older than the
// sending.
bool may_be_on_next_page(const Page& page, int64_t sent_at_us);

}  // namespace atelier::replicate
