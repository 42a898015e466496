-- SPDX-License-Identifier: PostgreSQL
-- Install step: the films that atelier drives, part by part.

CREATE FUNCTION atelier.step_films() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
BEGIN
  PERFORM atelier.make_table('atelier.film_parts', $table$
    generation_id uuid NOT NULL CONSTRAINT film_parts_pkey PRIMARY KEY,
    film_id uuid NOT NULL,
    ordinal smallint
  $table$);
  PERFORM atelier.make_index('atelier.film_parts_film_id_idx',
    'CREATE INDEX film_parts_film_id_idx ON atelier.film_parts (film_id)');
  PERFORM atelier.describe('atelier.film_parts', 'the parts of keyframe films that were handed over; a film without a row here is the app''s own', ARRAY[
    'generation_id', 'the part',
    'film_id', 'the generation with action video_keyframes that it belongs to',
    'ordinal', 'its place in the film from 0; null: it joins the others']);
END
$step$;
COMMENT ON FUNCTION atelier.step_films() IS 'install step: the parts of films';
