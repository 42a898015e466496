// SPDX-License-Identifier: PostgreSQL
// atelier.models_only: users queue only what atelier.models lists. Called by the triggers before a row becomes queued;
// service_role and the owner are exempt.
#pragma once

#include <string>

#include "pg/trigger.hpp"

namespace atelier::trigger::generation {

// Raises 42501 when the caller is an ordinary user and the row's model is not for him.
void require_listed_model(const pg::TriggerCall& call);

// The same for another row that the caller queues with this one.
void require_listed_model(const pg::TriggerCall& call, const std::string& model, const std::string& action);

}  // namespace atelier::trigger::generation
