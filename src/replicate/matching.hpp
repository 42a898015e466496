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

struct SentAttempt {
  int64_t sent_at_us = 0;
  core::json::Value input;  // as it was sent
  std::string webhook;      // the webhook URL as it was sent, with the attempt's id; empty for none
};

// The prediction to adopt, or null: the one whose webhook is ours, else the oldest with an equal input, not owned,
// created no earlier than the sending. An echo with another attempt's webhook is never taken by its input.
const Prediction* find_match(const Page& page, const SentAttempt& sent, const std::set<std::string>& owned);

// Whether later pages of the list can still hold it: the page is not the last and its oldest item is not older than the
// sending.
bool may_be_on_next_page(const Page& page, const SentAttempt& sent);

}  // namespace atelier::replicate
