# SPDX-License-Identifier: PostgreSQL
# ALTER EXTENSION atelier UPDATE from 0.1.0: the database ends as a fresh install would be, all rows stay and so does what a DBA
# has made; before it the database works with the new library; dumps of 0.1.0 are brought to this version by install().
# What happens to dispatch meanwhile is in 082_update_dispatch.pl.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Catalog;
use Atelier::Queue;
use Atelier::Rows;
use Atelier::Update;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = atelier_node('update', settings => { 'atelier.databases' => '', max_worker_processes => 8 }, extension => 0);
skip_without_old_script($node);
my $folder = PostgreSQL::Test::Utils::tempdir();
my $version = $node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'atelier'");
isnt($version, kOld, "the present version is $version");

create_extension($node, new_database($node, 'fresh'));
my $fresh = catalog($node, 'fresh');
my $steps = $node->safe_psql('fresh', 'SELECT max(version) FROM atelier.migrations');

# What a DBA does to tables that are his own. None of it is touched by a later version.
my $of_dba = <<'SQL';
ALTER TABLE flows ADD budget numeric(8, 2) DEFAULT 1.5 CHECK (budget >= 0);
ALTER TABLE generations ADD campaign text;
CREATE INDEX campaign_idx ON generations (campaign);
CREATE POLICY flows_cheap ON flows AS RESTRICTIVE FOR SELECT TO authenticated USING (budget < 100);
CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.budget := 99; RETURN NEW; END $$;
CREATE TRIGGER mark BEFORE INSERT ON flows FOR EACH ROW EXECUTE FUNCTION mark();
ALTER TABLE flow_comments DISABLE TRIGGER touch_trigger;
ALTER TABLE assistant_messages SET (autovacuum_enabled = off);
DROP INDEX flow_nodes_created_by_idx;
ALTER TABLE idea_votes DROP CONSTRAINT idea_votes_user_id_fkey;
GRANT SELECT (title) ON ideas TO anon;
COMMENT ON TABLE ideas IS 'ours';
COMMENT ON COLUMN ideas.title IS 'in short';
COMMENT ON POLICY flows_select ON flows IS 'ours too';
CREATE VIEW unread AS SELECT user_id, count(*) FROM notifications WHERE NOT is_read GROUP BY 1;
CREATE VIEW waiting AS SELECT waiting FROM atelier.queue_status;
GRANT SELECT ON atelier.queue_status TO pg_monitor;
CREATE TABLE invoices (id serial PRIMARY KEY, user_id uuid REFERENCES users (id));
CREATE POLICY own_invoices ON invoices FOR SELECT TO authenticated USING (user_id = atelier.uid());
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY, OWNER TO atelier_owner;
SQL

# A dump has no rows of materialized views; a restore computes them.
sub live_in {
    my ($database) = @_;
    fill_tables($node, $database, old => 1);
    return $node->safe_psql($database, "$of_dba REFRESH MATERIALIZED VIEW mv_admin_stats");
}

# The rows of all tables as they were before: their columns then, without what the update itself writes.
sub rows_of {
    my ($database, $columns) = @_;
    $columns //= { map { split /\|/ } split /\n/, $node->safe_psql($database, <<'SQL') };
SELECT format('%I.%I', n.nspname, c.relname) || '|' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE n.nspname IN ('public', 'atelier') AND c.relkind IN ('r', 'm') AND c.relname NOT IN ('migrations', 'made')
 GROUP BY n.nspname, c.relname
SQL
    my %rows = map { $_ => $node->safe_psql($database, "SET timezone = 'UTC'; SELECT ROW($columns->{$_}) FROM $_ ORDER BY 1") } keys %$columns;
    return (\%rows, $columns);
}

subtest 'what has to be written by hand' => sub {
    old_database($node, 'by_hand');
    my ($old, $new) = (members($node, 'by_hand'), members($node, 'fresh'));
    cmp_ok(scalar(keys %$old), '>', 200, 'the old version has functions');
    my $file = 'sql/upgrade/' . kOld . "--$version.sql";
    my $written = slurp_file("$FindBin::RealBin/../../$file");
    for my $function (sort grep { exists $new->{$_} && $new->{$_} ne $old->{$_} } keys %$old) {
        (my $name = $function) =~ s/\(.*//;
        like($written, qr/^DROP (?:FUNCTION|PROCEDURE|ROUTINE) \Q$name\E\(/m,
            "$function has another result or other names of arguments than in " . kOld . ": $file has to drop it before it is made anew");
    }
    $node->safe_psql('by_hand', <<'SQL');
CREATE FUNCTION atelier.former() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION atelier.formerly() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT atelier.former(); END;
ALTER EXTENSION atelier ADD FUNCTION atelier.former();
ALTER EXTENSION atelier ADD FUNCTION atelier.formerly();
SQL
    update_extension($node, 'by_hand');
    is_deeply(members($node, 'by_hand'), $new, 'after the update the extension has the functions of a fresh one, and no other');
    is($node->safe_psql('by_hand', "SELECT count(*) FROM pg_proc WHERE proname LIKE 'former%'"), 0, 'those without use are dropped');
};

subtest 'upgraded is as fresh' => sub {
    old_database($node, 'upgraded');
    isnt(scalar(@{ only_in(catalog($node, 'upgraded'), $fresh) }), 0, 'before the update it is another one');
    update_extension($node, 'upgraded');
    same_catalog(catalog($node, 'upgraded'), $fresh, 'after it the catalog is that of a fresh install, columns in order');
    is($node->safe_psql('upgraded', "SELECT extversion FROM pg_extension WHERE extname = 'atelier'"), $version, 'the version is the present one');
    my $made = 'SELECT kind, relation, object, statement, definition FROM atelier.made ORDER BY 1, 2, 3';
    is($node->safe_psql('upgraded', $made), $node->safe_psql('fresh', $made), 'and it remembers the same');
    is($node->safe_psql('upgraded', 'SELECT count(*), max(version) FROM atelier.migrations'), "$steps|$steps", 'each step is recorded once');
    is(health_line($node, 'upgraded'), health_line($node, 'fresh'), 'health() says the same');
    $node->safe_psql('upgraded', 'SELECT atelier.install()');
    same_catalog(catalog($node, 'upgraded'), $fresh, 'install() again changes nothing');

    # In a transaction and a savepoint of somebody, right after it was made.
    new_database($node, 'at_once');
    $node->safe_psql('at_once', "BEGIN; CREATE EXTENSION atelier VERSION '@{[kOld]}'; SAVEPOINT s; ALTER EXTENSION atelier UPDATE; COMMIT");
    same_catalog(catalog($node, 'at_once'), $fresh, 'also at once');

    old_database($node, 'elsewhere', 'atelier.app_schema' => 'My App');
    update_extension($node, 'elsewhere');
    new_database($node, 'fresh_elsewhere');
    $node->safe_psql('fresh_elsewhere', q(SET atelier.app_schema = 'My App'; CREATE EXTENSION atelier));
    same_catalog(catalog($node, 'elsewhere', '"My App"'), catalog($node, 'fresh_elsewhere', '"My App"'), 'also in another app schema');
};

subtest 'rows and what a DBA has made' => sub {
    old_database($node, 'plain');
    my $plain = catalog($node, 'plain');
    old_database($node, 'lived_in');
    live_in('lived_in');
    cmp_ok($node->safe_psql('lived_in', 'SELECT count(*) FROM public.generations'), '>', 4, 'there are rows');
    my $lived_in = catalog($node, 'lived_in');
    my ($rows, $columns) = rows_of('lived_in');
    my $sequences = $node->safe_psql('lived_in', 'SELECT sequencename, last_value FROM pg_sequences ORDER BY 1');
    my $files = 'SELECT c.oid::regclass, c.relfilenode FROM pg_class c WHERE c.oid = ANY (\'{public.generations,public.users}\'::regclass[]) ORDER BY 1';
    my $before = $node->safe_psql('lived_in', $files);
    my (undef, undef, $error) = $node->psql('lived_in', 'ALTER EXTENSION atelier UPDATE', on_error_die => 1);
    unlike($error // '', qr/stays/, 'the update keeps nothing back');

    my ($after) = rows_of('lived_in', $columns);
    for my $table (sort keys %$rows) {
        is($after->{$table}, $rows->{$table}, "$table: the rows are the same") if $after->{$table} ne $rows->{$table};
    }
    is(scalar(grep { $after->{$_} ne $rows->{$_} } keys %$rows), 0, scalar(keys %$rows) . ' tables have the same rows');
    is($node->safe_psql('lived_in', 'SELECT sequencename, last_value FROM pg_sequences WHERE sequencename IN (' . join(', ',
        map { "'" . (split /\|/)[0] . "'" } split /\n/, $sequences) . ') ORDER BY 1'), $sequences, 'the sequences stand where they stood');
    is($node->safe_psql('lived_in', $files), $before, 'the large tables were not copied');
    is($node->safe_psql('lived_in', 'SELECT count(*) FROM atelier.queue'), 2, 'what was queued is queued');

    my $updated = without_order(catalog($node, 'lived_in'));
    my ($was, $is) = (without_order($lived_in), without_order($fresh));
    my $wanted = without_order($plain);
    is_deeply(only_in($updated, $is), only_in($was, $wanted), 'all that the DBA has made is there')
      or diag(join "\n", @{ only_in(only_in($updated, $is), only_in($was, $wanted)) });
    is_deeply(only_in($is, $updated), only_in($wanted, $was), 'what he has dropped or replaced is not back');
};

# The database of an app that 0.1.0 has adopted.
subtest 'adopted, then upgraded' => sub {
    my $comparable = sub {
        [sort map { s/^constraint \S+ on/constraint on/r } grep { !/^(?:schema auth|function auth)| (?:on )?auth\.users/ } @{ without_order($_[0]) }];
    };
    new_database($node, 'adopted');
    $node->safe_psql('adopted', slurp_file("$FindBin::RealBin/../adopt/$_.sql")) for qw(hosted base later later_rules data);
    $node->safe_psql('adopted', "CREATE EXTENSION atelier VERSION '@{[kOld]}'");
    update_extension($node, 'adopted');
    same_catalog($comparable->(catalog($node, 'adopted')), $comparable->($fresh), 'is as fresh, as sets');
    is($node->safe_psql('adopted', 'SELECT dispatch FROM atelier.identity'), 'held', 'and still holds');
};

# Whatever the SQL of the old version calls is still there, and needs nothing that the old tables lack.
subtest 'before the update' => sub {
    old_database($node, 'waiting');
    fill_tables($node, 'waiting', old => 1);
    my $calls = $node->safe_psql('waiting', <<'SQL');
SELECT format('SELECT * FROM atelier.%I(%s)', p.proname, (SELECT string_agg(format('NULL::%s', t::regtype), ', ') FROM unnest(p.proargtypes) t))
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'c'
 WHERE p.pronamespace = 'atelier'::regnamespace AND p.prorettype <> 'trigger'::regtype AND p.proname NOT IN ('start_workers', 'announce') ORDER BY 1
SQL
    my $user = substr($node->safe_psql('waiting', 'SELECT min(id::text) FROM public.users'), 0, 36);
    for my $call (split /\n/, $calls) {
        my ($status, $out, $error) = $node->psql('waiting', qq(SET request.jwt.claims = '{"sub":"$user","role":"authenticated"}'; $call));
        unlike($error, qr/(?:relation|column|function|type) .* does not exist|could not find function|terminated|newer than the library/, $call);
    }
    my @life = (
        "INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt) VALUES ('$user', 'create', 'm', 'M', 'sim/instant', 'new')",
        "UPDATE public.generations SET is_favorite = true WHERE prompt = 'new'",
        "UPDATE public.generations SET status = 'cancelled' WHERE prompt = 'new'",
        "SELECT public.poll_generations()", "SELECT * FROM public.get_generation_counts('$user')",
        "INSERT INTO public.flows (user_id, name) VALUES ('$user', 'F')",
        "UPDATE public.users SET display_name = 'D' WHERE id = '$user'",
        "SELECT public.mark_all_notifications_read('$user')", "INSERT INTO public.ideas (title, user_id) VALUES ('I', '$user')",
        "INSERT INTO public.idea_votes (idea_id, user_id) SELECT id, '$user' FROM public.ideas WHERE title = 'I'",
        "INSERT INTO public.support_tickets (user_id, message) VALUES ('$user', 'help')",
        "INSERT INTO public.assistant_conversations (user_id) VALUES ('$user')");
    for my $statement (@life) {
        my ($status, $out, $error) = $node->psql('waiting', Atelier::signed_in($user, $statement), on_error_stop => 1);
        is($status, 0, $statement) or diag($error);
    }
    my @of_app = ("INSERT INTO public.workspaces (name, slug, created_by) VALUES ('W', 'waiting', '$user')",
        "UPDATE public.generations SET status = 'processing' WHERE status = 'queued'",
        "UPDATE public.generations SET status = 'completed', output_url = 'https://o.test/1.png' WHERE status = 'processing'",
        'SELECT * FROM public.get_next_replicate_token()', 'SELECT public.refresh_admin_stats()', 'SELECT public.cleanup_old_generations(1)',
        "DELETE FROM public.users WHERE id = '$user'");
    for my $statement (@of_app) {
        my ($status, $out, $error) = $node->psql('waiting', "SET ROLE service_role; SET request.jwt.claims = '{\"role\":\"service_role\"}'; $statement", on_error_stop => 1);
        is($status, 0, $statement) or diag($error);
    }
    my ($status, $out, $error) = $node->psql('waiting', 'BEGIN; TRUNCATE public.generations CASCADE; ROLLBACK', on_error_stop => 1);
    is($status, 0, 'TRUNCATE') or diag($error);
    ($status, $out, $error) = $node->psql('waiting', 'SELECT * FROM atelier.health()');
    like($error, qr/WARNING:  extension atelier is older than its library.*HINT:  Run ALTER EXTENSION atelier UPDATE;/s, 'health() warns');
    my $tables = health($node, 'tables', 'waiting');
    is($tables->{status}, 'fail', 'health() fails');
    like($tables->{hint}, qr/ALTER EXTENSION atelier UPDATE;$/, 'and says what to run');
    $node->safe_psql('waiting', 'SELECT atelier.install()');
    is($node->safe_psql('waiting', 'SELECT max(version) FROM atelier.migrations'), 16, 'its install() goes on working');
    update_extension($node, 'waiting');
    same_catalog(catalog($node, 'waiting'), $fresh, 'and the update comes when the DBA likes');
};

subtest 'refused' => sub {
    old_database($node, 'refused');
    # As the library of 0.1.0 would answer, or that of a later version.
    my $other = sub { "CREATE OR REPLACE FUNCTION atelier.code_table_version() RETURNS integer LANGUAGE sql STABLE AS 'SELECT $_[0]'" };
    $node->safe_psql('refused', $other->(15));
    my $before = catalog($node, 'refused');
    my ($status, $out, $error) = $node->psql('refused', 'ALTER EXTENSION atelier UPDATE');
    like($error, qr/another version of the library of atelier.*HINT:  Restart the server/s, 'by a server that was not restarted');
    same_catalog(catalog($node, 'refused'), $before, 'nothing is changed');

    old_database($node, 'needed');
    $node->safe_psql('needed', <<'SQL');
CREATE FUNCTION atelier.former() RETURNS integer LANGUAGE sql AS 'SELECT 1';
ALTER EXTENSION atelier ADD FUNCTION atelier.former();
CREATE VIEW public.of_dba AS SELECT atelier.former();
SQL
    $before = catalog($node, 'needed');
    ($status, $out, $error) = $node->psql('needed', 'ALTER EXTENSION atelier UPDATE');
    like($error, qr/atelier\.former\(\) is not part of this version.*view (?:public\.)?of_dba depends on.*HINT:  Drop them/s, 'where a DBA needs what goes');
    same_catalog(catalog($node, 'needed'), $before, 'nothing is changed');
    $node->safe_psql('needed', 'DROP VIEW public.of_dba; ALTER EXTENSION atelier UPDATE');
    same_catalog(catalog($node, 'needed'), $fresh, 'and after he has dropped it the update works');
};

subtest 'code first, tables later' => sub {
    old_database($node, 'later');
    $node->safe_psql('later', "SET atelier.install = off; ALTER EXTENSION atelier UPDATE");
    is($node->safe_psql('later', 'SELECT max(version) FROM atelier.migrations'), 16, 'with atelier.install = off the tables stay');
    is(health($node, 'changes', 'later')->{status}, 'fail', 'health() fails');
    run_hint($node, 'changes', 'later');
    same_catalog(catalog($node, 'later'), $fresh, 'what it says completes the update');

    new_database($node, 'empty');
    $node->safe_psql('empty', "SET atelier.install = off; CREATE EXTENSION atelier VERSION '@{[kOld]}'");
    $node->safe_psql('empty', 'ALTER EXTENSION atelier UPDATE');
    is($node->safe_psql('empty', "SELECT to_regclass('atelier.identity') IS NULL"), 't', 'without tables the update makes none');
    $node->safe_psql('empty', 'SELECT atelier.install()');
    same_catalog(catalog($node, 'empty'), $fresh, 'install() makes them');
};

subtest 'dumps of the old version' => sub {
    my $stock = old_database($node, 'stock');
    live_in('stock');
    my ($rows, $columns) = rows_of('stock');
    $node->command_ok(['pg_dump', '-Fc', '-f', "$folder/custom", $node->connstr('stock')], 'pg_dump -Fc');
    $node->command_ok(['pg_dump', '-f', "$folder/plain", $node->connstr('stock')], 'pg_dump');
    update_extension($node, 'stock');
    my $updated = catalog($node, 'stock');
    new_database($node, $_) for 'custom', 'script';
    $node->command_ok(['pg_restore', '-e', '-j2', '-d', $node->connstr('custom'), "$folder/custom"], 'pg_restore -j2 of the old dump');
    $node->command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/plain", '-d', $node->connstr('script')], 'psql with the old dump');
    for my $database ('custom', 'script') {
        is($node->safe_psql($database, "SELECT extversion FROM pg_extension WHERE extname = 'atelier'"), $version, "$database: the code is of this version");
        is(health($node, 'changes', $database)->{status}, 'fail', "$database: health() fails");
        run_hint($node, 'changes', $database);
        same_catalog(catalog($node, $database), $updated, "$database: then all is as after an update");
        my ($after) = rows_of($database, $columns);
        is_deeply($after, $rows, "$database: the rows are the same");
        like(health($node, 'dispatch', $database)->{detail}, qr/^held: this database is a copy/, "$database: holds");
    }
    $node->command_ok(['pg_dump', '-Fc', '-f', "$folder/updated", $node->connstr('stock')], 'pg_dump of the updated database');
    new_database($node, 'again');
    $node->command_ok(['pg_restore', '-e', '-j2', '-d', $node->connstr('again'), "$folder/updated"], 'pg_restore');
    same_catalog(catalog($node, 'again'), $updated, 'it comes back as it was');
    is_deeply((rows_of('again', $columns))[0], $rows, 'with its rows');
};

$node->stop;
done_testing();
