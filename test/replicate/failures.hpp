// SPDX-License-Identifier: PostgreSQL
// What the service writes into `error` of a prediction that failed, by the names that words use ("e003", "nsfw", "pa").
// Used by the words and by what renders a prediction.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "json.hpp"

namespace stand_in {

// An index into the table of error texts; kNone is no failure.
enum class Failure : uint8_t { kNone = 0 };

std::optional<Failure> find_failure(std::string_view name);

// Writes the value of `error`.
void write_failure(JsonWriter& json, Failure failure);

}  // namespace stand_in
