-- SPDX-License-Identifier: PostgreSQL
-- Install step 15: ideas and votes, support tickets.

CREATE FUNCTION atelier.step_ideas_and_support() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('@app@.ideas', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT ideas_pkey PRIMARY KEY,
    title varchar(255) NOT NULL,
    description text,
    votes_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    user_id uuid CONSTRAINT ideas_user_id_fkey REFERENCES @app@.users (id) ON DELETE SET NULL,
    votes integer GENERATED ALWAYS AS (votes_count) STORED,
    author_id uuid GENERATED ALWAYS AS (user_id) STORED
  $table$);
  PERFORM atelier.make_index('@app@.ideas_list_idx', 'CREATE INDEX ideas_list_idx ON @app@.ideas (votes_count DESC, created_at DESC)');
  PERFORM atelier.make_index('@app@.ideas_user_id_idx',
    'CREATE INDEX ideas_user_id_idx ON @app@.ideas (user_id) WHERE user_id IS NOT NULL');
  PERFORM atelier.describe('@app@.ideas', 'what users wish for', ARRAY[
    'id', 'id of the idea',
    'title', 'one line',
    'description', 'the whole of it',
    'votes_count', 'number of votes, kept by trigger',
    'created_at', 'when it was written',
    'updated_at', 'when it was voted on last',
    'user_id', 'its author; null: nobody''s',
    'votes', 'the same as votes_count, for reading only',
    'author_id', 'the same as user_id, for reading only']);

  PERFORM atelier.make_table('@app@.idea_votes', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT idea_votes_pkey PRIMARY KEY,
    idea_id uuid NOT NULL CONSTRAINT idea_votes_idea_id_fkey REFERENCES @app@.ideas (id) ON DELETE CASCADE,
    user_id uuid NOT NULL CONSTRAINT idea_votes_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idea_votes_idea_id_user_id_key UNIQUE (idea_id, user_id)
  $table$);
  PERFORM atelier.make_index('@app@.idea_votes_user_id_idx', 'CREATE INDEX idea_votes_user_id_idx ON @app@.idea_votes (user_id)');
  PERFORM atelier.describe('@app@.idea_votes', 'who voted for which idea', ARRAY[
    'id', 'id of the vote',
    'idea_id', 'the idea',
    'user_id', 'the voter, once per idea',
    'created_at', 'when']);

  PERFORM atelier.make_table('@app@.support_tickets', $table$
    id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT support_tickets_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT support_tickets_user_id_fkey REFERENCES @app@.users (id) ON DELETE CASCADE,
    subject varchar(255),
    message text NOT NULL CONSTRAINT support_tickets_message_check CHECK (length(message) <= 4000),
    status text NOT NULL DEFAULT 'open'
      CONSTRAINT support_tickets_status_check CHECK (status IN ('open', 'in_progress', 'answered', 'closed')),
    images text[] CONSTRAINT support_tickets_images_check CHECK (cardinality(images) <= 5),
    telegram_message_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    answer text,
    answered_by uuid CONSTRAINT support_tickets_answered_by_fkey REFERENCES @app@.users (id) ON DELETE SET NULL,
    answered_at timestamptz
  $table$);
  PERFORM atelier.make_index('@app@.support_tickets_user_list_idx',
    'CREATE INDEX support_tickets_user_list_idx ON @app@.support_tickets (user_id, created_at DESC)');
  PERFORM atelier.make_index('@app@.support_tickets_answered_by_idx',
    'CREATE INDEX support_tickets_answered_by_idx ON @app@.support_tickets (answered_by) WHERE answered_by IS NOT NULL');
  PERFORM atelier.make_index('@app@.support_tickets_open_idx',
    $ddl$CREATE INDEX support_tickets_open_idx ON @app@.support_tickets (created_at) WHERE status IN ('open', 'in_progress')$ddl$);
  PERFORM atelier.describe('@app@.support_tickets', 'requests for help', ARRAY[
    'id', 'id of the ticket',
    'user_id', 'who asks',
    'subject', 'one line',
    'message', 'the request, at most 4,000 characters',
    'status', 'open, in_progress, answered or closed',
    'images', 'URLs of at most five pictures',
    'telegram_message_id', 'id of the message at Telegram',
    'created_at', 'when it was asked',
    'updated_at', 'when the row was changed last',
    'answer', 'the answer',
    'answered_by', 'who answered',
    'answered_at', 'when']);
END
$step$;
COMMENT ON FUNCTION atelier.step_ideas_and_support() IS 'install step: ideas, votes and support tickets';
