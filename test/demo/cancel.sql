-- SPDX-License-Identifier: PostgreSQL
-- Ada has seen enough of the film that takes too long: she asks for its end, and the provider is told.
\ir people.sql
\set user :ada
\ir sign_in.sql
UPDATE generations SET status = 'cancelled' WHERE prompt = 'a film that takes too long';
COMMIT;
