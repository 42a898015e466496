// SPDX-License-Identifier: PostgreSQL
// Chats with the assistant: what a new message does to its chat, and marking a chat. Everything runs as the owner of
// the tables; rpc/assistant.cpp has checked the caller, the trigger's message has passed the policies.
#pragma once

#include <optional>

#include "store/uuid.hpp"

namespace atelier::store::assistant {

// The chat of a new message was changed now; the first message of its user also gives it a preview, and a title and a
// picture where it has none. Does nothing when all of that is so already.
void note_message(const core::Uuid& message, const core::Uuid& conversation);

// Marks a chat of this user as a favourite, or takes the mark away. The new state; nullopt when the chat does not
// exist, is deleted or is another user's.
std::optional<bool> toggle_favorite(const core::Uuid& conversation, const core::Uuid& user);

}  // namespace atelier::store::assistant
