// SPDX-License-Identifier: PostgreSQL
#include "pg/settings.hpp"

#include <climits>

#include "pg/error.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "utils/guc.h"
#include "utils/varlena.h"
}

namespace atelier::pg::settings {

namespace {

char* app_schema_value = nullptr;
char* databases_value = nullptr;
char* api_base_url_value = nullptr;
char* api_ca_file_value = nullptr;
char* webhook_url_value = nullptr;
int install_value = 0;
bool allow_drop_value = false;
int max_transfers_value = 128;
int request_timeout_value = 30000;
int poll_interval_value = 1000;
int user_concurrency_value = 5;
int max_queued_per_user_value = 1000;
int creates_per_minute_value = 600;
int requests_per_minute_value = 3000;
int max_attempts_value = 3;
int image_deadline_value = 15 * 60;
int video_deadline_value = 45 * 60;
int safety_poll_value = 5000;
bool models_only_value = false;
bool enforce_credits_value = false;
double daily_budget_usd_value = 0;
int log_calls_value = static_cast<int>(LogCalls::creates);
int notify_value = 0;

const config_enum_entry kInstallOptions[] = {{"auto", static_cast<int>(Install::automatic), false},
                                             {"on", static_cast<int>(Install::on), false},
                                             {"off", static_cast<int>(Install::off), false},
                                             {nullptr, 0, false}};
const config_enum_entry kLogCallsOptions[] = {{"off", static_cast<int>(LogCalls::off), false},
                                              {"failures", static_cast<int>(LogCalls::failures), false},
                                              {"creates", static_cast<int>(LogCalls::creates), false},
                                              {"all", static_cast<int>(LogCalls::all), false},
                                              {nullptr, 0, false}};
const config_enum_entry kNotifyOptions[] = {{"off", static_cast<int>(Notify::off), false},
                                            {"failed", static_cast<int>(Notify::failed), false},
                                            {"all", static_cast<int>(Notify::all), false},
                                            {nullptr, 0, false}};

std::string_view host_of(std::string_view url) {
  const size_t start = url.find("://");
  if (start == std::string_view::npos) return {};
  std::string_view rest = url.substr(start + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (rest.find('@') != std::string_view::npos) return {};
  if (!rest.empty() && rest.front() == '[') {
    const size_t end = rest.find(']') + 1;
    return end == 0 || (end < rest.size() && rest[end] != ':') ? std::string_view() : rest.substr(0, end);
  }
  return rest.substr(0, rest.find(':'));
}

bool is_loopback(std::string_view host) { return host == "127.0.0.1" || host == "[::1]" || host == "localhost"; }

// https anywhere, http on this machine only: the token travels in a header.
bool acceptable_url(std::string_view url) {
  for (const char c : url)
    if (c <= ' ' || c == 0x7f) return false;
  const std::string_view host = host_of(url);
  if (host.empty()) return false;
  if (url.substr(0, 8) == "https://") return true;
  return url.substr(0, 7) == "http://" && is_loopback(host);
}

bool check_url(char** value, void**, GucSource) {
  if (**value == '\0' || acceptable_url(*value)) return true;
  GUC_check_errdetail("The URL must start with https://, or with http:// and name a loopback host.");
  return false;
}

bool check_api_url(char** value, void** extra, GucSource source) {
  if (**value != '\0') return check_url(value, extra, source);
  GUC_check_errdetail("The URL must not be empty.");
  return false;
}

void text_setting(const char* name, const char* summary, const char* details, char** place, const char* standard,
                  GucStringCheckHook check = nullptr) {
  DefineCustomStringVariable(name, summary, details, place, standard, PGC_SUSET, GUC_SUPERUSER_ONLY, check, nullptr,
                             nullptr);
}

void number_setting(const char* name, const char* summary, const char* details, int* place, int least, int most,
                    int unit = 0) {
  DefineCustomIntVariable(name, summary, details, place, *place, least, most, PGC_SUSET, unit, nullptr, nullptr,
                          nullptr);
}

void switch_setting(const char* name, const char* summary, const char* details, bool* place) {
  DefineCustomBoolVariable(name, summary, details, place, *place, PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

void amount_setting(const char* name, const char* summary, const char* details, double* place, double least,
                    double most) {
  DefineCustomRealVariable(name, summary, details, place, *place, least, most, PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

void choice_setting(const char* name, const char* summary, const char* details, int* place, int standard,
                    const config_enum_entry* options) {
  DefineCustomEnumVariable(name, summary, details, place, standard, options, PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

void define_all() {
  text_setting("atelier.app_schema", "Schema of the tables, views and functions that the app sees.",
               "Read by atelier.install() when it runs for the first time in a database; later changes have no effect.",
               &app_schema_value, "public");
  choice_setting("atelier.install", "Whether CREATE EXTENSION makes the tables.",
                 "auto makes them unless a dump is being restored; off leaves that to SELECT atelier.install().",
                 &install_value, static_cast<int>(Install::automatic), kInstallOptions);
  DefineCustomBoolVariable(
      "atelier.allow_drop", "Whether tables of atelier that hold rows may be dropped.",
      "Off, DROP of such a table, of its schema or of what its owner owns is refused; needs preload.",
      &allow_drop_value, false, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  text_setting("atelier.databases", "Databases in which workers run: * or a comma-separated list of names.",
               "A database that is not named here keeps its queue, but nothing is dispatched from it.",
               &databases_value, "*");
  text_setting("atelier.api_base_url", "Base URL of the Replicate API, without a trailing slash.",
               "Tokens are sent to this host. https, or http on a loopback address for tests.", &api_base_url_value,
               "https://api.replicate.com/v1", check_api_url);
  text_setting("atelier.api_ca_file", "File with the certificates that the API host is checked against.",
               "Empty takes the system's certificates.", &api_ca_file_value, "");
  text_setting("atelier.webhook_url", "URL under which the provider reaches replicate_webhook; empty for none.",
               "Results arrive by polling in any case; a webhook only brings them earlier.", &webhook_url_value, "",
               check_url);
  number_setting("atelier.max_transfers", "Most HTTP requests that are outstanding at once.",
                 "More needs more sockets and memory of the dispatcher.", &max_transfers_value, 1, 2000);
  number_setting("atelier.request_timeout", "Time after which a request without an answer is given up.",
                 "A creating request that was given up is looked up at the provider before it is sent again.",
                 &request_timeout_value, 100, 10 * 60 * 1000, GUC_UNIT_MS);
  number_setting("atelier.poll_interval", "Time between the creation of a prediction and the first look at it.",
                 "Later looks follow at growing intervals.", &poll_interval_value, 10, 60 * 1000, GUC_UNIT_MS);
  number_setting("atelier.user_concurrency", "Most predictions of one user that run at once; 0 for no limit.",
                 "Further rows of that user wait in the queue.", &user_concurrency_value, 0, 100000);
  number_setting("atelier.max_queued_per_user",
                 "Most generations of one user that are pending or queued at once; 0 for no limit.",
                 "Further ones are refused; service_role is exempt.", &max_queued_per_user_value, 0, 1000000);
  number_setting("atelier.creates_per_minute",
                 "Most creating requests per provider account and minute; 0 for no limit.",
                 "Replicate refuses more than 600.", &creates_per_minute_value, 0, 1000000);
  number_setting("atelier.requests_per_minute", "Most other requests per provider account and minute; 0 for no limit.",
                 "Replicate refuses more than 3000; polling slows down as the limit comes near.",
                 &requests_per_minute_value, 0, 1000000);
  number_setting("atelier.max_attempts", "Most predictions that are created for one generation.",
                 "Each is paid for; only failures that are known to pass are tried again.", &max_attempts_value, 1, 10);
  switch_setting("atelier.models_only", "Whether users may queue only the models of atelier.models.",
                 "On, other models are refused; service_role is exempt. Off, users may spend on every model.",
                 &models_only_value);
  switch_setting("atelier.enforce_credits", "Whether a generation is queued only while its user's credits suffice.",
                 "On, its credits are held when it is queued and given back when it is not completed.",
                 &enforce_credits_value);
  amount_setting("atelier.daily_budget_usd", "Most dollars that are spent in a day (UTC); 0 for no limit.",
                 "Once predictions that ended today have cost as much, no further ones are sent, and rows wait.",
                 &daily_budget_usd_value, 0, 1e9);
  number_setting("atelier.image_deadline", "Time that an image or text prediction may take before it is cancelled.",
                 "Sent to the provider with the request, which stops the prediction by itself.", &image_deadline_value,
                 5, 24 * 3600, GUC_UNIT_S);
  number_setting("atelier.video_deadline", "Time that a video prediction may take before it is cancelled.",
                 "Sent to the provider with the request, which stops the prediction by itself.", &video_deadline_value,
                 5, 24 * 3600, GUC_UNIT_S);
  number_setting("atelier.safety_poll", "Time after which the dispatcher looks at the queue without being woken.",
                 "Covers prepared transactions and rows whose backoff has ended; one index probe each time.",
                 &safety_poll_value, 100, 5 * 60 * 1000, GUC_UNIT_MS);
  choice_setting(
      "atelier.log_calls", "Which calls to the provider get a row in api_logs.",
      "creates logs creating and cancelling calls and every failure, all also polls, failures only failures.",
      &log_calls_value, static_cast<int>(LogCalls::creates), kLogCallsOptions);
  choice_setting("atelier.notify", "Which ended generations notify their user.",
                 "failed writes a notification for failures only, all for completed ones too.", &notify_value,
                 static_cast<int>(Notify::off), kNotifyOptions);
  MarkGUCPrefixReserved("atelier");
}

std::string text(const char* value) { return value == nullptr ? std::string() : std::string(value); }

}  // namespace

void define_settings() {
  guard([] { define_all(); });
}

bool allow_drop() { return allow_drop_value; }
Install install() { return static_cast<Install>(install_value); }
std::string app_schema() { return text(app_schema_value); }

bool wants_database(std::string_view name) {
  const std::string list = text(databases_value);
  if (list == "*") return true;
  bool found = false;
  guard([&] {
    List* names = NIL;
    char* copy = pstrdup(list.c_str());
    if (!SplitIdentifierString(copy, ',', &names)) return;
    ListCell* cell;
    foreach (cell, names)
      if (name == static_cast<const char*>(lfirst(cell))) found = true;
  });
  return found;
}

std::string api_base_url() {
  std::string url = text(api_base_url_value);
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}
std::string api_ca_file() { return text(api_ca_file_value); }
std::string webhook_url() { return text(webhook_url_value); }
bool is_loopback_api() { return is_loopback(host_of(api_base_url_value)); }

int max_transfers() { return max_transfers_value; }
int64_t request_timeout_ms() { return request_timeout_value; }
int64_t poll_interval_ms() { return poll_interval_value; }
int user_concurrency() { return user_concurrency_value; }
int max_queued_per_user() { return max_queued_per_user_value; }
int creates_per_minute() { return creates_per_minute_value; }
int requests_per_minute() { return requests_per_minute_value; }
int max_attempts() { return max_attempts_value; }
int64_t image_deadline_s() { return image_deadline_value; }
int64_t video_deadline_s() { return video_deadline_value; }
int64_t safety_poll_ms() { return safety_poll_value; }
bool models_only() { return models_only_value; }
bool enforce_credits() { return enforce_credits_value; }
double daily_budget_usd() { return daily_budget_usd_value; }
LogCalls log_calls() { return static_cast<LogCalls>(log_calls_value); }
Notify notify() { return static_cast<Notify>(notify_value); }

}  // namespace atelier::pg::settings
