// SPDX-License-Identifier: PostgreSQL
// replicate_webhook(): the provider says that there is news of a prediction or a training. All it does is to bring the
// dispatcher's next look forward, which asks the provider itself; so a forged message could at most cost a question.
#include "store/webhooks.hpp"
#include "pg/entry.hpp"
#include "pg/fault.hpp"
#include "pg/hmac.hpp"
#include "pg/request.hpp"
#include "pg/result_set.hpp"
#include "pg/shmem.hpp"
#include "replicate/webhook.hpp"
#include "rpc/arguments.hpp"
#include "store/identity.hpp"

using namespace atelier;
using store::webhooks::Subject;

namespace {

constinit pg::RequestSetting headers_setting("request.headers");

[[noreturn]] void refuse(pg::Code code, const std::string& why) { pg::fail(code, "webhook refused: " + why); }

std::string code_of(const std::string& key, const std::string& id, const std::string& timestamp,
                    const std::string& body) {
  return pg::hmac_sha256(key, {id, ".", timestamp, ".", body});
}

// The id of the message, when one of the secrets has signed it.
std::string verified_id(const std::vector<std::string>& secrets, const std::string& body) {
  const replicate::ReadHeaders read = replicate::read_webhook_headers(headers_setting.value());
  if (!read) refuse(pg::Code::http_bad_request, read.error);
  const replicate::WebhookHeaders& headers = *read.headers;
  if (!replicate::is_recent(headers, pg::now().us / 1'000'000))
    refuse(pg::Code::http_bad_request, "its timestamp is more than five minutes away from this server's clock");
  for (const std::string& secret : secrets)
    if (const auto key = replicate::webhook_key(secret))
      if (replicate::is_signed_with(headers, code_of(*key, headers.id, headers.timestamp, body))) return headers.id;
  refuse(pg::Code::http_forbidden, "its signature is not the provider's");
}

const char* note(const std::optional<Subject>& about, const std::optional<std::string>& message_id,
                 const std::string& prediction_id) {
  if (message_id) {
    if (!store::webhooks::note_signed(*message_id, prediction_id, about)) return "duplicate";
    if (!about) return "unknown";
    return about->open ? "accepted" : "ended";
  }
  if (!about) return "unknown";
  if (!about->open) return "ended";
  return store::webhooks::note_unsigned(prediction_id, *about) ? "accepted" : "throttled";
}

}  // namespace

// replicate_webhook(body): one row with the number of the attempt, or t and that of the training, null when it is not
// known, and what was made of the message: accepted, duplicate, ended, unknown (signed: remembered for ten minutes),
// throttled. The gateway answers 204. Raises PT400 for a body or headers that are none and for a timestamp five minutes
// away, PT403 for a signature that no known secret has made; while none is known messages need no signature. For anon,
// by its grant.
ATELIER_FUNCTION(replicate_webhook) {
  pg::ResultSet result(fcinfo);
  const auto body = rpc::argument<std::string>(fcinfo, 0);
  if (!body) refuse(pg::Code::http_bad_request, "it has no body");
  store::identity::use_app_schema();
  const std::vector<std::string> secrets = store::webhooks::secrets();
  std::optional<std::string> message_id;
  if (!secrets.empty()) message_id = verified_id(secrets, *body);
  const auto subject = replicate::read_webhook(*body);
  if (!subject) refuse(pg::Code::http_bad_request, "its body is no prediction");

  ATELIER_FAULT(webhook_read);
  const std::optional<Subject> about =
      store::webhooks::find(subject->prediction_id, subject->attempt, subject->training, message_id.has_value());
  const std::string_view outcome = note(about, message_id, subject->prediction_id);
  ATELIER_FAULT(webhook_written);
  if (outcome == "accepted" || (outcome == "unknown" && message_id)) pg::wake_dispatcher_at_commit();
  pg::set_request_setting("response.status", "204");
  const auto attempt = about ? std::optional<std::string>(store::webhooks::name_of(*about)) : std::nullopt;
  result.add({pg::Arg::of(attempt), pg::Arg::of(outcome)});
  return (Datum)0;
}

// webhook_signature(secret, id, timestamp, body): the value of the header webhook-signature, as the provider makes it;
// null when the secret is none. To try one's own endpoint; for its owner and superusers.
ATELIER_FUNCTION(webhook_signature) {
  const auto key = replicate::webhook_key(pg::to_cpp<std::string>(PG_GETARG_DATUM(0)));
  if (!key) return rpc::null_result(fcinfo);
  const std::string code =
      code_of(*key, pg::to_cpp<std::string>(PG_GETARG_DATUM(1)), pg::to_cpp<std::string>(PG_GETARG_DATUM(2)),
              pg::to_cpp<std::string>(PG_GETARG_DATUM(3)));
  return pg::to_datum(std::string_view(replicate::webhook_signature(code)));
}
