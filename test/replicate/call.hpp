// SPDX-License-Identifier: PostgreSQL
// One request to the API on its way to its handler: what the router has found out about it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "message.hpp"
#include "service.hpp"

namespace stand_in {

struct Call {
  Service& service;
  const Request& request;
  Route route;
  std::vector<std::string> parts;  // of the path, after "v1"
  std::optional<Caller> caller;    // only creating calls reach their handler without one
};

}  // namespace stand_in
