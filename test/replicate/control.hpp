// SPDX-License-Identifier: PostgreSQL
// The control endpoints below /_control/: what tests, demo and bench use to arrange cases and to read what happened.
// README.md lists them.
#pragma once

#include <string>
#include <vector>

#include "message.hpp"
#include "service.hpp"

namespace stand_in {

Answer control_answer(Service& service, const Request& request, const std::vector<std::string>& parts);

}  // namespace stand_in
