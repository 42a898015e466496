// SPDX-License-Identifier: PostgreSQL
#include "trigger/generation.hpp"

#include <string>
#include <vector>

#include "pg/transaction.hpp"
#include "store/queue.hpp"

namespace atelier::trigger::generation {

namespace {

using core::GenerationStatus;

std::optional<GenerationStatus> parse(const std::optional<std::string>& text) {
  return text ? core::parse_generation_status(*text) : std::nullopt;
}

std::optional<pg::Timestamp> timestamp(std::optional<int64_t> us) {
  if (!us) return std::nullopt;
  return pg::Timestamp{*us};
}

}  // namespace

std::optional<GenerationStatus> old_status(const pg::TriggerCall& call) {
  return parse(call.old_value<std::string>(column::kStatus));
}

std::optional<GenerationStatus> new_status(const pg::TriggerCall& call) {
  return parse(call.new_value<std::string>(column::kStatus));
}

void normalise(pg::TriggerCall& call) {
  if (new_status(call) == GenerationStatus::completed &&
      call.new_value<std::string>(column::kStatus) != core::name(GenerationStatus::completed))
    call.set(column::kStatus, pg::Arg::of(core::name(GenerationStatus::completed)));
  if (call.new_is_null(column::kOutputUrls))
    if (const auto url = call.new_value<std::string>(column::kOutputUrl))
      call.set(column::kOutputUrls, pg::Arg::of(std::vector<std::string>{*url}));
}

void mark_changed(pg::TriggerCall& call) {
  call.set(column::kChangedIn, pg::Arg::of(static_cast<int64_t>(pg::transaction_id())));
}

void set_times(pg::TriggerCall& call, const core::StatusTimes& times) {
  call.set(column::kStartedAt, pg::Arg::of(timestamp(times.started_at_us)));
  call.set(column::kCompletedAt, pg::Arg::of(timestamp(times.completed_at_us)));
  call.set(column::kProcessingTimeMs, pg::Arg::of(times.processing_time_ms));
}

void keep_sent(const pg::TriggerCall& call) {
  const auto input = call.old_datum(column::kReplicateInput);
  if (!input) return;
  store::queue::keep_sent(call.old_required<core::Uuid>(column::kId),
                          call.old_value<std::string>(column::kReplicateModel).value_or(""),
                          pg::Jsonb{pg::output_text(*input, pg::TypeOf<pg::Jsonb>::scalar)});
}

}  // namespace atelier::trigger::generation
