// SPDX-License-Identifier: PostgreSQL
// What a prediction cost: the numbers in its metrics times the prices of a rule. The provider's API returns no price,
// so the prices are kept in a table; the dispatcher reads them into this and asks it when a prediction has ended. What
// is not known stays unknown: nothing is guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/json.hpp"

namespace atelier::core {

// One row of atelier.prices.
struct Price {
  std::string metric;
  json::Document tier;  // what the metrics must contain
  double usd = 0;
  int64_t valid_from_us = 0;
};

// What is known of a prediction that has ended.
struct Run {
  json::Value metrics;
  bool succeeded = false;
  int64_t ended_us = 0;
};

class PriceList {
 public:
  // Of prices for the same the first one counts.
  void add(const std::string& rule, Price price) { rules_[rule].push_back(std::move(price)); }

  // Dollars with six decimals, as generations.cost_usd takes them. nullopt when the rule has no price for something, or
  // the metrics do not say how much of it there was.
  std::optional<std::string> cost_usd(const std::string& rule, const Run& run) const;

 private:
  std::unordered_map<std::string, std::vector<Price>> rules_;
};

}  // namespace atelier::core
