-- SPDX-License-Identifier: PostgreSQL
-- The one generation that the demo makes at the real provider.
\ir people.sql

INSERT INTO users (id, email, display_name) VALUES (:'ada', 'ada@example.org', 'Ada');

\set user :ada
\ir sign_in.sql
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, prompt) VALUES
  (auth.uid(), 'create', 'flux-schnell', 'FLUX schnell', 'black-forest-labs/flux-schnell', 'a red kettle on a windowsill');
COMMIT;
