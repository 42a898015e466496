// SPDX-License-Identifier: PostgreSQL
#include "pg/call_memory.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace atelier::pg {

SnapshotKey current_snapshot() noexcept {
  if (!ActiveSnapshotSet()) return {};
  const Snapshot snapshot = GetActiveSnapshot();
  return {snapshot->xmin, snapshot->xmax, snapshot->xcnt + static_cast<uint32_t>(snapshot->subxcnt), snapshot->curcid};
}

void* call_memory(FunctionCallInfo fcinfo, size_t bytes) {
  FmgrInfo* function = fcinfo->flinfo;
  if (function->fn_extra == nullptr)
    function->fn_extra = guard([&] { return MemoryContextAllocZero(function->fn_mcxt, bytes); });
  return function->fn_extra;
}

}  // namespace atelier::pg
