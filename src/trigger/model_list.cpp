// SPDX-License-Identifier: PostgreSQL
#include "trigger/model_list.hpp"

#include <string>

#include "core/text.hpp"
#include "pg/error.hpp"
#include "pg/settings.hpp"
#include "replicate/reference.hpp"
#include "store/models.hpp"
#include "trigger/generation.hpp"

namespace atelier::trigger::generation {

namespace {

using store::models::Listed;

constexpr size_t kShownCharacters = 100;

std::string shown(const std::string& text) {
  return "\"" + core::text::one_line(core::text::first_chars(text, kShownCharacters)) + "\"";
}

std::string reason_of(Listed listed, const std::string& action) {
  switch (listed) {
    case Listed::disabled:
      return "it is disabled";
    case Listed::other_action:
      return "it is not listed for action " + shown(action);
    case Listed::other_version:
      return "this version of it is not listed";
    default:
      return "it is not listed";
  }
}

}  // namespace

void require_listed_model(const pg::TriggerCall& call) {
  if (!pg::settings::models_only()) return;
  require_listed_model(call, call.new_value<std::string>(column::kReplicateModel).value_or(""),
                       call.new_value<std::string>(column::kAction).value_or(""));
}

void require_listed_model(const pg::TriggerCall& call, const std::string& model, const std::string& action) {
  if (!pg::settings::models_only() || !call.caller_is_restricted()) return;
  const replicate::ParsedReference parsed = replicate::parse_model_reference(model);
  if (!parsed) return;  // refused for its form, with a better reason
  const size_t colon =
      parsed.reference->kind == replicate::ReferenceKind::model_version ? model.rfind(':') : model.size();
  const std::string name = parsed.reference->owner.empty() ? std::string() : model.substr(0, colon);
  const Listed listed = store::models::listed(name, parsed.reference->version, action);
  if (listed == Listed::yes) return;
  pg::fail(pg::Code::insufficient_privilege,
           "model " + shown(model) + " cannot be queued: " + reason_of(listed, action),
           "While atelier.models_only is on, users queue the models of atelier.models.",
           "Choose a model of the list, or ask an administrator to add this one.");
}

}  // namespace atelier::trigger::generation
