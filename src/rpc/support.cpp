// SPDX-License-Identifier: PostgreSQL
// Support: answer_support_ticket().
#include "store/support.hpp"
#include "core/text.hpp"
#include "pg/entry.hpp"
#include "pg/settings.hpp"
#include "store/acting.hpp"
#include "store/caller.hpp"
#include "store/identity.hpp"

using namespace atelier;

namespace {

std::string checked_answer(std::string answer) {
  if (core::text::trim(answer).empty())
    pg::fail(pg::Code::invalid_parameter_value, "answer to a support ticket is empty");
  const auto most = static_cast<size_t>(pg::settings::max_text_chars());
  if (core::text::first_chars(answer, most).size() < answer.size())
    pg::fail(pg::Code::string_data_right_truncation,
             "answer to a support ticket exceeds the limit of " + std::to_string(most) + " characters",
             "It has " + std::to_string(answer.size()) + " bytes.",
             "Send less, or let an administrator raise atelier.max_text_chars.");
  return answer;
}

}  // namespace

// answer_support_ticket(ticket, answer): answers, and notifies the user the first time. Raises 42501 for others than
// admins, super_admins and service_role, 22023 for a ticket that does not exist and for an empty answer.
ATELIER_FUNCTION(answer_support_ticket) {
  store::acting::require_admin("answer support tickets");
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
    pg::fail(pg::Code::invalid_parameter_value, "a support ticket is answered by its id and a text");
  const auto ticket = pg::to_cpp<core::Uuid>(PG_GETARG_DATUM(0));
  const std::string answer = checked_answer(pg::to_cpp<std::string>(PG_GETARG_DATUM(1)));
  const std::optional<core::Uuid> answered_by = store::caller::identity().sub;
  store::identity::use_app_schema();
  if (!store::support::answer(ticket, answer, answered_by))
    pg::fail(pg::Code::invalid_parameter_value, "support ticket does not exist");
  return (Datum)0;
}
