// SPDX-License-Identifier: PostgreSQL
// The names under which the workers are registered: the exported main functions and what pg_stat_activity shows.
#pragma once

namespace atelier::pg {

constexpr const char* kExtension = "atelier";

constexpr const char* kLauncherMain = "atelier_launcher_main";
constexpr const char* kDispatcherMain = "atelier_dispatcher_main";
constexpr const char* kKeeperMain = "atelier_keeper_main";

constexpr const char* kLauncherType = "atelier launcher";
constexpr const char* kDispatcherType = "atelier dispatcher";
constexpr const char* kKeeperType = "atelier keeper";

}  // namespace atelier::pg
