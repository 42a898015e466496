// SPDX-License-Identifier: PostgreSQL
// The server's base header, made safe for C++20. Every file that names a PostgreSQL type includes this one first,
// after the standard headers. It adds nothing of its own: what atelier builds on the server is in the other files
// of this folder. It must not be included from core, replicate or http.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
}

// port.h replaces these by macros, which would break their std:: namesakes.
#undef snprintf
#undef vsnprintf
#undef sprintf
#undef vsprintf
#undef fprintf
#undef vfprintf
#undef printf
#undef vprintf
#undef strerror
#undef gettext
#undef dgettext
#undef ngettext
#undef dngettext
