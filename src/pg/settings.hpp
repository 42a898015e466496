// SPDX-License-Identifier: PostgreSQL
// The settings of atelier, as PostgreSQL's configuration variables. `define_settings` is called once, from _PG_init;
// everything else reads them through the functions below, in the units of their names. A changed configuration file
// takes effect at the next reload, ALTER DATABASE ... SET at the next start of the workers (or SELECT
// atelier.start_workers()).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace atelier::pg::settings {

void define_settings();

// What install() and CREATE EXTENSION read.
enum class Install { automatic, on, off };
Install install();
std::string app_schema();

// Whether tables that hold rows may be dropped.
bool allow_drop();

// Which databases get workers: `*` or a list of names.
bool wants_database(std::string_view name);

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
int max_queued_per_user();
int creates_per_minute();
int requests_per_minute();
int max_attempts();
int64_t image_deadline_s();
int64_t video_deadline_s();
int64_t safety_poll_ms();

// What users may spend.
bool models_only();
bool enforce_credits();
double daily_budget_usd();

enum class LogCalls { off, failures, creates, all };
LogCalls log_calls();
enum class Notify { off, failed, all };
Notify notify();

}  // namespace atelier::pg::settings
