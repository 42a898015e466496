// SPDX-License-Identifier: PostgreSQL
#include "pg/settings.hpp"

#include <climits>
#include <exception>

#include "pg/error.hpp"
#include "pg/fault.hpp"
#include "pg/guard.hpp"
#include "pg/time_zone.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "utils/guc.h"
#include "utils/varlena.h"
}

namespace atelier::pg::settings {

namespace {

constexpr int kDayMin = 24 * 60;
constexpr int kLongestRetentionMin = 100 * 365 * kDayMin;

ScheduleProblem* problem_of_schedule = nullptr;

char* app_schema_value = nullptr;
char* databases_value = nullptr;
char* api_base_url_value = nullptr;
char* api_ca_file_value = nullptr;
char* webhook_url_value = nullptr;
char* refresh_schedule_value = nullptr;
char* cleanup_schedule_value = nullptr;
char* timezone_value = nullptr;
int install_value = 0;
bool allow_drop_value = false;
int max_transfers_value = 128;
int request_timeout_value = 30000;
int poll_interval_value = 1000;
int user_concurrency_value = 5;
int workspace_concurrency_value = 0;
int max_queued_per_user_value = 1000;
int creates_per_minute_value = 600;
int requests_per_minute_value = 3000;
int rate_window_value = 60'000;
int max_attempts_value = 3;
int image_deadline_value = 5 * 60;
int video_deadline_value = 30 * 60;
int training_deadline_value = 2 * 3600;
int max_trainings_per_user_value = 1;
char* download_hosts_value = nullptr;
int generations_retention_value = 90 * kDayMin;
int api_logs_retention_value = 30 * kDayMin;
int attempts_retention_value = 90 * kDayMin;
int safety_poll_value = 5000;
int max_prompt_chars_value = 20'000;
int max_text_chars_value = 10'000;
int max_url_chars_value = 2'048;
int max_json_size_value = 256;
int max_flow_node_size_value = 8 * 1024;
int max_json_depth_value = 64;
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

// The attempt's id is appended, and the provider takes 2,048 bytes.
constexpr size_t kMostWebhookBytes = 2'000;

bool check_webhook_url(char** value, void** extra, GucSource source) {
  if (strlen(*value) <= kMostWebhookBytes) return check_url(value, extra, source);
  GUC_check_errdetail("The URL has %zu bytes, and at most %zu are sent along.", strlen(*value), kMostWebhookBytes);
  return false;
}

// Errors end at the postmaster's start-up, where there is nobody to catch an exception.
bool check_schedule(char** value, void**, GucSource) {
  std::optional<std::string> problem;
  try {
    problem = problem_of_schedule(*value);
  } catch (const std::exception&) {
    return false;
  }
  if (problem) GUC_check_errdetail("%s", problem->c_str());
  return !problem;
}

bool check_timezone(char** value, void**, GucSource) {
  if (is_time_zone(*value)) return true;
  GUC_check_errdetail("It must be a time zone that the server knows, such as UTC or Europe/Berlin.");
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

void define_size_limits() {
  number_setting("atelier.max_prompt_chars", "Most characters of a generation's prompt.",
                 "A longer one is refused, whoever sends it; rows that are there stay.", &max_prompt_chars_value, 1,
                 10'000'000);
  number_setting("atelier.max_text_chars", "Most characters of any other text that a user writes.",
                 "A longer one is refused; rows that are there stay.", &max_text_chars_value, 1, 10'000'000);
  number_setting("atelier.max_url_chars", "Most characters of a URL that a user writes.",
                 "A longer one is refused, and so is an image that is sent as a data: URL instead of being stored.",
                 &max_url_chars_value, 1, 10'000'000);
  number_setting("atelier.max_json_size", "Most bytes of settings, of replicate_input and of what a message carries.",
                 "A larger one is refused; each generation keeps both for ever.", &max_json_size_value, 1, 256 * 1024,
                 GUC_UNIT_KB);
  number_setting("atelier.max_flow_node_size", "Most bytes of the data of a flow's node.",
                 "A larger one is refused; the app sends every node again each time it saves a flow.",
                 &max_flow_node_size_value, 1, 256 * 1024, GUC_UNIT_KB);
  // What is nested deeper than 64 levels could not be sent to the provider.
  number_setting("atelier.max_json_depth", "Most levels of arrays and objects in JSON that a user writes.",
                 "What is nested deeper is refused.", &max_json_depth_value, 1, 64);
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
               check_webhook_url);
  number_setting("atelier.max_transfers", "Most HTTP requests that are outstanding at once.",
                 "More needs more sockets and memory of the dispatcher.", &max_transfers_value, 1, 2000);
  number_setting("atelier.request_timeout", "Time after which a request without an answer is given up.",
                 "A creating request that was given up is looked up at the provider before it is sent again.",
                 &request_timeout_value, 100, 10 * 60 * 1000, GUC_UNIT_MS);
  number_setting("atelier.poll_interval", "Time between the creation of a prediction and the first look at it.",
                 "Later looks follow at growing intervals.", &poll_interval_value, 10, 60 * 1000, GUC_UNIT_MS);
  number_setting("atelier.user_concurrency", "Most predictions of one user that run at once; 0 for no limit.",
                 "Further rows of that user wait in the queue.", &user_concurrency_value, 0, 100000);
  number_setting("atelier.workspace_concurrency", "Most predictions of one workspace that run at once; 0 for no limit.",
                 "Further rows of that workspace wait in the queue, in whose order its members take turns.",
                 &workspace_concurrency_value, 0, 100000);
  number_setting("atelier.max_queued_per_user",
                 "Most generations of one user that are pending or queued at once; 0 for no limit.",
                 "Further ones are refused; service_role is exempt.", &max_queued_per_user_value, 0, 1000000);
  number_setting("atelier.creates_per_minute",
                 "Most creating requests per provider account and minute; 0 for no limit.",
                 "Replicate refuses more than 600.", &creates_per_minute_value, 0, 1000000);
  number_setting("atelier.requests_per_minute", "Most other requests per provider account and minute; 0 for no limit.",
                 "Replicate refuses more than 3000; polling slows down as the limit comes near.",
                 &requests_per_minute_value, 0, 1000000);
#ifdef ATELIER_FAULT_POINTS
  number_setting("atelier.rate_window", "The minute of creates_per_minute and requests_per_minute, for tests.",
                 "Exists in the build with fault points only.", &rate_window_value, 100, 60 * 1000,
                 GUC_UNIT_MS | GUC_NO_SHOW_ALL);
#endif
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
  number_setting("atelier.training_deadline", "Time that the training of a LoRA may take before it is cancelled.",
                 "Counted from the request that started it.", &training_deadline_value, 5, 7 * 24 * 3600, GUC_UNIT_S);
  number_setting("atelier.max_trainings_per_user", "Most trainings of one user that are under way; 0 for no limit.",
                 "Further ones are refused.", &max_trainings_per_user_value, 0, 1000);
  text_setting("atelier.download_hosts",
               "Hosts that training pictures are downloaded from, comma-separated; *.example.org for all below one.",
               "public allows every https host with a public address. Empty: no picture is downloaded.",
               &download_hosts_value, "");
  number_setting("atelier.safety_poll", "Time after which the dispatcher looks at the queue without being woken.",
                 "Covers prepared transactions and rows whose backoff has ended; one index probe each time.",
                 &safety_poll_value, 100, 5 * 60 * 1000, GUC_UNIT_MS);
  define_size_limits();
  text_setting("atelier.refresh_schedule", "When refresh_admin_stats() runs, as a cron expression; empty for never.",
               "A run that finds nothing changed writes nothing.", &refresh_schedule_value, "*/5 * * * *",
               check_schedule);
  text_setting("atelier.cleanup_schedule",
               "When old failed and cancelled generations are deleted, as a cron expression; empty for never.",
               "How old they have to be is atelier.generations_retention.", &cleanup_schedule_value, "0 3 * * 0",
               check_schedule);
  text_setting("atelier.timezone", "Time zone of the schedules.",
               "A time that the clocks skip is due right after; one that comes twice is due once.", &timezone_value,
               "UTC", check_timezone);
  number_setting("atelier.generations_retention",
                 "Age at which the scheduled cleanup deletes failed and cancelled generations; 0 for never.",
                 "Their files stay where they are and are listed in atelier.orphaned_files.",
                 &generations_retention_value, 0, kLongestRetentionMin, GUC_UNIT_MIN);
  number_setting("atelier.api_logs_retention", "Age at which rows of api_logs are deleted; 0 keeps them for ever.",
                 "Looked after once an hour.", &api_logs_retention_value, 0, kLongestRetentionMin, GUC_UNIT_MIN);
  number_setting("atelier.attempts_retention",
                 "Age at which attempts that have ended are forgotten; 0 keeps them for ever.",
                 "Attempts of generations that wait or run are kept however old they are.", &attempts_retention_value,
                 0, kLongestRetentionMin, GUC_UNIT_MIN);
  choice_setting(
      "atelier.log_calls", "Which calls to the provider get a row in api_logs.",
      "creates logs creating and cancelling calls and every failure, all also polls, failures only failures.",
      &log_calls_value, static_cast<int>(LogCalls::creates), kLogCallsOptions);
  choice_setting("atelier.notify", "Which ended generations notify their user.",
                 "failed writes a notification for failures only, all for completed ones too.", &notify_value,
                 static_cast<int>(Notify::off), kNotifyOptions);
  fault::define_settings();
  MarkGUCPrefixReserved("atelier");
}

std::string text(const char* value) { return value == nullptr ? std::string() : std::string(value); }

}  // namespace

void define_settings(ScheduleProblem* schedule_problem) {
  problem_of_schedule = schedule_problem;
  guard([] { define_all(); });
}

bool allow_drop() { return allow_drop_value; }
Install install() { return static_cast<Install>(install_value); }
std::string app_schema() { return text(app_schema_value); }

std::string databases() { return text(databases_value); }

bool wants_database(std::string_view name) {
  const std::string list = databases();
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
int workspace_concurrency() { return workspace_concurrency_value; }
int max_queued_per_user() { return max_queued_per_user_value; }
int creates_per_minute() { return creates_per_minute_value; }
int requests_per_minute() { return requests_per_minute_value; }
int64_t rate_window_ms() { return rate_window_value; }
int max_attempts() { return max_attempts_value; }
int64_t image_deadline_s() { return image_deadline_value; }
int64_t video_deadline_s() { return video_deadline_value; }
int64_t training_deadline_s() { return training_deadline_value; }
int max_trainings_per_user() { return max_trainings_per_user_value; }
std::string download_hosts() { return text(download_hosts_value); }
int64_t safety_poll_ms() { return safety_poll_value; }
int max_prompt_chars() { return max_prompt_chars_value; }
int max_text_chars() { return max_text_chars_value; }
int max_url_chars() { return max_url_chars_value; }
int64_t max_json_bytes() { return int64_t{max_json_size_value} * 1024; }
int64_t max_flow_node_bytes() { return int64_t{max_flow_node_size_value} * 1024; }
int max_json_depth() { return max_json_depth_value; }
std::string refresh_schedule() { return text(refresh_schedule_value); }
std::string cleanup_schedule() { return text(cleanup_schedule_value); }
std::string timezone() { return text(timezone_value); }
int64_t generations_retention_min() { return generations_retention_value; }
int64_t api_logs_retention_min() { return api_logs_retention_value; }
int64_t attempts_retention_min() { return attempts_retention_value; }
bool models_only() { return models_only_value; }
bool enforce_credits() { return enforce_credits_value; }
double daily_budget_usd() { return daily_budget_usd_value; }
LogCalls log_calls() { return static_cast<LogCalls>(log_calls_value); }
Notify notify() { return static_cast<Notify>(notify_value); }

}  // namespace atelier::pg::settings
