// SPDX-License-Identifier: PostgreSQL
// The shared memory of atelier: which databases have workers, how to wake them, and what they say of themselves. A
// place is found by database oid; a worker is addressed by its number in the server's process array, so a stale one can
// at worst wake a stranger for nothing. With preload the space is reserved at server start; without, it is taken from
// the server's spare space at first use. No secret is ever written here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/postgres.hpp"

namespace atelier::pg {

enum class WorkerKind { dispatcher, keeper };

// What a worker says of itself, for views and health().
struct WorkerReport {
  int32_t in_flight = 0;  // HTTP requests without an answer
  int32_t running = 0;    // attempts that are sending, running or unknown
  int64_t accepted = 0;   // predictions created since the start
  int64_t finished = 0;   // results applied since the start
  int32_t unreached = 0;  // requests in a row that did not reach the provider
  char state[32] = "";    // starting, running, held, paused ...
};

struct WorkerRow {
  WorkerKind kind;
  int32_t pid;
  int64_t started_us;
  WorkerReport report;
};

// What the launcher has to know of a database.
struct DatabaseRow {
  Oid database;
  bool wanted;  // it has the extension, as far as is known
  bool barred;  // a command on the database itself is under way
  int32_t dispatcher_pid;
  int32_t keeper_pid;
};

// Called by _PG_init under preload.
void request_shared_memory();

// Announces the calling database to the launcher when the transaction commits.
void announce_database_at_commit();

// Wake the dispatcher of the calling database; the second form waits for the commit and forgets it on rollback.
void wake_dispatcher();
void wake_dispatcher_at_commit();
void wake_keeper();
// The same, and the dispatcher reads the tokens anew.
void note_tokens_changed_at_commit();
uint64_t tokens_version();
// Whether this transaction has changed tokens, which nobody else knows yet.
bool has_changed_tokens() noexcept;

// A worker claims its place; false when a live one of the same kind holds it. Given up at process exit.
bool claim_worker_place(WorkerKind kind);
// Whether this process holds such a place.
bool is_worker() noexcept;
bool has_keeper();
void publish(const WorkerReport& report);
std::vector<WorkerRow> worker_rows(Oid database);

// For the launcher.
void claim_launcher_place();
int32_t launcher_pid();
void wake_launcher();
std::vector<DatabaseRow> database_rows();

// Asks for workers in a database. A worker that finds no extension there withdraws the wish that it saw at its start,
// so that an announcement made in between is not lost.
void want_database(Oid database);
uint64_t wish_for(Oid database);
void withdraw_wish(Oid database, uint64_t wish);

// For the commands that need a database to be free of workers: no worker of it starts while barred.
void bar_database(Oid database, bool barred);
bool is_barred(Oid database);
bool knows_database(Oid database);
void forget_database(Oid database);

}  // namespace atelier::pg
