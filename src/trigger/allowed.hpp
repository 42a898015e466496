// SPDX-License-Identifier: PostgreSQL
// What the guard triggers have in common: which columns come from an ordinary user, which nobody changes, and how large
// a text may be. Column privileges and policies are the first wall, these rules the second. They name columns without
// types, so that a table with columns of its DBA's works too. Used by the guards in trigger/.
#pragma once

#include <initializer_list>
#include <string_view>

#include "pg/trigger.hpp"

namespace atelier::trigger {

using Names = std::initializer_list<std::string_view>;

// INSERT by a user: every column that is not named gets its default, whatever was sent.
void take_from_user(pg::TriggerCall& call, Names columns);

// UPDATE by a user: raises 42501 when a column changes that is not named. `row` says what the row is: "a flow".
void allow_changes(const pg::TriggerCall& call, std::string_view row, Names columns);

// UPDATE by anybody: raises 42501 when one of these columns changes.
void refuse_changes(const pg::TriggerCall& call, std::string_view row, Names columns);

// Raises 54000 for a new value that is longer, or for a jsonb that is larger or nested deeper.
void limit_text(const pg::TriggerCall& call, const pg::Column& column, size_t characters);
void limit_json(const pg::TriggerCall& call, const pg::Column& column, size_t bytes, int levels);

// Sizes of what people type. Media belong into the storage, not into rows.
constexpr size_t kTextCharacters = 10'000;
constexpr size_t kNameCharacters = 1'000;

}  // namespace atelier::trigger
