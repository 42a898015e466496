// SPDX-License-Identifier: PostgreSQL
// atelier.trainings and the rows of user_loras that belong to them. Called by the dispatcher's trainer inside a
// transaction, as owner, by the keeper, by the function that starts a training and by the trigger on user_loras. A row
// of user_loras that says neither uploading nor training any more belongs to whoever has written that, and is not
// touched.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/datum.hpp"
#include "store/uuid.hpp"

namespace atelier::store::trainings {

// As the caller of start_lora_training(): whose it is, and the start itself, which returns the new status.
std::optional<core::Uuid> user_of(const core::Uuid& lora);
std::string start(const core::Uuid& lora);

struct Open {
  int64_t id;
  core::Uuid lora;
  core::Uuid user;
  std::string state;
  std::string trainer;
  std::string version;
  std::optional<int32_t> token;
  std::optional<std::string> input;
  std::optional<std::string> training_id;
  int64_t sent_at_us;
  int64_t deadline_us;
  bool unwanted;   // the LoRA is gone, or somebody has ended it
  bool may_start;  // its user is active, and no budget is spent
  std::string trigger_word;
  std::string type;
  std::string name;
};
std::vector<Open> open();
bool any_open();

struct Picture {
  std::string url;
  std::string caption;
};
// In the order in which they were inserted.
std::vector<Picture> pictures(const core::Uuid& lora);

// What a former process had sent and not recorded; and what nobody has recorded within its lease.
void orphan_sending();
uint64_t orphan_expired(pg::Timestamp now);

// Somebody has written the row of user_loras or deleted it: the open training is not wanted any more. False when there
// is none. For the trigger.
bool disown(const core::Uuid& lora);

struct Claim {
  int64_t id;
  int32_t token;
  std::string account;
  std::string destination;
  std::string file_id;
  std::string input;
  pg::Timestamp sent_at;
  pg::Timestamp lease_until;
  pg::Timestamp deadline;
};
// False when the LoRA is not wanted any more, or a budget is spent.
bool claim(const Claim& claim);
void accept(int64_t id, const std::string& training_id);
// The same for one that a former timeline had sent, and of which nothing was known here. False when it is not open, or
// runs already.
struct Found {
  int64_t id;
  core::Uuid lora;
  std::string training_id;
  int32_t token;
  std::string account;
  std::optional<std::string> input;
  pg::Timestamp sent_at;
  pg::Timestamp deadline;
};
bool adopt(const Found& found);
void lose(int64_t id, const std::string& error);
// The creating request never arrived or was refused: all of it again.
void give_back(int64_t id, const std::string& error);
// Those of these ids that belong to a training already.
std::vector<std::string> owned(const std::vector<std::string>& training_ids);

struct End {
  int64_t id = 0;
  std::string state;                 // succeeded, failed or cancelled
  std::optional<std::string> error;  // for admins
  std::optional<double> predict_time;
  std::optional<std::string> cost_usd;
  std::optional<std::string> lora_url;
  std::optional<std::string> model_version;
  std::optional<std::string> message;  // for the user; none when it succeeded
};
struct Told {
  core::Uuid user;
  std::string name;
};
struct Finished {
  core::Uuid user;
  std::optional<Told> told;  // the LoRA whose row was changed
};
// nullopt when it had ended before.
std::optional<Finished> finish(const End& end);

}  // namespace atelier::store::trainings
