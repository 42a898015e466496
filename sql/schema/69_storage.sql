-- SPDX-License-Identifier: PostgreSQL
-- The storage service's tables, where they are: three buckets with limits, and policies under which a user writes into his
-- own folder only. The first segment of a file's name is the folder, the id of its user.

CREATE FUNCTION atelier.wanted_buckets(OUT id text, OUT is_public boolean, OUT size_limit bigint, OUT mime_types text[])
RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  pictures CONSTANT text[] := '{image/jpeg,image/png,image/webp,image/gif}';
  most CONSTANT bigint := 500 * 1024 * 1024;
BEGIN
  RETURN QUERY VALUES
    ('generations', true, most, pictures || '{image/svg+xml,video/mp4,video/webm,video/quicktime}'),
    ('lora-training-images', false, most, pictures || '{application/zip,application/x-zip-compressed}'),
    ('lora-models', false, most, '{application/octet-stream,application/x-tar,application/gzip,application/zip}'::text[]);
END
$function$;
COMMENT ON FUNCTION atelier.wanted_buckets() IS 'the buckets of the app: name, whether everybody may read, largest file in bytes, types of files';

CREATE FUNCTION atelier.storage_policies(OUT name name, OUT rule text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  ours CONSTANT text := 'bucket_id IN (''generations'', ''lora-training-images'', ''lora-models'')';
  -- Results are for everybody to see; what users have uploaded is reached by its address, but not listed to others.
  seen CONSTANT text := 'bucket_id = ''generations'' AND split_part(name, ''/'', 1) <> ''inputs''';
  own CONSTANT text := ours || ' AND split_part(name, ''/'', 1) = atelier.uid()::text AND atelier.is_active_user()';
  -- A name that leads out of its folder when something takes it for a path, or that is the folder's, is none.
  inside CONSTANT text := own || ' AND split_part(name, ''/'', 2) <> '''' AND name !~ ''(^|/)\.{0,2}(/|$)''';
BEGIN
  RETURN QUERY
  SELECT w.name::name, w.rule
    FROM (VALUES
      ('atelier_objects_read_anon', format('FOR SELECT TO anon USING (%s)', seen)),
      ('atelier_objects_read', format('FOR SELECT TO authenticated USING ((%s) OR (%s))', seen, own)),
      ('atelier_objects_add', format('FOR INSERT TO authenticated WITH CHECK (%s)', inside)),
      ('atelier_objects_change', format('FOR UPDATE TO authenticated USING (%s) WITH CHECK (%s)', own, inside)),
      ('atelier_objects_delete', format('FOR DELETE TO authenticated USING (%s)', own)),
      ('atelier_objects_service', format('FOR ALL TO service_role USING (%1$s) WITH CHECK (%1$s)', ours)))
      AS w (name, rule);
END
$function$;
COMMENT ON FUNCTION atelier.storage_policies() IS 'the policies on storage.objects: name and rule';

CREATE FUNCTION atelier.has_storage() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN (SELECT count(*) = 5
            FROM (VALUES ('buckets', 'id'), ('buckets', 'name'), ('buckets', 'public'), ('objects', 'bucket_id'), ('objects', 'name'))
              AS w (relation, name)
            JOIN pg_class c ON c.relname = w.relation AND c.relkind IN ('r', 'p') AND c.relnamespace = to_regnamespace('storage')
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.name AND NOT a.attisdropped);
END
$function$;
COMMENT ON FUNCTION atelier.has_storage() IS 'whether there are tables storage.buckets and storage.objects as the storage service has them';

CREATE FUNCTION atelier.make_bucket(bucket text, is_public boolean, size_limit bigint, mime_types text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- Limits that somebody has set stay. Who may read is not a matter of taste: a public bucket asks no policy.
BEGIN
  INSERT INTO storage.buckets AS b (id, name, public) VALUES (bucket, bucket, is_public)
      ON CONFLICT (id) DO UPDATE SET public = EXCLUDED.public WHERE b.public IS DISTINCT FROM EXCLUDED.public;
  IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = 'storage.buckets'::regclass AND a.attname = 'file_size_limit') THEN
    UPDATE storage.buckets b SET file_size_limit = size_limit WHERE b.id = bucket AND b.file_size_limit IS NULL;
  END IF;
  IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = 'storage.buckets'::regclass AND a.attname = 'allowed_mime_types') THEN
    UPDATE storage.buckets b SET allowed_mime_types = mime_types WHERE b.id = bucket AND b.allowed_mime_types IS NULL;
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.make_bucket(text, boolean, bigint, text[]) IS 'creates a bucket, or completes one that exists';

CREATE FUNCTION atelier.open_storage_policies(OUT name name) RETURNS SETOF name
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF NOT atelier.has_storage() THEN
    RETURN;
  END IF;
  RETURN QUERY
  SELECT p.polname FROM pg_policy p
   WHERE p.polrelid = 'storage.objects'::regclass
     AND p.polname IN ('Public read access for generations', 'Service role can delete from generations',
                       'Service role can update generations', 'Service role can upload to generations',
                       'atelier_objects_select_anon', 'atelier_objects_select', 'atelier_objects_insert', 'atelier_objects_update');
END
$function$;
COMMENT ON FUNCTION atelier.open_storage_policies() IS 'policies on storage.objects that are there and give way to ours: the original''s let everybody write and delete files; those of 0.1.0 let everybody list what users had uploaded, and users name files out of their folder';

CREATE FUNCTION atelier.make_storage_policies() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN SELECT f.name FROM atelier.open_storage_policies() f LOOP
    EXECUTE format('DROP POLICY %I ON storage.objects', wanted.name);
  END LOOP;
  FOR wanted IN
    SELECT w.name, w.rule FROM atelier.storage_policies() w
     WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = 'storage.objects'::regclass AND p.polname = w.name)
  LOOP
    EXECUTE format('CREATE POLICY %I ON storage.objects %s', wanted.name, wanted.rule);
  END LOOP;
  IF NOT (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = 'storage.objects'::regclass) THEN
    ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
  END IF;
END
$function$;
COMMENT ON FUNCTION atelier.make_storage_policies() IS 'part of setup_storage(): the policies of the app''s files, in the place of former ones';

CREATE FUNCTION atelier.close_storage() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
-- The buckets are made by setup_storage(), when somebody asks for them; what is open is closed unasked.
BEGIN
  IF EXISTS (SELECT FROM atelier.open_storage_policies()) THEN
    PERFORM atelier.make_storage_policies();
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'policies of table storage.objects stay, under which everybody may write and delete the app''s files'
    USING DETAIL = 'The installing role may not change them.',
          HINT = 'Its owner, or a superuser: SELECT atelier.setup_storage();';
END
$function$;
COMMENT ON FUNCTION atelier.close_storage() IS 'replaces the original''s policies of files, where they are; part of install()';

CREATE FUNCTION atelier.setup_storage() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF NOT atelier.has_storage() THEN
    RAISE NOTICE 'there is no storage service in this database, nothing was changed'
      USING DETAIL = 'Tables storage.buckets and storage.objects do not exist.';
    RETURN;
  END IF;
  PERFORM atelier.make_bucket(b.id, b.is_public, b.size_limit, b.mime_types) FROM atelier.wanted_buckets() b;
  PERFORM atelier.make_storage_policies();
END
$function$;
COMMENT ON FUNCTION atelier.setup_storage() IS 'where there is a storage service, creates the app''s three buckets and the policies of their files; elsewhere it says so and changes nothing. For a role that may change the tables of schema storage';

CREATE FUNCTION atelier.health_storage(OUT check_name text, OUT status text, OUT detail text, OUT hint text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  relation oid := (SELECT c.oid FROM pg_class c
                    WHERE c.relname = 'objects' AND c.relnamespace = to_regnamespace('storage') AND c.relkind IN ('r', 'p'));
  others text;
BEGIN
  IF relation IS NULL THEN
    RETURN;
  END IF;
  check_name := 'storage'; status := 'ok'; detail := 'users write into their own folders'; hint := NULL;
  IF EXISTS (SELECT FROM atelier.storage_policies() w
              WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation AND p.polname = w.name))
     OR NOT (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = relation) THEN
    status := 'warn'; detail := 'the policies of the buckets are missing'; hint := 'SELECT atelier.setup_storage();';
  ELSE
    others := (SELECT string_agg(format('%I', p.polname), ', ') FROM pg_policy p
                WHERE p.polrelid = relation AND p.polpermissive
                  AND p.polname NOT IN (SELECT w.name FROM atelier.storage_policies() w)
                  AND pg_get_expr(coalesce(p.polwithcheck, p.polqual), relation) ~ 'generations|lora-|^true$');
    IF others IS NOT NULL THEN
      status := 'warn'; detail := 'further policies open the buckets: ' || others;
      hint := 'SELECT * FROM pg_policies WHERE schemaname = ''storage'' AND tablename = ''objects'';';
    END IF;
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION atelier.health_storage() OWNER TO atelier_owner;
COMMENT ON FUNCTION atelier.health_storage() IS 'part of health(), where there is a storage service: the policies on its files';
