// SPDX-License-Identifier: PostgreSQL
#include "pg/column_default.hpp"

#include <map>
#include <utility>

#include "pg/catalog_version.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
#include "utils/memutils.h"
}

namespace atelier::pg {

namespace {

// A planned expression, kept in a memory context of its own; null when the column has no DEFAULT.
struct Cache {
  uint64_t version = 0;
  MemoryContext context = nullptr;
  std::map<std::pair<Oid, int>, Expr*> expressions;
};

Cache& cache() {
  static auto* kept = new Cache;
  const uint64_t version = catalog_version();
  if (kept->version == version) return *kept;
  kept->expressions.clear();
  guard([] {
    if (kept->context == nullptr)
      kept->context = AllocSetContextCreateInternal(TopMemoryContext, "atelier defaults", ALLOCSET_SMALL_SIZES);
    MemoryContextReset(kept->context);
  });
  kept->version = version;
  return *kept;
}

Expr* planned_default(Relation relation, int attribute) {
  Cache& kept = cache();
  const std::pair key(RelationGetRelid(relation), attribute);
  if (const auto known = kept.expressions.find(key); known != kept.expressions.end()) return known->second;
  Expr* planned = guard([&]() -> Expr* {
    Node* expression = build_column_default(relation, attribute);
    if (expression == nullptr) return nullptr;
    Expr* result = expression_planner(reinterpret_cast<Expr*>(expression));
    const MemoryContext caller = MemoryContextSwitchTo(kept.context);
    auto* copy = static_cast<Expr*>(copyObjectImpl(result));
    MemoryContextSwitchTo(caller);
    return copy;
  });
  kept.expressions.emplace(key, planned);
  return planned;
}

DefaultValue evaluate(Expr* expression, const FormData_pg_attribute& column) {
  DefaultValue result;
  guard([&] {
    // The cache may be emptied while the expression runs.
    auto* own = static_cast<Expr*>(copyObjectImpl(expression));
    EState* estate = CreateExecutorState();
    const MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);
    ExprState* state = ExecInitExpr(own, nullptr);
    MemoryContextSwitchTo(caller);
    const Datum computed = ExecEvalExprSwitchContext(state, GetPerTupleExprContext(estate), &result.null);
    result.value = result.null ? 0 : datumCopy(computed, column.attbyval, column.attlen);
    FreeExecutorState(estate);
  });
  return result;
}

}  // namespace

DefaultValue column_default(Relation relation, int attribute) {
  const FormData_pg_attribute& column = *TupleDescAttr(RelationGetDescr(relation), attribute - 1);
  if (!column.atthasdef) return {};
  Expr* expression = planned_default(relation, attribute);
  if (expression == nullptr) return {};
  if (!IsA(expression, Const)) return evaluate(expression, column);
  const auto* constant = reinterpret_cast<const Const*>(expression);
  if (constant->constisnull) return {};
  return {guard([&] { return datumCopy(constant->constvalue, constant->constbyval, constant->constlen); }), false};
}

}  // namespace atelier::pg
