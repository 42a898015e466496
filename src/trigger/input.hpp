// SPDX-License-Identifier: PostgreSQL
// What ordinary users may send, for the guard triggers of the smaller tables: the second wall behind column privileges
// and policies. Each function does nothing for service_role, the owner and superusers, except where it says so.
#pragma once

#include <initializer_list>

#include "pg/trigger.hpp"

namespace atelier::trigger::input {

using Columns = std::initializer_list<const pg::Column*>;

// INSERT, for everybody: null becomes the default. For users also every column that is not among `columns`.
void take_insert(pg::TriggerCall& call, Columns columns);

// UPDATE: raises 42501 when a column changes that is not among `columns`. `what` names a row of the table.
void take_update(const pg::TriggerCall& call, const char* what, Columns columns);

// Raise 54000 for a new value that is longer: a text, a URL, or a list or document by its bytes.
void limit_texts(const pg::TriggerCall& call, Columns columns);
void limit_urls(const pg::TriggerCall& call, Columns columns);
void limit_bytes(const pg::TriggerCall& call, Columns columns);

}  // namespace atelier::trigger::input
