# SPDX-License-Identifier: PostgreSQL
# The catalog of a database as lines of text, for comparing two databases: all that a DBA would miss if a dump, an install
# or an upgrade lost it. Oids, names of internal triggers and the like do not appear.
#
#   my $fresh = catalog($node, 'fresh');
#   same_catalog(catalog($node, 'restored'), $fresh, 'a restored database is the same');
package Atelier::Catalog;
use strict;
use warnings;
use Exporter 'import';
use Test::More;

our @EXPORT = qw(catalog same_catalog);

# An access list that was never touched means the same as its written-out default. Schemas that are ours: atelier, auth
# and the app's; of the app's own schema only what our roles may do, since it may have been there before.
my $query = <<'SQL';
CREATE FUNCTION pg_temp.acl(acl aclitem[], kind "char", owner oid) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(string_agg(a::text, ' ' ORDER BY a::text), '') FROM unnest(coalesce(acl, acldefault(kind, owner))) a $$;
CREATE FUNCTION pg_temp.app() RETURNS oid LANGUAGE sql STABLE AS $$ SELECT '@app@'::regnamespace::oid $$;
CREATE FUNCTION pg_temp.ours() RETURNS SETOF oid LANGUAGE sql STABLE AS $$
  SELECT oid FROM pg_namespace WHERE nspname IN ('atelier', 'auth') OR oid = pg_temp.app() $$;
CREATE TEMP VIEW relations AS
  SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relnamespace IN (SELECT pg_temp.ours());
SELECT line FROM (
  SELECT format('schema %s owner %s acl %s comment %s', nspname, nspowner::regrole, pg_temp.acl(nspacl, 'n', nspowner),
                obj_description(oid, 'pg_namespace')) AS line
    FROM pg_namespace WHERE nspname IN ('atelier', 'auth')
  UNION ALL
  SELECT format('app schema: %s may use %s create %s', r, has_schema_privilege(r, pg_temp.app(), 'USAGE'),
                has_schema_privilege(r, pg_temp.app(), 'CREATE'))
    FROM unnest(ARRAY['anon', 'authenticated', 'service_role']) r
  UNION ALL
  SELECT format('relation %s kind %s persistence %s owner %s rls %s force %s identity %s options %s acl %s comment %s', name,
                relkind, relpersistence, relowner::regrole, relrowsecurity, relforcerowsecurity, relreplident, reloptions,
                pg_temp.acl(relacl, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner),
                obj_description(oid, 'pg_class'))
    FROM relations WHERE relkind <> 'i'
  UNION ALL
  SELECT format('column %s %s %s %s not null %s default %s identity %s generated %s storage %s statistics %s collation %s options %s acl %s comment %s',
                r.name, row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum), a.attname,
                format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity,
                a.attgenerated, a.attstorage, nullif(a.attstattarget, -1), a.attcollation::regcollation,
                (SELECT array_agg(o ORDER BY o) FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg\_%'),
                (SELECT string_agg(i::text, ' ' ORDER BY i::text) FROM unnest(a.attacl) i), col_description(r.oid, a.attnum))
    FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE r.relkind IN ('r', 'v', 'm', 'p')
  UNION ALL
  SELECT format('constraint %s on %s %s valid %s comment %s', c.conname, r.name, pg_get_constraintdef(c.oid), c.convalidated,
                obj_description(c.oid, 'pg_constraint'))
    FROM relations r JOIN pg_constraint c ON c.conrelid = r.oid
  UNION ALL
  SELECT format('index %s valid %s clustered %s options %s comment %s', pg_get_indexdef(i.indexrelid), i.indisvalid,
                i.indisclustered, c.reloptions, obj_description(i.indexrelid, 'pg_class'))
    FROM relations r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid
  UNION ALL
  SELECT format('policy %s on %s %s permissive %s to %s using %s check %s comment %s', p.polname, r.name, p.polcmd,
                p.polpermissive, (SELECT string_agg(x::regrole::text, ' ' ORDER BY x::regrole::text) FROM unnest(p.polroles) x),
                pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), obj_description(p.oid, 'pg_policy'))
    FROM relations r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL
  SELECT format('trigger %s enabled %s comment %s', pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger'))
    FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
  UNION ALL
  SELECT format('view %s %s', name, regexp_replace(pg_get_viewdef(oid), '\s+', ' ', 'g')) FROM relations WHERE relkind IN ('v', 'm')
  UNION ALL
  SELECT format('sequence %s of %s %s start %s step %s max %s cycle %s', r.name, d.refobjid::regclass, d.refobjsubid, s.seqstart,
                s.seqincrement, s.seqmax, s.seqcycle)
    FROM relations r JOIN pg_sequence s ON s.seqrelid = r.oid
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i')
         AND d.refclassid = 'pg_class'::regclass
  UNION ALL
  SELECT format('function %s member %s owner %s acl %s comment %s source %s', p.oid::regprocedure, EXISTS (
                  SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'),
                p.proowner::regrole, pg_temp.acl(p.proacl, 'f', p.proowner), obj_description(p.oid, 'pg_proc'),
                md5(pg_get_functiondef(p.oid)))
    FROM pg_proc p WHERE p.pronamespace IN (SELECT pg_temp.ours())
  UNION ALL
  SELECT format('grants that a dump would leave out: %s', pg_describe_object(i.classoid, i.objoid, i.objsubid))
    FROM pg_init_privs i
   WHERE i.privtype = 'e' AND (i.classoid, i.objoid) <> ('pg_namespace'::regclass, 'atelier'::regnamespace)
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = i.classoid AND d.objid = i.objoid AND d.deptype = 'e')
) lines ORDER BY line COLLATE "C";
SQL

sub catalog {
    my ($node, $database, $app_schema) = @_;
    $app_schema //= 'public';
    (my $sql = "SET search_path = pg_catalog; $query") =~ s/\@app\@/$app_schema/g;
    return [split /\n/, $node->safe_psql($database, $sql)];
}

# Passes when both have the same lines; shows the first of those that only one has.
sub same_catalog {
    my ($have, $want, $test) = @_;
    # An empty catalog would be equal to an empty catalog.
    return fail("$test: there is a catalog to compare") if @$want < 150;
    my (%have, %want);
    @have{@$have} = ();
    @want{@$want} = ();
    my @wrong = ((map {"missing: $_"} grep { !exists $have{$_} } @$want), (map {"unexpected: $_"} grep { !exists $want{$_} } @$have));
    return ok(!@wrong && @$have == @$want, $test)
      || diag(join "\n", scalar(@wrong) . ' differences', @wrong > 12 ? @wrong[0 .. 11] : @wrong);
}

1;
