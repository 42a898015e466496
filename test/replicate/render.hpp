// SPDX-License-Identifier: PostgreSQL
// Predictions and trainings as the service shows them in JSON. Used by the handlers and by the webhook sender.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "json.hpp"
#include "store.hpp"

namespace stand_in {

struct Service;

struct Showing {
  int64_t now = 0;
  std::optional<Phase> phase = {};  // shown as if it were in this phase
  bool early_output = false;        // still `processing`, but with its output
  bool without_id = false;
  int least_logs_kb = 0;
};

void write_prediction(JsonWriter& json, const Service& service, const Snapshot& prediction, const Showing& showing);

std::string prediction_json(const Service& service, const Snapshot& prediction, const Showing& showing);

}  // namespace stand_in
