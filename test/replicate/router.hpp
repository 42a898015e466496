// SPDX-License-Identifier: PostgreSQL
// From a request to its answer: finds the handler, checks the token, applies failures that were ordered. Called by the
// sessions, on any thread.
#pragma once

#include "message.hpp"
#include "service.hpp"

namespace stand_in {

Answer answer_request(Service& service, const Request& request);

// The API, as against the control endpoints and the output host.
bool is_api(std::string_view path);

}  // namespace stand_in
