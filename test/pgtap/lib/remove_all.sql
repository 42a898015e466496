-- SPDX-License-Identifier: PostgreSQL
-- Included where a test installs the extension anew: takes away all that it has made, in the transaction of the test.
SET LOCAL client_min_messages = error;
SET LOCAL atelier.allow_drop = on;
DROP EXTENSION atelier CASCADE;
DROP OWNED BY atelier_owner CASCADE;
DROP SCHEMA atelier CASCADE;
