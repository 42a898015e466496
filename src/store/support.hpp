// SPDX-License-Identifier: PostgreSQL
// Answers to support tickets. Runs as the owner of the tables; rpc/support.cpp has checked the caller.
#pragma once

#include <optional>
#include <string>

#include "store/uuid.hpp"

namespace atelier::store::support {

// Writes the answer into the ticket and tells its user by a notification, both in this transaction. A later answer
// replaces the first one, in the ticket and in the notification that told of it, without a second one. Two at once
// follow one another. False when there is no such ticket.
bool answer(const core::Uuid& ticket, const std::string& answer, const std::optional<core::Uuid>& answered_by);

}  // namespace atelier::store::support
