// SPDX-License-Identifier: PostgreSQL
#include "core/cost.hpp"

#include <cmath>

namespace atelier::core {
namespace {

// One of each prediction that succeeded.
constexpr std::string_view kRun = "run";
// The column is numeric(10,6).
constexpr int64_t kMostMicroUsd = 9'999'999'999;
constexpr double kMicro = 1e6;

std::optional<double> amount_of(std::string_view metric, const Run& run) {
  if (metric == kRun) return run.succeeded ? std::optional<double>(1) : std::nullopt;
  const auto amount = run.metrics.find(metric).as_double();
  if (!amount || !std::isfinite(*amount) || *amount < 0) return std::nullopt;
  return amount;
}

bool applies(const Price& price, const Run& run) {
  if (price.valid_from_us > run.ended_us) return false;
  for (const json::Member wanted : price.tier.root().members())
    if (!json::equal(run.metrics.find(wanted.key), wanted.value)) return false;
  return true;
}

// The one that names more of the metrics, then the newer one.
bool goes_before(const Price& price, const Price& other) {
  const size_t names = price.tier.root().size();
  const size_t other_names = other.tier.root().size();
  return names != other_names ? names > other_names : price.valid_from_us > other.valid_from_us;
}

std::string six_decimals(double usd) {
  const double exact = usd * kMicro;
  const int64_t micro = exact >= static_cast<double>(kMostMicroUsd) ? kMostMicroUsd : std::llround(exact);
  std::string fraction = std::to_string(micro % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return std::to_string(micro / 1'000'000) + "." + fraction;
}

}  // namespace

std::optional<std::string> PriceList::cost_usd(const std::string& rule, const Run& run) const {
  const auto prices = rules_.find(rule);
  if (prices == rules_.end()) return std::nullopt;
  std::unordered_map<std::string_view, const Price*> chosen;
  for (const Price& price : prices->second) {
    const Price*& best = chosen[price.metric];
    if (applies(price, run) && (best == nullptr || goes_before(price, *best))) best = &price;
  }
  double usd = 0;
  for (const auto& [metric, price] : chosen) {
    const auto amount = amount_of(metric, run);
    if (price == nullptr || !amount) return std::nullopt;
    usd += *amount * price->usd;
  }
  if (!std::isfinite(usd)) return std::nullopt;
  return six_decimals(usd);
}

}  // namespace atelier::core
