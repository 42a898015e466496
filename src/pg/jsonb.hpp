// SPDX-License-Identifier: PostgreSQL
// What can be told of a jsonb value without turning it into text. For triggers, which look at every row; the size is
// checked before, since each call detoasts the value. Reading the whole value is core/json.hpp's work.
#pragma once

#include <optional>
#include <string>

#include "pg/postgres.hpp"

namespace atelier::pg::jsonb {

bool is_object(Datum value);

// Whether arrays and objects are nested more than `levels` deep.
bool is_deeper_than(Datum value, int levels);

// A member of an object that is a text or a number, as text; nullopt for every other value.
std::optional<std::string> scalar_member(Datum object, const char* key);

}  // namespace atelier::pg::jsonb
