// SPDX-License-Identifier: PostgreSQL
#include "pg/plain_call.hpp"

#include "pg/compat.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/planmain.h"
#include "utils/syscache.h"
}

namespace atelier::pg {

namespace {

// All of this is part of a guarded call.

HeapTuple function_behind(const FormData_pg_proc* wrapper) {
  return SearchSysCache3(PROCNAMEARGSNSP, CStringGetDatum(NameStr(wrapper->proname)),
                         PointerGetDatum(&wrapper->proargtypes), ObjectIdGetDatum(get_namespace_oid("atelier", true)));
}

bool is_plain(HeapTuple tuple) {
  const auto* function = reinterpret_cast<const FormData_pg_proc*>(GETSTRUCT(tuple));
  return function->prolang == ClanguageId && !function->prosecdef &&
         heap_attisnull(tuple, Anum_pg_proc_proconfig, nullptr);
}

bool may_stand_for(HeapTuple tuple, const FormData_pg_proc* wrapper) {
  const auto* function = reinterpret_cast<const FormData_pg_proc*>(GETSTRUCT(tuple));
  return is_plain(tuple) && function->prorettype == wrapper->prorettype && function->proretset == wrapper->proretset &&
         function->provolatile == wrapper->provolatile && function->proisstrict == wrapper->proisstrict &&
         compat::may_execute(wrapper->oid) && compat::may_execute(function->oid);
}

Node* simplified(const SupportRequestSimplify* request) {
  HeapTuple wrapper = SearchSysCache1(PROCOID, ObjectIdGetDatum(request->fcall->funcid));
  if (!HeapTupleIsValid(wrapper)) return nullptr;
  const auto* form = reinterpret_cast<const FormData_pg_proc*>(GETSTRUCT(wrapper));
  FuncExpr* call = nullptr;
  if (HeapTuple behind = function_behind(form); HeapTupleIsValid(behind)) {
    if (may_stand_for(behind, form)) {
      call = makeNode(FuncExpr);
      *call = *request->fcall;
      call->funcid = reinterpret_cast<const FormData_pg_proc*>(GETSTRUCT(behind))->oid;
      // A plan lives as long as the wrapper is what it was.
      if (request->root != nullptr) record_plan_function_dependency(request->root, request->fcall->funcid);
    }
    ReleaseSysCache(behind);
  }
  ReleaseSysCache(wrapper);
  return reinterpret_cast<Node*>(call);
}

}  // namespace

Datum plain_call(Datum request) {
  return PointerGetDatum(guard([&]() -> Node* {
    auto* node = static_cast<Node*>(static_cast<void*>(DatumGetPointer(request)));
    if (!IsA(node, SupportRequestSimplify)) return nullptr;
    return simplified(reinterpret_cast<SupportRequestSimplify*>(node));
  }));
}

}  // namespace atelier::pg
