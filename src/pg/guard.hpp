// SPDX-License-Identifier: PostgreSQL
// The one place where PostgreSQL's longjmp becomes a C++ exception. Every call of ours that may ereport runs inside
// `guard(lambda)`. The lambda must not own anything with a destructor: a jump leaves it without unwinding. Used by the
// rest of pg/ only; other folders call what pg/ wraps. FATAL and PANIC never come here, the server ends the process.
#pragma once

#include <csetjmp>
#include <type_traits>
#include <utility>

#include "pg/postgres.hpp"

namespace atelier::pg {

namespace detail {

// Where the server was before the guarded call, and how to get back there.
struct Mark {
  MemoryContext context;
  sigjmp_buf* exception_stack;
  ErrorContextCallback* error_context;
};

Mark mark() noexcept;
void return_to(const Mark& mark) noexcept;

// Takes the pending error off the server's stack and throws it as pg::Error.
[[noreturn]] void throw_pending(const Mark& mark);

}  // namespace detail

// Runs `call` and returns its result. Throws pg::Error when it raises; a C++ exception of its own passes through.
template <typename Call>
std::invoke_result_t<Call> guard(Call&& call) {
  using Result = std::invoke_result_t<Call>;
  static_assert(std::is_void_v<Result> || std::is_trivially_destructible_v<Result>,
                "a jump would skip the destructor of this result");
  const detail::Mark mark = detail::mark();
  sigjmp_buf here;
  if (sigsetjmp(here, 0) != 0) detail::throw_pending(mark);
  PG_exception_stack = &here;
  try {
    if constexpr (std::is_void_v<Result>) {
      std::forward<Call>(call)();
      detail::return_to(mark);
    } else {
      Result result = std::forward<Call>(call)();
      detail::return_to(mark);
      return result;
    }
  } catch (...) {
    detail::return_to(mark);
    throw;
  }
}

}  // namespace atelier::pg
