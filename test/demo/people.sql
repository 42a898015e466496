-- SPDX-License-Identifier: PostgreSQL
-- The ids of the demo's three users, as psql variables.
\set ada '00000000-0000-4000-8000-00000000000a'
\set ben '00000000-0000-4000-8000-00000000000b'
\set cleo '00000000-0000-4000-8000-00000000000c'
