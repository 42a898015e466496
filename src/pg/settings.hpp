// SPDX-License-Identifier: PostgreSQL
// The settings of atelier, as PostgreSQL's configuration variables. `define_settings` is called once, from _PG_init;
// everything else reads them through the functions below, in the units of their names. A changed configuration file
// takes effect at the next reload, ALTER DATABASE ... SET at the next start of the workers (or SELECT
// atelier.start_workers()).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atelier::pg::settings {

// What is wrong with a cron expression, or nullopt; pg/ does not read them itself.
using ScheduleProblem = std::optional<std::string>(const std::string&);

void define_settings(ScheduleProblem* schedule_problem);

// What install() and CREATE EXTENSION read.
enum class Install { automatic, on, off };
Install install();
std::string app_schema();

// Whether tables that hold rows may be dropped.
bool allow_drop();

// Which databases get workers: `*` or a list of names.
bool wants_database(std::string_view name);
std::string databases();

// The provider.
std::string api_base_url();
std::string api_ca_file();
std::string webhook_url();
bool is_loopback_api();

// Sending and watching; 0 means no limit where a limit is meant.
int max_transfers();
int64_t request_timeout_ms();
int64_t poll_interval_ms();
int user_concurrency();
int workspace_concurrency();
int max_queued_per_user();
int creates_per_minute();
int requests_per_minute();
int64_t rate_window_ms();  // a minute; shorter in tests
int max_attempts();
int64_t image_deadline_s();
int64_t video_deadline_s();
int64_t training_deadline_s();
int max_trainings_per_user();
std::string download_hosts();
int64_t safety_poll_ms();

// How large a value may be that somebody sends.
int max_prompt_chars();
int max_text_chars();
int max_url_chars();
int64_t max_json_bytes();
int64_t max_flow_node_bytes();
int max_json_depth();

// The keeper's jobs. Schedules are cron expressions, empty for never; a retention of 0 is for ever.
std::string refresh_schedule();
std::string cleanup_schedule();
std::string timezone();
int64_t generations_retention_min();
int64_t api_logs_retention_min();
int64_t attempts_retention_min();

// What users may spend.
bool models_only();
bool enforce_credits();
double daily_budget_usd();

enum class LogCalls { off, failures, creates, all };
LogCalls log_calls();
enum class Notify { off, failed, all };
Notify notify();

}  // namespace atelier::pg::settings
