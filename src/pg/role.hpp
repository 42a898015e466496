// SPDX-License-Identifier: PostgreSQL
// The role that a function runs as, which is what a connection cannot lie about, unlike a claim. Asked by functions of
// rpc/ that are no SECURITY DEFINER and check their caller themselves.
#pragma once

namespace atelier::pg {

// Whether row level security of atelier's tables does not apply to the current role: service_role and others with
// BYPASSRLS, superusers, and whoever has the rights of atelier_owner.
bool role_bypasses_policies();

}  // namespace atelier::pg
