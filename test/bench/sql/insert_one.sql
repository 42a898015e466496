-- SPDX-License-Identifier: PostgreSQL
-- The transaction of the latency case, for pgbench: one queued row in a transaction of its own, numbered by its prompt.
\set user random(1, 100)
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, prompt, status)
VALUES (bench.user_id(:user), 'create', 'bench', 'Bench', 'sim/ok', 'wire ' || nextval('bench.wire'), 'queued');
