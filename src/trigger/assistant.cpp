// SPDX-License-Identifier: PostgreSQL
// The triggers on chats with the assistant: what users may send, and what a new message does to its chat.
#include "store/assistant.hpp"
#include "pg/entry.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;
constexpr Oid kText = pg::TypeOf<std::string>::scalar;

namespace conversation {
constinit const pg::Column kTitle{"title", kText};
constinit const pg::Column kPreviewText{"preview_text", kText};
constinit const pg::Column kPreviewImageUrl{"preview_image_url", kText};
}  // namespace conversation

namespace message {
constexpr const char* kTable = "assistant_messages";
constinit const pg::Column kId{"id", kUuid};
constinit const pg::Column kConversationId{"conversation_id", kUuid};
constinit const pg::Column kContent{"content", kText};
constinit const pg::Column kImages{"images", pg::TypeOf<std::string>::array};
constinit const pg::Column kContext{"context", pg::TypeOf<pg::Jsonb>::scalar};
}  // namespace message

}  // namespace

ATELIER_FUNCTION(guard_conversation) {
  using namespace conversation;
  pg::TriggerCall call(fcinfo, "assistant_conversations", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert)
    allow_insert(call, {"id", "user_id", "title", "is_favorite", "preview_text", "preview_image_url"});
  else if (call.event() == pg::TriggerEvent::update)
    allow_changes(call, "a chat", {"title", "is_favorite", "deleted_at"});
  else
    return call.result();
  if (call.caller_is_restricted()) {
    limit_texts(call, {&kTitle, &kPreviewText});
    limit_texts(call, {&kPreviewImageUrl}, url_limit());
  }
  return call.result();
}

ATELIER_FUNCTION(guard_message) {
  using namespace message;
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) {
    allow_insert(call, {"id", "conversation_id", "role", "content", "images", "context"});
    if (call.caller_is_restricted()) {
      limit_texts(call, {&kContent});
      limit_lists(call, {&kImages});
      limit_json(call, {&kContext});
    }
  }
  return call.result();
}

ATELIER_FUNCTION(note_message) {
  const pg::TriggerCall call(fcinfo, message::kTable, pg::TriggerTime::after_row);
  if (call.event() != pg::TriggerEvent::insert) return (Datum)0;
  const auto id = call.new_value<core::Uuid>(message::kId);
  const auto conversation = call.new_value<core::Uuid>(message::kConversationId);
  if (id && conversation) store::assistant::note_message(*id, *conversation);
  return (Datum)0;
}
