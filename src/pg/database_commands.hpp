// SPDX-License-Identifier: PostgreSQL
// DROP, RENAME and SET TABLESPACE of a database, and CREATE DATABASE with it as template, need it free of other
// sessions. This hook stops atelier's workers there before such a command and lets them come back after it, so that no
// worker ever stands in a DBA's way. Installed by _PG_init under preload.
#pragma once

namespace atelier::pg {

void watch_database_commands();

}  // namespace atelier::pg
