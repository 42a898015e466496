// SPDX-License-Identifier: PostgreSQL
#include "pg/database_commands.hpp"

#include <string>
#include <vector>

#include "pg/compat.hpp"
#include "pg/entry.hpp"
#include "pg/guard.hpp"
#include "pg/kept_memory.hpp"
#include "pg/shmem.hpp"
#include "pg/worker.hpp"

extern "C" {
#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "tcop/utility.h"
}

namespace atelier::pg {

namespace {

constexpr int64_t kPatienceMs = 5000;

ProcessUtility_hook_type previous_hook = nullptr;

const char* option_text(const List* options, std::string_view name) {
  const ListCell* cell;
  foreach (cell, options) {
    auto* option = static_cast<DefElem*>(lfirst(cell));
    if (name == option->defname && option->arg != nullptr) return guard([&] { return defGetString(option); });
  }
  return nullptr;
}

// The database that the command needs for itself; null for every other command.
const char* database_needed_by(const Node* command) {
  switch (nodeTag(command)) {
    case T_DropdbStmt:
      return reinterpret_cast<const DropdbStmt*>(command)->dbname;
    case T_RenameStmt: {
      const auto* rename = reinterpret_cast<const RenameStmt*>(command);
      return rename->renameType == OBJECT_DATABASE ? rename->subname : nullptr;
    }
    case T_AlterDatabaseStmt: {
      const auto* alter = reinterpret_cast<const AlterDatabaseStmt*>(command);
      return option_text(alter->options, "tablespace") != nullptr ? alter->dbname : nullptr;
    }
    case T_CreatedbStmt:
      return option_text(reinterpret_cast<const CreatedbStmt*>(command)->options, "template");
    default:
      return nullptr;
  }
}

struct Call {
  PlannedStmt* statement;
  const char* query;
  bool read_only_tree;
  ProcessUtilityContext context;
  ParamListInfo parameters;
  QueryEnvironment* environment;
  DestReceiver* receiver;
  QueryCompletion* completion;

  void proceed() const {
    const auto next = previous_hook != nullptr ? previous_hook : standard_ProcessUtility;
    next(statement, query, read_only_tree, context, parameters, environment, receiver, completion);
  }
};

std::vector<int32_t> worker_pids(Oid database) {
  std::vector<int32_t> pids;
  for (const WorkerRow& row : worker_rows(database)) pids.push_back(row.pid);
  return pids;
}

void run_without_workers(const Call& call, Oid database) {
  bar_database(database, true);
  try {
    terminate_and_wait(worker_pids(database), kPatienceMs);
    guard([&] { call.proceed(); });
  } catch (...) {
    bar_database(database, false);
    throw;
  }
  if (nodeTag(call.statement->utilityStmt) == T_DropdbStmt) {
    forget_database(database);
    forget_kept_memory(database);
  } else {
    bar_database(database, false);
  }
}

void on_utility(PlannedStmt* statement, const char* query, bool read_only_tree, ProcessUtilityContext context,
                ParamListInfo parameters, QueryEnvironment* environment, DestReceiver* receiver,
                QueryCompletion* completion) {
  const Call call{statement, query, read_only_tree, context, parameters, environment, receiver, completion};
  const Oid database = enter([&]() -> Oid {
    const char* name = database_needed_by(statement->utilityStmt);
    if (name == nullptr) return InvalidOid;
    const Oid found = database_oid(name);
    // Whoever may not run the command must not be able to stop the workers with it.
    const bool may = OidIsValid(found) && guard([&] { return compat::owns_database(found); });
    return may && knows_database(found) ? found : InvalidOid;
  });
  // Everything else goes straight through: transaction control must not run below a guard.
  if (!OidIsValid(database)) return call.proceed();
  enter([&] { run_without_workers(call, database); });
}

}  // namespace

void watch_database_commands() {
  previous_hook = ProcessUtility_hook;
  ProcessUtility_hook = on_utility;
}

}  // namespace atelier::pg
