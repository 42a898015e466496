// SPDX-License-Identifier: PostgreSQL
// atelier.outputs: the files of completed generations and when the provider deletes them. Written by the dispatcher in
// the transaction that writes the result, as owner; taken away by the triggers when the generation goes, as the owner.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pg/datum.hpp"
#include "store/uuid.hpp"

namespace atelier::store::outputs {

struct Output {
  core::Uuid generation;
  int16_t ordinal;  // from 1
  std::string kind;
  std::string url;
  std::optional<pg::Timestamp> expires_at;  // empty for what is not at the provider
};
void add(const std::vector<Output>& outputs);

void forget(const core::Uuid& generation);
// The files of all generations that do not exist any more.
void forget_gone();

}  // namespace atelier::store::outputs
