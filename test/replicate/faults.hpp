// SPDX-License-Identifier: PostgreSQL
// The error answers of the service by the names that words, tokens and control requests use ("429-text", "502-html",
// "reset"), and the problem documents of refused requests. Used by all handlers; decides nothing by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "message.hpp"

namespace stand_in {

// An index into the table of named errors; kNone is no error.
enum class Fault : uint8_t { kNone = 0 };

std::optional<Fault> find_fault(std::string_view name);

// The status of the answer; 0 when the error is no whole answer.
int fault_status(Fault fault);

// `wait_seconds` is the waiting time that the answer announces, when it announces one.
Answer fault_answer(Fault fault, int64_t wait_seconds);

// One entry of `invalid_fields`.
struct InvalidField {
  std::string type;
  std::string field;
  std::string description;
};

Answer problem(int status, std::string_view title, std::string_view detail);
Answer not_found();
Answer unauthenticated();
Answer throttled(int64_t wait_seconds);
Answer invalid_version();
Answer invalid_input(const std::vector<InvalidField>& fields);

}  // namespace stand_in
