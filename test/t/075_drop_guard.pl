# SPDX-License-Identifier: PostgreSQL
# The drop guard: with preload, no command of a DBA drops a table of atelier that holds rows unless he says that he means
# it; and nothing else is in anybody's way.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Catalog;
use Atelier::Queue;
use Atelier::Rows;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = atelier_node('drop_guard');
$node->safe_psql('postgres', 'SELECT atelier.pause()');
dispatcher_state($node, 'paused', 'nothing changes by itself');
fill_tables($node);
my $catalog = catalog($node, 'postgres');
my $rows = all_rows($node, 'postgres');

sub refused {
    my ($sql, $test, $table) = @_;
    $table //= qr/[a-z_]+\.[a-z_]+/;
    my ($status, $out, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", on_error_stop => 1);
    like($error, qr/ERROR:  55006: cannot drop table $table because it holds rows/, "$test: refused");
    return like($error, qr/HINT:  .*atelier\.allow_drop = on/, "$test: the hint names the setting");
}

# Commands that go through, undone afterwards.
sub works {
    my ($sql, $test) = @_;
    my ($status, $out, $error) = $node->psql('postgres', "BEGIN; $sql; ROLLBACK", on_error_stop => 1);
    return is($status, 0, $test) || diag($error);
}

subtest 'every table' => sub {
    my @tables = tables($node);
    cmp_ok(scalar(@tables), '>=', 26, 'there are many');
    for my $table (@tables) {
        my $filled = $node->safe_psql('postgres', "SELECT EXISTS (SELECT FROM $table)") eq 't';
        ok($filled, "$table has rows") if $table =~ /^public/;
        refused("DROP TABLE $table CASCADE", $table, quotemeta $table) if $filled;
    }
};

subtest 'what takes tables along' => sub {
    refused('DROP SCHEMA atelier CASCADE', 'DROP SCHEMA atelier');
    refused('DROP SCHEMA public CASCADE', 'DROP SCHEMA of the app');
    refused('DROP SCHEMA atelier, public CASCADE', 'both');
    refused('DO $$ BEGIN DROP TABLE public.users CASCADE; END $$', 'in a block', 'public\.users');
    refused('BEGIN; ALTER TABLE public.users RENAME TO people; DROP TABLE public.people CASCADE', 'under another name', 'public\.people');
    refused('BEGIN; CREATE SCHEMA attic; ALTER TABLE public.api_logs SET SCHEMA attic; DROP SCHEMA attic CASCADE', 'in another schema', 'attic\.api_logs');
    refused('DROP TABLE public.support_tickets, public.api_logs', 'several', 'public\.\w+');
    refused('BEGIN; DROP EXTENSION atelier CASCADE; DROP OWNED BY atelier_owner CASCADE', 'DROP OWNED');
    same_catalog(catalog($node, 'postgres'), $catalog, 'all is still there');
    same_rows(all_rows($node, 'postgres'), $rows, 'all');
};

subtest 'which rows count' => sub {
    my $ticket = "INSERT INTO public.support_tickets (user_id, message) SELECT id, 'new' FROM public.users LIMIT 1";
    works('DELETE FROM public.support_tickets; DROP TABLE public.support_tickets', 'those that are deleted do not');
    works('TRUNCATE public.support_tickets; DROP TABLE public.support_tickets', 'nor does TRUNCATE stand in the way');
    refused("BEGIN; TRUNCATE public.support_tickets; $ticket; DROP TABLE public.support_tickets", 'those of the same transaction do');
    # The snapshot of the transaction is older than the row, which another session writes meanwhile.
    $node->safe_psql('postgres', 'CREATE TABLE public.kept AS SELECT * FROM public.support_tickets; DELETE FROM public.support_tickets');
    my $meanwhile = 'psql -X -q -d "' . $node->connstr('postgres') . "\" -c \"$ticket\"";
    refused("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM public.users;\n\\! $meanwhile\nDROP TABLE public.support_tickets",
        'those that came after the snapshot do', 'public\.support_tickets');
    $node->safe_psql('postgres', <<'SQL');
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM public.support_tickets;
INSERT INTO public.support_tickets SELECT * FROM public.kept;
COMMIT;
DROP TABLE public.kept;
SQL
    same_rows(all_rows($node, 'postgres'), $rows, 'after all this');
};

subtest 'on purpose' => sub {
    works('SET LOCAL atelier.allow_drop = on; DROP SCHEMA atelier, public CASCADE', 'with allow_drop everything can be dropped');
    $node->safe_psql('postgres', 'CREATE ROLE dba LOGIN IN ROLE atelier_owner; CREATE ROLE guest LOGIN');
    my $as_dba = 'SET SESSION AUTHORIZATION dba;';
    refused("$as_dba DROP TABLE public.api_logs", 'a member of atelier_owner', 'public\.api_logs');
    my ($status, $out, $error) = $node->psql('postgres', "$as_dba SET atelier.allow_drop = on");
    like($error, qr/permission denied to set parameter "atelier.allow_drop"/, 'who is no superuser does not set it');
    $node->safe_psql('postgres', 'GRANT SET ON PARAMETER atelier.allow_drop TO dba');
    works("$as_dba SET LOCAL atelier.allow_drop = on; DROP TABLE public.api_logs", 'unless a superuser lets him');
    ($status, $out, $error) = $node->psql('postgres', 'SET SESSION AUTHORIZATION guest; DROP TABLE public.api_logs');
    like($error, qr/must be owner of table api_logs/, 'a stranger learns nothing about rows');
    $node->safe_psql('postgres', 'REVOKE SET ON PARAMETER atelier.allow_drop FROM dba; DROP ROLE dba, guest');
};

subtest 'what is no loss' => sub {
    works('CREATE TABLE public.mine AS SELECT 1 AS a; DROP TABLE public.mine', 'a table of the DBA');
    works('CREATE SCHEMA mine; CREATE TABLE mine.generations AS TABLE public.generations; DROP SCHEMA mine CASCADE', 'of the same name');
    works('SET ROLE atelier_owner; CREATE TEMP TABLE users AS TABLE public.users; DROP TABLE pg_temp.users', 'a temporary table of the owner');
    works('SET ROLE atelier_owner; CREATE TEMP TABLE users ON COMMIT DROP AS TABLE public.users; COMMIT; SELECT 1', 'which goes by itself');
    works('SET ROLE atelier_owner; CREATE TEMP TABLE users AS TABLE public.users; COMMIT; SELECT 1', 'or with its session');
    works('DROP INDEX public.flow_nodes_generation_id_idx', 'an index');
    works('DROP VIEW atelier.tokens', 'a view');
    works('DROP POLICY flows_update ON public.flows; DROP TRIGGER touch_trigger ON public.flows', 'a policy, a trigger');
    works('ALTER TABLE public.flows DROP COLUMN description', 'a column');
    works('ALTER TABLE public.ideas DROP CONSTRAINT ideas_pkey CASCADE', 'a constraint');
    works('ALTER TABLE public.api_logs ADD made uuid DEFAULT gen_random_uuid()', 'a column that rewrites the table');
    works('ALTER TABLE public.api_logs ALTER status_code TYPE numeric', 'a type that does');
    works('ALTER TABLE public.api_logs SET UNLOGGED', 'SET UNLOGGED');
    works('CLUSTER public.api_logs USING api_logs_pkey', 'CLUSTER');
    $node->safe_psql('postgres', "VACUUM FULL $_") for tables($node);
    same_rows(all_rows($node, 'postgres'), $rows, 'after VACUUM FULL');
    works('CREATE MATERIALIZED VIEW public.m AS SELECT count(*) FROM public.users; CREATE UNIQUE INDEX ON public.m (count);
           ALTER MATERIALIZED VIEW public.m OWNER TO atelier_owner;
           REFRESH MATERIALIZED VIEW CONCURRENTLY public.m; REFRESH MATERIALIZED VIEW public.m; DROP MATERIALIZED VIEW public.m',
        'a materialized view of the owner');
    works('ALTER TABLE public.ideas DROP CONSTRAINT ideas_user_id_fkey; DROP TABLE public.idea_votes CASCADE', 'an empty table')
      if $node->safe_psql('postgres', 'DELETE FROM public.idea_votes RETURNING 1');
};

# Scripts of the extension itself may drop what they replace; those of another may not.
subtest 'extension scripts' => sub {
    chomp(my $folder = `pg_config --sharedir`);
    $folder .= '/extension';
    plan skip_all => 'the folder of extension scripts cannot be written' unless -w $folder;
    my $version = $node->safe_psql('postgres', "SELECT extversion FROM pg_extension WHERE extname = 'atelier'");
    my $drop = "DROP TABLE public.support_tickets;\n";
    my %files = (
        "atelier--$version--drop_guard_test.sql" => $drop,
        'drop_guard_test.control' => "default_version = '1'\n",
        'drop_guard_test--1.sql' => $drop);
    append_to_file("$folder/$_", $files{$_}) for sort keys %files;
    works("ALTER EXTENSION atelier UPDATE TO 'drop_guard_test'", 'an upgrade of atelier may');
    refused('CREATE EXTENSION drop_guard_test', 'another extension', 'public\.support_tickets');
    unlink "$folder/$_" for keys %files;
};

subtest 'without the extension' => sub {
    my $before = all_rows($node, 'postgres');
    $node->safe_psql('postgres', 'DROP EXTENSION atelier CASCADE');
    # What is computed by a function of ours goes with it, and comes back with it.
    delete $before->{'public.mv_admin_stats'};
    same_rows(all_rows($node, 'postgres'), $before, 'DROP EXTENSION goes through and keeps the tables');
    refused('DROP TABLE public.generations CASCADE', 'they are still guarded', 'public\.generations');
    refused('DROP OWNED BY atelier_owner CASCADE', 'by DROP OWNED too');
    $node->safe_psql('postgres', 'CREATE EXTENSION atelier');
    $node->safe_psql('template1', 'CREATE DATABASE doomed TEMPLATE template0');
    create_extension($node, 'doomed');
    fill_tables($node, 'doomed');
    is($node->psql('template1', 'DROP DATABASE doomed'), 0, 'DROP DATABASE is another matter');
    is($node->psql('template1', 'CREATE TABLE public.users (a integer); INSERT INTO public.users VALUES (1); DROP TABLE public.users'), 0,
        'a database without atelier does not notice');
};

$node->stop;

my $plain = atelier_node('unguarded', preload => 0);
is($plain->psql('postgres', 'DROP SCHEMA atelier CASCADE'), 0, 'without preload there is no guard');
$plain->stop;
done_testing();
