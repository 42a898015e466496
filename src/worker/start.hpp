// SPDX-License-Identifier: PostgreSQL
// Starting the workers of a database and the first steps both kinds share. Called by the launcher, by start_workers()
// and by the workers' main functions; module.cpp registers the launcher.
#pragma once

#include <functional>

#include "pg/shmem.hpp"
#include "pg/worker.hpp"

namespace atelier::worker {

// Registers the launcher; only while shared_preload_libraries is being loaded.
void register_launcher();

// The life of a worker process: connects to the database in the process's argument, leaves when it is not wanted there
// (no extension, a standby, another worker of this kind, a barred database), else runs `body`, which does not return.
// Whether this database has the extension and is one of atelier.databases. In a transaction.
bool is_wanted();

void run_worker(pg::WorkerKind kind, const std::function<void()>& body);

}  // namespace atelier::worker
