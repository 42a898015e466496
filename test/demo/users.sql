-- SPDX-License-Identifier: PostgreSQL
-- The DBA's part: a pool of three tokens, two of account acme and one of account umbra, and three users of the app.
\ir people.sql

INSERT INTO replicate_tokens (token) VALUES
  ('r8_acme_demo_000000000000000000000000001'),
  ('r8_acme_demo_000000000000000000000000002'),
  ('r8_umbra_demo_00000000000000000000000003');

INSERT INTO users (id, email, display_name) VALUES
  (:'ada', 'ada@example.org', 'Ada'),
  (:'ben', 'ben@example.org', 'Ben'),
  (:'cleo', 'cleo@example.org', 'Cleo');
