// SPDX-License-Identifier: PostgreSQL
// PostgreSQL's memory contexts by scope. C++ values own themselves; palloc is used only for what goes back to the
// server, and these two classes say where that memory lives. Used by pg/, rpc/, trigger/ and the workers' loop.
#pragma once

#include "pg/postgres.hpp"

namespace atelier::pg {

// Makes `context` current until the end of the block.
class InContext {
 public:
  explicit InContext(MemoryContext context) noexcept : previous_(MemoryContextSwitchTo(context)) {}
  ~InContext() { MemoryContextSwitchTo(previous_); }
  InContext(const InContext&) = delete;
  InContext& operator=(const InContext&) = delete;

 private:
  MemoryContext previous_;
};

// A context of its own for one turn of a loop: current inside the block, emptied and deleted at its end.
class ScratchContext {
 public:
  explicit ScratchContext(const char* name);
  ~ScratchContext();
  ScratchContext(const ScratchContext&) = delete;
  ScratchContext& operator=(const ScratchContext&) = delete;

 private:
  MemoryContext previous_;
  MemoryContext context_;
};

}  // namespace atelier::pg
