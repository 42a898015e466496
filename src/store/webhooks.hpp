// SPDX-License-Identifier: PostgreSQL
// Webhooks in the database: the secrets that they are signed with, which attempt a message is about, and the messages
// of the last minutes, so that each counts once and the dispatcher learns of it. rpc/webhooks.cpp writes messages as
// whoever calls (everything here runs as the owner); the dispatcher takes them, inside its transactions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/datum.hpp"

namespace atelier::store::webhooks {

// Every secret that is known.
std::vector<std::string> secrets();

// The attempt whose prediction it is, by the attempt's number or by the generation that has it; or the training.
struct Subject {
  int64_t number;
  bool open;
  bool is_training;
};
// With `trusted` also an attempt or a training of this number that waits for its id at the provider.
std::optional<Subject> find(const std::string& prediction_id, std::optional<int64_t> attempt,
                            std::optional<int64_t> training, bool trusted);
// As it stands in the URL of the webhook.
std::string name_of(const Subject& subject);

// Notes a signed message; false when it was noted before. One about an attempt that has ended is only remembered.
bool note_signed(const std::string& message_id, const std::string& prediction_id, const std::optional<Subject>& about);
// Notes that somebody says there is news of an open one; false when that was said within the last five seconds.
bool note_unsigned(const std::string& prediction_id, const Subject& about);

// A message that the dispatcher has not seen.
struct News {
  std::optional<int64_t> attempt;
  std::optional<int64_t> training;
  std::string prediction_id;
};
std::vector<News> take_news();

// Forgets messages that came before this time.
void forget_before(pg::Timestamp time);

// When the secret of an account is to be asked for again; nullopt for never, since it was set by hand.
std::optional<pg::Timestamp> secret_due(const std::string& account, int64_t good_for_us);
// Keeps a fetched secret, unless one was set by hand.
void keep_secret(const std::string& account, const std::string& secret, pg::Timestamp now);

}  // namespace atelier::store::webhooks
