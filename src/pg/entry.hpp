// SPDX-License-Identifier: PostgreSQL
// How SQL reaches C++. Each SQL-callable function and each trigger is written with the macro below, which declares the
// C symbol atelier_<name>, catches every exception and hands it to PostgreSQL only after the catch block has been left
// (an ereport inside it would leak the exception). `enter_callback` does the same for hooks and callbacks
// that C code calls and that must not raise.
//
//   ATELIER_FUNCTION(uid) { ... return PointerGetDatum(...); }     // sees `fcinfo`
#pragma once

#include <exception>
#include <new>

#include "pg/error.hpp"
#include "pg/postgres.hpp"

namespace atelier::pg {

// Raises what an entry caught; `data` null means that memory is short. Never returns.
[[noreturn]] void raise(ErrorData* data);

// A palloc'ed error for an exception that is not pg::Error.
ErrorData* error_data_from(const char* what) noexcept;

template <typename Body>
auto enter(Body&& body) -> decltype(body()) {
  ErrorData* pending = nullptr;
  try {
    return body();
  } catch (const Error& error) {
    pending = error.to_error_data();
  } catch (const std::bad_alloc&) {
    pending = nullptr;
  } catch (const std::exception& error) {
    pending = error_data_from(error.what());
  } catch (...) {
    pending = error_data_from("unknown exception");
  }
  raise(pending);
}

// For callbacks of the server that must neither raise nor throw: what goes wrong becomes a server log line.
template <typename Body>
void enter_callback(const char* name, Body&& body) noexcept {
  try {
    body();
  } catch (const std::exception& error) {
    report(Level::warning, std::string("atelier: ") + name + " failed: " + error.what());
  } catch (...) {
    report(Level::warning, std::string("atelier: ") + name + " failed");
  }
}

}  // namespace atelier::pg

#define ATELIER_FUNCTION(name)                                                           \
  extern "C" {                                                                           \
  PG_FUNCTION_INFO_V1(atelier_##name);                                                   \
  PGDLLEXPORT Datum atelier_##name(PG_FUNCTION_ARGS);                                    \
  }                                                                                      \
  static Datum body_of_##name(FunctionCallInfo fcinfo);                                  \
  extern "C" Datum atelier_##name(PG_FUNCTION_ARGS) {                                    \
    return ::atelier::pg::enter([fcinfo]() -> Datum { return body_of_##name(fcinfo); }); \
  }                                                                                      \
  static Datum body_of_##name([[maybe_unused]] FunctionCallInfo fcinfo)

// The main function of a background worker: what it throws ends the process with an error in the server log.
#define ATELIER_WORKER(name)                                         \
  extern "C" PGDLLEXPORT void atelier_##name##_main(Datum argument); \
  static void body_of_##name();                                      \
  extern "C" void atelier_##name##_main(Datum) {                     \
    ::atelier::pg::enter([] { body_of_##name(); });                  \
  }                                                                  \
  static void body_of_##name()
