// SPDX-License-Identifier: PostgreSQL
// start_lora_training(): a user hands the training of a LoRA over.
#include "store/trainings.hpp"
#include "pg/entry.hpp"
#include "pg/role.hpp"
#include "rpc/arguments.hpp"
#include "store/caller.hpp"
#include "store/identity.hpp"
#include "store/rights.hpp"

using namespace atelier;

// start_lora_training(lora): raises 42501 for others than its user, active, and service_role; a stranger does not
// learn whether it exists.
ATELIER_FUNCTION(start_lora_training) {
  const auto lora = rpc::argument<core::Uuid>(fcinfo, 0);
  const bool app = pg::role_bypasses_policies();
  if (app && !lora) pg::fail(pg::Code::invalid_parameter_value, "a LoRA is named by its id");
  store::identity::use_app_schema();
  const auto user = lora ? store::trainings::user_of(*lora) : std::nullopt;
  if (!app && (!user || store::caller::identity().sub != user || !store::rights::is_active_user()))
    pg::fail(pg::Code::insufficient_privilege, "a user may only train LoRAs of his own",
             "The LoRA is another user's or does not exist, or the signed-in user is not active.");
  return pg::to_datum(store::trainings::start(*lora));
}
