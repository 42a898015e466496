// SPDX-License-Identifier: PostgreSQL
// What the dispatcher writes into generations: handed over, completed, failed, cancelled, tried again; with it the
// notification and the way back into the queue. Credits are store/credits.hpp, files store/outputs.hpp. One statement
// per table and batch. A generation that has ended is never touched. Called inside the transaction that advances the
// attempts, after them, as owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/status.hpp"
#include "pg/datum.hpp"
#include "store/uuid.hpp"

namespace atelier::store::results {

// What becomes of one generation. Empty optionals leave the column as it is, but for the message, which is cleared.
struct Change {
  core::Uuid generation;
  core::GenerationStatus status = core::GenerationStatus::processing;
  std::optional<std::string> prediction_id;
  std::optional<int32_t> token;
  std::optional<pg::Timestamp> sent_at;  // the start of a row that ends without having been seen running
  std::vector<std::string> output_urls;
  std::optional<std::string> output_text;
  std::optional<std::string> output;  // JSON text for replicate_output
  std::optional<std::string> cost_usd;
  std::optional<std::string> message;            // for the user
  std::optional<pg::Timestamp> files_expire_at;  // when the provider deletes what output_urls lead to
};

// A generation that was changed, with what the follow-up needs.
struct Changed {
  core::Uuid generation;
  core::Uuid user;
  int32_t cost_credits;
  bool hidden;
  std::string model_name;
};

// Writes the changes; returns those whose generation exists and had not ended.
std::vector<Changed> write(const std::vector<Change>& changes);

// A row that held the id of a prediction which was not made for it, and the generation that it was made for.
struct Squatter {
  core::Uuid generation;
  core::Uuid rightful;
  std::string prediction_id;
};
// Takes the prediction ids of these changes out of other rows, where users may have written them; the ids that an
// attempt of that row had stay.
std::vector<Squatter> evict_squatters(const std::vector<Change>& changes);

// Puts generations back into the queue, due at `not_before`; with `seq` at their old place among their user's rows.
struct Return {
  core::Uuid generation;
  pg::Timestamp not_before;
  std::optional<int64_t> seq;
  int16_t series;
};
void return_to_queue(const std::vector<Return>& returns);

struct Notice {
  core::Uuid user;
  std::string title;
  std::string message;
};
void notify(const std::vector<Notice>& notices);

// One provider call for api_logs.
struct Call {
  std::string method;
  std::string path;
  int32_t status_code;  // 0: no answer
  int32_t duration_ms;
  std::optional<core::Uuid> user;
  std::optional<core::Uuid> generation;
  std::optional<std::string> model;
  std::optional<std::string> external_status;
  std::optional<std::string> error_message;
  std::optional<std::string> error_category;
  int32_t retry_count = 0;
};
void log_calls(const std::vector<Call>& calls);

}  // namespace atelier::store::results
