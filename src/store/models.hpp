// SPDX-License-Identifier: PostgreSQL
// atelier.models and atelier.prices: what a user may queue, for the triggers, and all of it for the dispatcher, which
// keeps it in memory until somebody changes it. The triggers' question runs as the owner; the dispatcher asks inside a
// transaction, as owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cost.hpp"
#include "pg/datum.hpp"

namespace atelier::store::models {

// Whether a model may be queued for an action, and if not, why.
enum class Listed { yes, unknown, disabled, other_action, other_version };
// `name` is the reference without a version, empty for a bare one; `version` is empty when none was named.
Listed listed(std::string_view name, std::string_view version, std::string_view action);

struct Model {
  std::string name;
  std::string version;     // empty when none is pinned
  std::string price_rule;  // empty when unknown
  int64_t deadline_us;     // 0 when the settings say it
};
// Of several rows for one name the first one counts.
std::vector<Model> all();

core::PriceList prices();

}  // namespace atelier::store::models
