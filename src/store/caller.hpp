// SPDX-License-Identifier: PostgreSQL
// Who is calling, for every function that has to know: the claims of the request, read from its settings. Cached per
// backend by comparing the settings' text. It trusts the settings: whoever may log in as `authenticated` by SQL can set
// them, the gateway is what makes them true.
#pragma once

#include "core/claims.hpp"

namespace atelier::store::caller {

// The caller; nobody when the claims are missing or malformed. Valid until the next call.
const core::Identity& identity();

}  // namespace atelier::store::caller
