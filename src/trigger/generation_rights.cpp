// SPDX-License-Identifier: PostgreSQL
#include "trigger/generation_rights.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "core/text.hpp"
#include "pg/error.hpp"
#include "store/caller.hpp"
#include "store/queue.hpp"
#include "store/rights.hpp"
#include "store/wish.hpp"
#include "trigger/allowed.hpp"
#include "trigger/film.hpp"
#include "trigger/generation.hpp"

namespace atelier::trigger::generation {

namespace {

using core::GenerationStatus;
using store::wish::Wish;

constexpr size_t kShownCharacters = 60;

bool contains(const pg::TriggerCall& call, Columns columns, int attribute) {
  return std::any_of(columns.begin(), columns.end(),
                     [&](const pg::Column* column) { return call.attribute(*column) == attribute; });
}

std::string shown(std::string_view text) {
  return core::text::one_line(core::text::first_chars(text, kShownCharacters));
}

[[noreturn]] void refuse_column(std::string_view name) { refuse_change("a generation", name); }

// Whether the provider is called by the app itself for this row: its own routes write such rows as the signed-in user.
class Dispatch {
 public:
  explicit Dispatch(const pg::TriggerCall& call) : call_(call) {}

  bool is_atelier() const {
    if (!asked_)
      is_ours_ = store::queue::has_attempt(call_.old_required<core::Uuid>(column::kId)) || is_of_taken_film(call_);
    asked_ = true;
    return is_ours_;
  }
  bool is_app() const {
    const auto status = old_status(call_);
    if (status == GenerationStatus::pending) return !is_taken_part(call_);
    return status == GenerationStatus::processing && !is_atelier();
  }

 private:
  const pg::TriggerCall& call_;
  mutable bool asked_ = false;
  mutable bool is_ours_ = false;
};

bool may_move(const Dispatch& dispatch, GenerationStatus from, GenerationStatus to) {
  switch (to) {
    case GenerationStatus::pending:
    case GenerationStatus::completed:
      return false;
    case GenerationStatus::queued:
      if (store::wish::current() == Wish::retry) return core::is_terminal(from);
      // A late hand-over of a row that was taken long ago changes nothing; the status trigger sees to that.
      return from == GenerationStatus::pending || dispatch.is_atelier();
    case GenerationStatus::processing:
      return from == GenerationStatus::pending && dispatch.is_app();
    case GenerationStatus::failed:
      return core::is_active(from) && dispatch.is_app();
    case GenerationStatus::cancelled:
      return from == GenerationStatus::queued || from == GenerationStatus::processing ||
             (from == GenerationStatus::pending && store::wish::current() == Wish::cancel);
  }
  return false;
}

void check_status(const pg::TriggerCall& call, const Dispatch& dispatch) {
  const auto from = old_status(call);
  const auto to = new_status(call);
  if (from && to && may_move(dispatch, *from, *to)) return;
  pg::fail(
      pg::Code::insufficient_privilege,
      "a user may not change the status of a generation from \"" +
          call.old_value<std::string>(column::kStatus).value_or("") + "\" to \"" +
          shown(call.new_value<std::string>(column::kStatus).value_or("")) + "\"",
      "Users hand a pending generation over by setting it to queued, and cancel one that is queued or processing.");
}

}  // namespace

void restrict_insert(pg::TriggerCall& call) {
  if (const auto status = call.new_value<std::string>(column::kStatus)) {
    const auto known = new_status(call);
    if (known != GenerationStatus::pending && known != GenerationStatus::queued)
      pg::fail(pg::Code::insufficient_privilege,
               "a user may not insert a generation with status \"" + shown(*status) + "\"",
               "Users insert generations as pending or queued.");
  }
  if (const auto workspace = call.new_value<core::Uuid>(column::kWorkspaceId);
      workspace && !store::rights::is_workspace_member(*workspace))
    pg::fail(pg::Code::insufficient_privilege, "a user may not insert a generation into this workspace",
             "The user is not one of its members.");
  // Answers for a row that was deleted meanwhile may still come, and what it has cost is not charged twice.
  if (const auto id = call.new_value<core::Uuid>(column::kId); id && store::queue::is_used(*id))
    pg::fail(pg::Code::unique_violation, "this id has belonged to another generation", {},
             "Leave the id out, or make a new one.");
  take_from_user(call, {"id", "user_id", "workspace_id", "action", "model_id", "model_name", "replicate_model",
                        "prompt", "input_image_url", "input_video_url", "settings", "replicate_input", "status"});
}

void restrict_update(pg::TriggerCall& call) {
  const Columns free = {&column::kViewed, &column::kViewedAt, &column::kIsFavorite};
  const Dispatch dispatch(call);
  // The policies let a super_admin reach the rows of others: to move them to another workspace, nothing else.
  const bool is_own = call.old_value<core::Uuid>(column::kUserId) == store::caller::identity().sub;
  for (int attribute = 1; attribute <= call.attribute_count(); ++attribute) {
    if (!call.is_written(attribute) || !call.changes(attribute)) continue;
    if (attribute == call.attribute(column::kWorkspaceId)) {
      if (!store::rights::is_super_admin()) refuse_column(column::kWorkspaceId.name);
      continue;
    }
    if (!is_own) refuse_column(call.attribute_name(attribute));
    if (contains(call, free, attribute)) continue;
    if (attribute == call.attribute(column::kStatus)) {
      check_status(call, dispatch);
    } else if (!dispatch.is_app()) {
      refuse_column(call.attribute_name(attribute));
    } else if (attribute == call.attribute(column::kReplicatePredictionId)) {
      if (!call.old_is_null(column::kReplicatePredictionId)) refuse_column(column::kReplicatePredictionId.name);
      limit_texts(call, {&column::kReplicatePredictionId}, kKeyLimit);
    } else if (attribute == call.attribute(column::kErrorMessage)) {
      limit_texts(call, {&column::kErrorMessage});
    } else if (attribute == call.attribute(column::kCompletedAt)) {
      // The app sends it along with the end of a job; the status trigger says when that was.
      call.keep(attribute);
    } else {
      refuse_column(call.attribute_name(attribute));
    }
  }
}

}  // namespace atelier::trigger::generation
