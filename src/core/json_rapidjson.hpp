// SPDX-License-Identifier: PostgreSQL
// RapidJSON as this product uses it: its asserts throw, so that a mistake ends a statement and not the server. For the
// sources of core/json.hpp only; nobody else includes RapidJSON.
#pragma once

#include "core/json.hpp"

#define RAPIDJSON_ASSERT(condition) \
  static_cast<void>((condition) ? 0 : throw atelier::core::json::Error("misuse of JSON: " #condition))

// Its empty stack adds to a null pointer, which clang's sanitizer reports and nobody suffers from.
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("pointer-overflow"))), apply_to = function)
#endif
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#ifdef __clang__
#pragma clang attribute pop
#endif
