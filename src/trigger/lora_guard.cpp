// SPDX-License-Identifier: PostgreSQL
// The triggers on LoRA models and their pictures. A user describes his LoRA; what becomes of it (status, weights, the
// training at the provider) is written by the app and by atelier. Trigger words are kept in one form whoever writes
// them, so that the unique index finds a word that is there already.
#include "core/trigger_word.hpp"
#include "pg/entry.hpp"
#include "pg/shmem.hpp"
#include "store/trainings.hpp"
#include "store/uuid.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr Oid kText = pg::TypeOf<std::string>::scalar;

constinit const pg::Column kId{"id", pg::TypeOf<core::Uuid>::scalar};
constinit const pg::Column kName{"name", kText};
constinit const pg::Column kDescription{"description", kText};
constinit const pg::Column kTriggerWord{"trigger_word", kText};
constinit const pg::Column kStatus{"status", kText};
constinit const pg::Column kUpdatedAt{"updated_at", pg::TypeOf<pg::Timestamp>::scalar};
constinit const pg::Column kDeletedAt{"deleted_at", pg::TypeOf<pg::Timestamp>::scalar};

constinit const pg::Column kImageUrl{"image_url", kText};
constinit const pg::Column kCaption{"caption", kText};

void tidy_trigger_word(pg::TriggerCall& call) {
  const auto word = call.new_value<std::string>(kTriggerWord);
  if (!word) return;
  const auto normal = core::normal_trigger_word(*word);
  if (!normal)
    pg::fail(pg::Code::check_violation, "trigger word of a LoRA is not valid",
             "It has 1 to 50 letters A to Z, digits and underscores.");
  if (*normal != *word) call.set(kTriggerWord, pg::Arg::of(*normal));
}

// A user says that his pictures are being uploaded, nothing else.
void restrict_status(pg::TriggerCall& call) {
  if (call.new_value<std::string>(kStatus) != "uploading") call.set(kStatus, pg::Arg::of("pending"));
}

// The app has ended a LoRA that is being trained, or trains it itself, or its user has deleted it. That holds, whatever
// the row says a moment later; the dispatcher cancels at the provider what it has started there.
void give_up_training(const pg::TriggerCall& call) {
  const auto before = call.old_value<std::string>(kStatus);
  if (pg::is_worker() || (before != "uploading" && before != "training")) return;
  const auto after = call.new_value<std::string>(kStatus);
  const bool goes_on = after == before || after == "uploading";
  if (goes_on && (call.new_is_null(kDeletedAt) || !call.changes(kDeletedAt))) return;
  if (store::trainings::disown(call.old_required<core::Uuid>(kId))) pg::wake_dispatcher_at_commit();
}

}  // namespace

ATELIER_FUNCTION(guard_lora) {
  pg::TriggerCall call(fcinfo, "user_loras", pg::TriggerTime::before_row);
  const bool restricted = call.caller_is_restricted();
  if (call.event() == pg::TriggerEvent::insert) {
    allow_insert(call, {"id", "user_id", "name", "description", "type", "trigger_word", "status"});
    if (restricted) restrict_status(call);
  } else if (call.event() == pg::TriggerEvent::update) {
    call.keep(kUpdatedAt);  // may be sent along
    allow_changes(call, "a LoRA", {"name", "description", "deleted_at"});
    call.set(kUpdatedAt, pg::Arg::of(pg::transaction_start()));
    give_up_training(call);
  } else {
    return call.result();
  }
  if (restricted) limit_texts(call, {&kName, &kDescription});
  if (is_new(call, kTriggerWord)) tidy_trigger_word(call);
  return call.result();
}

ATELIER_FUNCTION(guard_lora_image) {
  pg::TriggerCall call(fcinfo, "lora_training_images", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) {
    allow_insert(call, {"id", "lora_id", "image_url", "caption"});
    if (call.caller_is_restricted()) {
      limit_texts(call, {&kImageUrl}, url_limit());
      limit_texts(call, {&kCaption});
    }
  }
  return call.result();
}
