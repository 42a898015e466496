// SPDX-License-Identifier: PostgreSQL
// The kinds of requests, as tokens can be refused on them, failures be ordered for them and statistics count them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stand_in {

enum class Route : uint8_t {
  kCreate,
  kGet,
  kList,
  kCancel,
  kAccount,
  kModel,
  kTraining,
  kFile,
  kSecret,
  kOutput,
  kOther,
  kAll
};

constexpr std::string_view kRouteNames[] = {"create",   "get",  "list",   "cancel", "account", "model",
                                            "training", "file", "secret", "output", "other",   "all"};
constexpr size_t kRouteCount = static_cast<size_t>(Route::kAll);

inline std::optional<Route> find_route(std::string_view name) {
  for (size_t i = 0; i <= kRouteCount; i++) {
    if (kRouteNames[i] == name) return static_cast<Route>(i);
  }
  return std::nullopt;
}

inline bool covers(Route wide, Route narrow) { return wide == Route::kAll || wide == narrow; }

}  // namespace stand_in
