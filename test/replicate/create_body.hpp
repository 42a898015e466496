// SPDX-License-Identifier: PostgreSQL
// The body of a request that makes a prediction or a training, read as strictly as the service reads it: known fields
// only, each of its type. Used by create.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "faults.hpp"
#include "message.hpp"

namespace stand_in {

struct CreateBody {
  std::optional<Answer> error;  // when set, the rest may be incomplete
  bool has_input = false;
  std::string input;    // canonical JSON
  std::string prompt;   // of the input; empty when it has none
  std::string markers;  // the words of all markers, joined
  std::string version;
  std::string destination;
  std::string webhook;
  std::vector<std::string> events;
};

// Which fields besides the common ones a route takes; they are required then.
struct CreateFields {
  bool version = false;
  bool destination = false;
};

CreateBody read_create_body(const Request& request, const CreateFields& fields, size_t most_bytes);

// What a model with the word `strict-input` has against an input; nothing when it is fine.
std::vector<InvalidField> check_strict_input(const std::string& input);

}  // namespace stand_in
