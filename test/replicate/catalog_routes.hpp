// SPDX-License-Identifier: PostgreSQL
// Everything the API tells that is no prediction: models and their versions, deployments, hardware, the account, the
// webhook secret, files. Called by the router.
#pragma once

#include "call.hpp"

namespace stand_in {

Answer get_account(const Call& call);
Answer get_hardware(const Call& call);
Answer get_webhook_secret(const Call& call);

Answer create_model(const Call& call);
Answer get_model(const Call& call);
Answer list_versions(const Call& call);
Answer get_version(const Call& call);
Answer get_deployment(const Call& call);

Answer create_file(const Call& call);
Answer list_files(const Call& call);
Answer get_file(const Call& call);
Answer delete_file(const Call& call);

}  // namespace stand_in
