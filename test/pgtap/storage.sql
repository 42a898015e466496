-- SPDX-License-Identifier: PostgreSQL
-- The storage service: three buckets, and files in the folder of their user only (H34). Tried on tables like those of the service.
BEGIN;
SELECT plan(90);
\ir lib/callers.sql

-- Where the platform has one, it is away meanwhile.
DROP SCHEMA IF EXISTS storage CASCADE;
SELECT is(atelier.has_storage(), false, 'a bare server has no storage service');
SELECT lives_ok('SELECT atelier.setup_storage()', 'which is no error');
SELECT is(to_regnamespace('storage'), NULL, 'and changes nothing');
SELECT is_empty('SELECT * FROM atelier.health_storage()', 'health has nothing to say');

CREATE SCHEMA storage;
CREATE TABLE storage.buckets (id text PRIMARY KEY, name text NOT NULL UNIQUE, owner uuid, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
                              public boolean DEFAULT false, avif_autodetection boolean DEFAULT false, file_size_limit bigint, allowed_mime_types text[]);
CREATE TABLE storage.objects (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), bucket_id text REFERENCES storage.buckets (id), name text, owner uuid, metadata jsonb,
                              UNIQUE (bucket_id, name));
ALTER TABLE storage.buckets ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA storage TO anon, authenticated, service_role;
GRANT ALL ON storage.buckets, storage.objects TO anon, authenticated, service_role;
-- The original's policies, and one that is the DBA's.
CREATE POLICY "Public read access for generations" ON storage.objects FOR SELECT USING (bucket_id = 'generations');
CREATE POLICY "Service role can upload to generations" ON storage.objects FOR INSERT WITH CHECK (bucket_id = 'generations');
CREATE POLICY "Service role can update generations" ON storage.objects FOR UPDATE USING (bucket_id = 'generations');
CREATE POLICY "Service role can delete from generations" ON storage.objects FOR DELETE USING (bucket_id = 'generations');
-- Those of 0.1.0.
CREATE POLICY atelier_objects_select_anon ON storage.objects FOR SELECT TO anon USING (bucket_id = 'generations');
CREATE POLICY atelier_objects_select ON storage.objects FOR SELECT TO authenticated USING (bucket_id = 'generations');
CREATE POLICY atelier_objects_insert ON storage.objects FOR INSERT TO authenticated WITH CHECK (split_part(name, '/', 1) = atelier.uid()::text);
CREATE POLICY atelier_objects_update ON storage.objects FOR UPDATE TO authenticated USING (split_part(name, '/', 1) = atelier.uid()::text);
CREATE POLICY of_the_dba ON storage.objects FOR SELECT TO authenticated USING (bucket_id = 'docs');
-- A bucket that is there already, open, with a limit of its own.
INSERT INTO storage.buckets (id, name, public, file_size_limit) VALUES ('lora-models', 'lora-models', true, 1000), ('docs', 'docs', true, NULL);

SELECT is((SELECT status || ' ' || hint FROM atelier.health_storage()), 'warn SELECT atelier.setup_storage();', 'health names what to call');
SELECT is(pg_temp.outcome(caller, 'SELECT atelier.setup_storage()'), '42501', caller || ' does not call it') FROM unnest(ARRAY['anon', 'ann', 'service_role']) caller;
SELECT atelier.setup_storage();
SELECT results_eq($$SELECT id, name, public, file_size_limit, cardinality(allowed_mime_types) FROM storage.buckets ORDER BY id$$,
                  $$VALUES ('docs', 'docs', true, NULL::bigint, NULL::integer), ('generations', 'generations', true, 524288000, 8), ('lora-models', 'lora-models', false, 1000, 4),
                           ('lora-training-images', 'lora-training-images', false, 524288000, 6)$$,
                  'the buckets: one public, two private, with limits; a limit that was there stays, other buckets too');
SELECT is((SELECT allowed_mime_types FROM storage.buckets WHERE id = 'generations'),
          '{image/jpeg,image/png,image/webp,image/gif,image/svg+xml,video/mp4,video/webm,video/quicktime}', 'pictures and videos');
SELECT set_eq($$SELECT polname::text FROM pg_policy WHERE polrelid = 'storage.objects'::regclass$$,
              ARRAY['atelier_objects_read_anon', 'atelier_objects_read', 'atelier_objects_add', 'atelier_objects_change', 'atelier_objects_delete', 'atelier_objects_service', 'of_the_dba'],
              'H34: the original''s policies are gone, the DBA''s own stays');
SELECT is((SELECT relrowsecurity FROM pg_class WHERE oid = 'storage.objects'::regclass), true, 'row level security is on');
SELECT is((SELECT status FROM atelier.health_storage()), 'ok', 'all is well');
CREATE TEMP TABLE before AS SELECT b.* FROM storage.buckets b;
SELECT lives_ok('SELECT atelier.setup_storage()', 'a second time');
SELECT set_eq('SELECT * FROM storage.buckets', 'SELECT * FROM before', 'changes nothing');

-- H34: who writes where. Folders: of ann, of bob, none, and names that look like one.
INSERT INTO storage.objects (bucket_id, name) SELECT b.id, u.id || '/file' FROM storage.buckets b, users u WHERE u.email LIKE '%@tap.test';
CREATE FUNCTION pg_temp.put(bucket text, folder text) RETURNS text LANGUAGE sql AS $$ SELECT format('INSERT INTO storage.objects (bucket_id, name) VALUES (%L, %L)', bucket, folder || '/new') $$;
SELECT is(pg_temp.outcome(v.caller, pg_temp.put(b.id, pg_temp.ann()::text)), v.result, format('H34: %s puts a file of ann into %s: %s', v.caller, b.id, v.result))
  FROM (VALUES ('anon', '42501'), ('nobody', '42501'), ('impostor', '42501'), ('bob', '42501'), ('ann', '1'), ('service_role', '1')) v (caller, result)
 CROSS JOIN atelier.wanted_buckets() b;
SELECT is(pg_temp.outcome('ann', pg_temp.put('generations', folder)), '42501', 'H34: ann puts nothing into ' || folder)
  FROM unnest(ARRAY['', 'inputs', 'x/' || pg_temp.ann(), pg_temp.ann() || 'x', upper(pg_temp.ann()::text), '../' || pg_temp.ann(), pg_temp.ann() || E'\\']) folder;
SELECT is(pg_temp.outcome('ann', format('INSERT INTO storage.objects (bucket_id, name) VALUES (''lora-models'', %L)', pg_temp.ann() || name)), result,
          format('H34: a file of ann called %s in her folder: %s', name, result))
  FROM (VALUES ('', '42501'), ('/', '42501'), ('//x', '42501'), ('/x/', '42501'), ('/.', '42501'), ('/..', '42501'), ('/../' || pg_temp.bob() || '/x', '42501'),
               ('/a/../../x', '42501'), ('/./x', '42501'), ('/a/..', '42501'),
               ('/.emptyFolderPlaceholder', '1'), ('/a..b', '1'), ('/..a/b.', '1'), ('/a/b/c.png', '1')) v (name, result);
SELECT is(pg_temp.outcome('ann', pg_temp.put('docs', pg_temp.ann()::text)), '42501', 'H34: nor into another bucket');
SELECT is(pg_temp.outcome('dan', pg_temp.put('generations', pg_temp.dan()::text)), '42501', 'H34: a deactivated user puts nothing anywhere');
-- Reads, changes and deletions: rows of the three people in the three buckets.
SELECT is(pg_temp.outcome(caller, 'SELECT FROM storage.objects WHERE bucket_id = ' || quote_literal(bucket)), rows, format('H34: %s reads %s of %s', caller, rows, bucket))
  FROM (VALUES ('anon', 'generations', '3'), ('anon', 'lora-models', '0'), ('anon', 'lora-training-images', '0'), ('anon', 'docs', '0'), ('nobody', 'generations', '3'),
               ('nobody', 'lora-models', '0'), ('ann', 'generations', '3'), ('ann', 'lora-models', '1'), ('ann', 'lora-training-images', '1'), ('ann', 'docs', '3'),
               ('dan', 'lora-models', '0'), ('service_role', 'lora-models', '3')) v (caller, bucket, rows);
SELECT is(pg_temp.outcome(caller, command), rows, format('H34: %s: %s of %s', split_part(command, ' ', 1), rows, caller))
  FROM (VALUES ('anon', '0'), ('nobody', '0'), ('impostor', '0'), ('ann', '3'), ('dan', '0'), ('service_role', '12')) v (caller, rows)
 CROSS JOIN unnest(ARRAY['UPDATE storage.objects SET metadata = ''{}''', 'DELETE FROM storage.objects']) command;
-- What users have put in through the app is named by its user, and is not to be listed; public_bucket_allows_listing of the platform's linter.
INSERT INTO storage.objects (bucket_id, name) VALUES ('generations', 'inputs/input-' || pg_temp.ann() || '-1.png');
SELECT is(pg_temp.outcome(caller, $$SELECT FROM storage.objects WHERE bucket_id = 'generations' AND name LIKE 'inputs/%'$$), rows, caller || ' lists no uploads')
  FROM (VALUES ('anon', '0'), ('nobody', '0'), ('bob', '0'), ('ann', '0'), ('service_role', '1')) v (caller, rows);
SELECT is_empty($$SELECT policyname FROM pg_policies WHERE schemaname = 'storage' AND tablename = 'objects' AND cmd IN ('SELECT', 'ALL')
                     AND roles && '{public,anon,authenticated}' AND coalesce(qual, 'true') ~* '^\s*\(*\s*(true|bucket_id\s*=\s*''generations''(::text)?)\s*\)*\s*$'$$,
                'no policy is for a whole public bucket');
SELECT is(pg_temp.outcome('ann', format('UPDATE storage.objects SET %s WHERE bucket_id = ''generations''', change)), '42501', 'H34: a file does not move: ' || change)
  FROM unnest(ARRAY['name = pg_temp.bob() || ''/new''', 'bucket_id = ''docs''', 'name = pg_temp.ann() || ''/../'' || pg_temp.bob() || ''/new''']) change;
CREATE POLICY open ON storage.objects FOR INSERT TO authenticated WITH CHECK (true);
SELECT is((SELECT status || ' ' || detail FROM atelier.health_storage()), 'warn further policies open the buckets: open', 'H34: health names a policy that opens them again');
SELECT * FROM finish();
ROLLBACK;
