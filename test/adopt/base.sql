-- SPDX-License-Identifier: PostgreSQL
-- The app's own database at its first stage: users, generations, tokens. Needs hosted.sql.
CREATE TABLE users (
  id uuid PRIMARY KEY DEFAULT extensions.uuid_generate_v4(),
  telegram_username text UNIQUE NOT NULL,
  telegram_id bigint UNIQUE,
  telegram_first_name text,
  telegram_last_name text,
  telegram_photo_url text,
  created_at timestamptz DEFAULT now(),
  last_login timestamptz DEFAULT now(),
  is_active boolean DEFAULT true,
  credits integer DEFAULT 100
);
CREATE TABLE generations (
  id uuid PRIMARY KEY DEFAULT extensions.uuid_generate_v4(),
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  action text NOT NULL CHECK (action IN ('create', 'edit', 'upscale', 'remove_bg')),
  model_id text NOT NULL,
  model_name text NOT NULL,
  replicate_model text NOT NULL,
  prompt text,
  input_image_url text,
  settings jsonb DEFAULT '{}',
  status text DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
  output_urls text[],
  replicate_prediction_id text UNIQUE,
  replicate_token_index integer,
  processing_time_ms integer,
  error_message text,
  cost_credits integer DEFAULT 1,
  created_at timestamptz DEFAULT now(),
  started_at timestamptz,
  completed_at timestamptz
);
CREATE TABLE replicate_tokens (
  id serial PRIMARY KEY,
  token text UNIQUE NOT NULL,
  is_active boolean DEFAULT true,
  last_used_at timestamptz,
  request_count integer DEFAULT 0,
  error_count integer DEFAULT 0,
  last_error text,
  last_error_at timestamptz,
  created_at timestamptz DEFAULT now()
);
CREATE INDEX idx_users_telegram_username ON users (telegram_username);
CREATE INDEX idx_users_telegram_id ON users (telegram_id);
CREATE INDEX idx_generations_user_id ON generations (user_id);
CREATE INDEX idx_generations_status ON generations (status);
CREATE INDEX idx_generations_created_at ON generations (created_at DESC);
CREATE INDEX idx_generations_action ON generations (action);
CREATE INDEX idx_generations_prediction_id ON generations (replicate_prediction_id);
CREATE INDEX idx_replicate_tokens_active ON replicate_tokens (is_active, last_used_at);

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE generations ENABLE ROW LEVEL SECURITY;
ALTER TABLE replicate_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can view own profile" ON users FOR SELECT USING (auth.uid() = id OR auth.role() = 'service_role');
CREATE POLICY "Users can update own profile" ON users FOR UPDATE USING (auth.uid() = id);
CREATE POLICY "Service role can insert users" ON users FOR INSERT WITH CHECK (auth.role() = 'service_role');
CREATE POLICY "Users can view own generations" ON generations FOR SELECT USING (auth.uid() = user_id OR auth.role() = 'service_role');
CREATE POLICY "Users can insert own generations" ON generations FOR INSERT WITH CHECK (auth.uid() = user_id);
CREATE POLICY "Users can update own generations" ON generations FOR UPDATE USING (auth.uid() = user_id);
CREATE POLICY "Service role can manage tokens" ON replicate_tokens FOR ALL USING (auth.role() = 'service_role');

CREATE FUNCTION get_next_replicate_token() RETURNS TABLE (id integer, token text) LANGUAGE plpgsql
AS $$
DECLARE
  chosen record;
BEGIN
  SELECT rt.id, rt.token INTO chosen FROM replicate_tokens rt WHERE rt.is_active
   ORDER BY rt.last_used_at NULLS FIRST, rt.request_count LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE replicate_tokens rt SET last_used_at = now(), request_count = rt.request_count + 1 WHERE rt.id = chosen.id;
    RETURN QUERY SELECT chosen.id, chosen.token;
  END IF;
END $$;
CREATE FUNCTION update_generation_status() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
  IF OLD.status = 'pending' AND NEW.status = 'processing' THEN
    NEW.started_at = now();
  END IF;
  IF OLD.status = 'processing' AND NEW.status IN ('completed', 'failed') THEN
    NEW.completed_at = now();
    NEW.processing_time_ms = extract(epoch FROM now() - NEW.started_at) * 1000;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER generation_status_trigger BEFORE UPDATE ON generations FOR EACH ROW EXECUTE FUNCTION update_generation_status();
CREATE VIEW admin_stats AS
  SELECT (SELECT count(*) FROM users WHERE is_active) AS total_users, (SELECT count(*) FROM generations) AS total_generations;
GRANT SELECT ON admin_stats TO authenticated, service_role;
