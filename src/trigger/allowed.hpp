// SPDX-License-Identifier: PostgreSQL
// What the guard triggers have in common: which columns come from an ordinary user, which nobody changes, and how large
// a value may be. Column privileges and policies are the first wall, these rules the second. Columns are named without
// types, and whatever is not named is refused, so that a table with columns of its DBA's is guarded too. An ordinary
// user is whom row level security applies to: not service_role, not the owner, no superuser.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "pg/trigger.hpp"

namespace atelier::trigger {

using Names = std::initializer_list<std::string_view>;
using Columns = std::initializer_list<const pg::Column*>;

// INSERT: from an ordinary user come the named columns, every other one gets its default whatever was sent. For
// everybody, null becomes the default of a column that must not be null.
void allow_insert(pg::TriggerCall& call, Names columns);

// The first half of it, for a caller who is known to be an ordinary user.
void take_from_user(pg::TriggerCall& call, Names columns);

// UPDATE: raises 42501 when an ordinary user changes a column that is not named. `row` says what the row is: "a flow".
void allow_changes(const pg::TriggerCall& call, std::string_view row, Names columns);

// UPDATE by anybody: raises 42501 when one of these columns changes.
void refuse_changes(const pg::TriggerCall& call, std::string_view row, Names columns);

// The error of allow_changes().
[[noreturn]] void refuse_change(std::string_view row, std::string_view column, std::string detail = {});

// How large a value may be: what an administrator may set, and where an index allows no more, a fixed number.
struct SizeLimit {
  int64_t most;
  const char* setting;  // null when it is fixed
};
SizeLimit prompt_limit();                     // characters
SizeLimit text_limit();                       // characters
SizeLimit url_limit();                        // characters
SizeLimit json_limit();                       // bytes
SizeLimit flow_node_limit();                  // bytes
constexpr SizeLimit kKeyLimit{255, nullptr};  // characters of what an index holds

// Raise 22001 for a new value that is larger, whoever sends it, and say what it has and what it may have: a text or a
// list of texts by its characters, the whole list also by its bytes, a document by its bytes and by how deep it is
// nested. Media belong into the storage, not into rows.
void limit_texts(const pg::TriggerCall& call, Columns columns, SizeLimit limit = text_limit());
void limit_lists(const pg::TriggerCall& call, Columns columns, SizeLimit each = url_limit());
void limit_json(const pg::TriggerCall& call, Columns columns, SizeLimit limit = json_limit());

// Whether the value of the column is new, so that it has to be looked at.
bool is_new(const pg::TriggerCall& call, const pg::Column& column);

}  // namespace atelier::trigger
