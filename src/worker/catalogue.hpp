// SPDX-License-Identifier: PostgreSQL
// atelier.models and atelier.prices in the dispatcher's memory: which version is sent, how long it may take, what a
// prediction has cost. Read anew when somebody has changed the tables. Refreshed inside a transaction, as owner; the
// rest touches no table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/cost.hpp"
#include "store/models.hpp"

namespace atelier::worker {

class Catalogue {
 public:
  void refresh();

  // By a reference as it stands in generations.replicate_model.
  std::optional<std::string> pinned_version(const std::string& reference) const;
  std::optional<int64_t> deadline_us(const std::string& reference) const;

  struct Cost {
    std::string usd;
    std::string rule;
  };
  std::optional<Cost> cost(const std::string& reference, const core::Run& run) const;

 private:
  const store::models::Model* find(const std::string& reference) const;

  std::unordered_map<std::string, store::models::Model> models_;
  std::unordered_map<std::string, std::string> names_;  // by pinned version
  core::PriceList prices_;
  std::optional<uint64_t> version_;
};

}  // namespace atelier::worker
