-- SPDX-License-Identifier: PostgreSQL
-- Opens a transaction as the signed-in user whose id is in the variable user, in the way PostgREST does for supabase-js.
-- The caller ends it with COMMIT.
BEGIN;
SELECT set_config('role', 'authenticated', true),
       set_config('request.jwt.claims', json_build_object('sub', :'user', 'role', 'authenticated')::text, true)
\g /dev/null
