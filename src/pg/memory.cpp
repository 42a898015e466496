// SPDX-License-Identifier: PostgreSQL
#include "pg/memory.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace atelier::pg {

ScratchContext::ScratchContext(const char* name) : previous_(CurrentMemoryContext) {
  context_ = guard([&] { return AllocSetContextCreateInternal(TopMemoryContext, name, ALLOCSET_DEFAULT_SIZES); });
  MemoryContextSwitchTo(context_);
}

ScratchContext::~ScratchContext() {
  MemoryContextSwitchTo(previous_);
  MemoryContextDelete(context_);
}

}  // namespace atelier::pg
