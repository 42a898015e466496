// SPDX-License-Identifier: PostgreSQL
// The columns of generations that the triggers read and write, by name and type, and how its status is read. Shared by
// the triggers on that table.
#pragma once

#include <optional>

#include "core/status.hpp"
#include "pg/trigger.hpp"
#include "store/uuid.hpp"

namespace atelier::trigger::generation {

constexpr const char* kTable = "generations";

namespace column {

constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;
constexpr Oid kText = pg::TypeOf<std::string>::scalar;
constexpr Oid kTexts = pg::TypeOf<std::string>::array;
constexpr Oid kJsonb = pg::TypeOf<pg::Jsonb>::scalar;
constexpr Oid kTime = pg::TypeOf<pg::Timestamp>::scalar;
constexpr Oid kInteger = pg::TypeOf<int32_t>::scalar;
constexpr Oid kBigint = pg::TypeOf<int64_t>::scalar;
constexpr Oid kNumeric = 1700;
constexpr Oid kBool = pg::TypeOf<bool>::scalar;

inline constinit const pg::Column kId{"id", kUuid};
inline constinit const pg::Column kUserId{"user_id", kUuid};
inline constinit const pg::Column kWorkspaceId{"workspace_id", kUuid};
inline constinit const pg::Column kAction{"action", kText};
inline constinit const pg::Column kModelId{"model_id", kText};
inline constinit const pg::Column kModelName{"model_name", kText};
inline constinit const pg::Column kReplicateModel{"replicate_model", kText};
inline constinit const pg::Column kPrompt{"prompt", kText};
inline constinit const pg::Column kInputImageUrl{"input_image_url", kText};
inline constinit const pg::Column kInputVideoUrl{"input_video_url", kText};
inline constinit const pg::Column kSettings{"settings", kJsonb};
inline constinit const pg::Column kReplicateInput{"replicate_input", kJsonb};
inline constinit const pg::Column kStatus{"status", kText};
inline constinit const pg::Column kReplicatePredictionId{"replicate_prediction_id", kText};
inline constinit const pg::Column kOutputUrl{"output_url", kText};
inline constinit const pg::Column kOutputUrls{"output_urls", kTexts};
inline constinit const pg::Column kErrorMessage{"error_message", kText};
inline constinit const pg::Column kStartedAt{"started_at", kTime};
inline constinit const pg::Column kCompletedAt{"completed_at", kTime};
inline constinit const pg::Column kProcessingTimeMs{"processing_time_ms", kInteger};
inline constinit const pg::Column kViewed{"viewed", kBool};
inline constinit const pg::Column kViewedAt{"viewed_at", kTime};
inline constinit const pg::Column kIsFavorite{"is_favorite", kBool};
inline constinit const pg::Column kCostCredits{"cost_credits", kInteger};
inline constinit const pg::Column kIsKeyframeSegment{"is_keyframe_segment", kBool};
inline constinit const pg::Column kCreatedAt{"created_at", kTime};
inline constinit const pg::Column kCostUsd{"cost_usd", kNumeric};
inline constinit const pg::Column kChangedIn{"changed_in", kBigint};

}  // namespace column

// The status before and after; nullopt for null and for a text that the table's CHECK refuses.
std::optional<core::GenerationStatus> old_status(const pg::TriggerCall& call);
std::optional<core::GenerationStatus> new_status(const pg::TriggerCall& call);

// What every writer may rely on: `succeeded` becomes completed, and a lone output_url also becomes output_urls.
void normalise(pg::TriggerCall& call);

// Says which transaction wrote the row last, for whoever polls (store/changes.hpp).
void mark_changed(pg::TriggerCall& call);

// Writes the columns that follow from a change of status at the start of this transaction.
void set_times(pg::TriggerCall& call, const core::StatusTimes& times);

// The row is about to forget what was sent: kept with an attempt whose answer is not known yet.
void keep_sent(const pg::TriggerCall& call);

}  // namespace atelier::trigger::generation
