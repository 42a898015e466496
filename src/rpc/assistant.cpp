// SPDX-License-Identifier: PostgreSQL
// Chats with the assistant: toggle_conversation_favorite().
#include "store/assistant.hpp"
#include "pg/entry.hpp"
#include "rpc/arguments.hpp"
#include "store/acting.hpp"
#include "store/identity.hpp"

using namespace atelier;

// toggle_conversation_favorite(conversation, user): the new state. Raises 42501 for a chat that is not that user's. For
// the user himself and service_role.
ATELIER_FUNCTION(toggle_conversation_favorite) {
  const auto conversation = rpc::argument<core::Uuid>(fcinfo, 0);
  const auto user = rpc::argument<core::Uuid>(fcinfo, 1);
  store::acting::require_self(user);
  store::identity::use_app_schema();
  const std::optional<bool> favorite =
      conversation && user ? store::assistant::toggle_favorite(*conversation, *user) : std::nullopt;
  if (!favorite)
    pg::fail(pg::Code::insufficient_privilege, "there is no such chat of this user",
             "It does not exist, is deleted, or belongs to somebody else.");
  return pg::to_datum(*favorite);
}
