# SPDX-License-Identifier: PostgreSQL
# Adoption of the app's own database, as far as it takes more than one transaction: databases of every stage end with the catalog
# of a fresh install, a large table is adopted in seconds without a copy, what is left is filled in batches, other sessions
# cannot write in between, and nothing is sent before resume().
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Catalog;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('adoption', stand_in => $stand_in, extension => 0, settings => { 'atelier.databases' => 'sending' });
my %stages = (base => ['base'], later => [qw(base later)], all => [qw(base later later_rules)]);

# A database of the app at a stage; with rows when their number is given.
sub original {
    my ($name, $stage, $rows) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0");
    for my $file ('hosted', @{ $stages{$stage} }, defined $rows ? 'data' : ()) {
        my $sql = slurp_file("$FindBin::RealBin/../adopt/$file.sql");
        $node->safe_psql($name, ($file eq 'data' ? "\\set generations $rows\n" : '') . $sql);
    }
    return;
}

sub adopt {
    my ($name) = @_;
    my $begin = time;
    $node->safe_psql($name, 'CREATE EXTENSION atelier');
    return time - $begin;
}

# Without the auth service's own objects, the order of columns and the names of constraints.
sub comparable {
    my ($lines) = @_;
    return [sort map { s/^(column \S+) \d+/$1/; s/^(sequence \S+ of \S+) \d+/$1/; s/^constraint \S+ on/constraint on/; $_ }
          grep { !/^(?:schema auth|function auth)| (?:on )?auth\.users/ } @$lines];
}

$node->safe_psql('postgres', 'CREATE DATABASE fresh TEMPLATE template0');
$node->safe_psql('fresh', 'CREATE EXTENSION atelier');
my $fresh = comparable(catalog($node, 'fresh'));

sub same_as_fresh {
    my ($name, $test) = @_;
    return same_catalog(comparable(catalog($node, $name)), $fresh, $test);
}

subtest 'every stage ends as a fresh install' => sub {
    for my $stage (sort keys %stages) {
        original("stage_$stage", $stage, $stage eq 'all' ? 1000 : undef);
        adopt("stage_$stage");
        same_as_fresh("stage_$stage", "stage $stage");
        $node->safe_psql("stage_$stage", 'SELECT atelier.install()');
        same_as_fresh("stage_$stage", "stage $stage, installed again");
    }
};

subtest 'a large table' => sub {
    original('large', 'all', 100_000);
    my $size = $node->safe_psql('large', "SELECT pg_size_pretty(pg_total_relation_size('generations'))");
    my $filenode = $node->safe_psql('large', "SELECT pg_relation_filenode('generations')");
    my $wal = $node->safe_psql('large', 'SELECT pg_current_wal_insert_lsn()');
    my $seconds = adopt('large');
    diag(sprintf '100,000 generations (%s) adopted in %.1f s with %s of WAL', $size, $seconds,
        $node->safe_psql('large', "SELECT pg_size_pretty(pg_current_wal_insert_lsn() - '$wal'::pg_lsn)"));
    cmp_ok($seconds, '<', 30, 'is adopted in seconds');
    is($node->safe_psql('large', "SELECT pg_relation_filenode('generations')"), $filenode, 'without a copy');
    is($node->safe_psql('large', 'SELECT count(*) FROM generations'), 100_000, 'and without a loss');
    same_as_fresh('large', 'its catalog is that of a fresh install');
};

subtest 'a large backfill' => sub {
    original('filling', 'all', 60_000);
    $node->safe_psql('filling', "UPDATE generations SET viewed = NULL, is_keyframe_segment = NULL, status = nullif(status, 'pending')");
    my $filenode = $node->safe_psql('filling', "SELECT pg_relation_filenode('generations')");
    diag(sprintf 'adopted with 60,000 rows to fill later in %.1f s', adopt('filling'));
    my $health = sub { $node->safe_psql('filling', "SELECT status, detail, hint FROM atelier.health() WHERE check_name = 'adoption'") };
    is($health->(), 'warn|these columns may still be null: generations.' . join(', generations.', qw(cost_credits created_at
        is_keyframe_segment settings viewed)) . '|CALL atelier.adopt_backfill();', 'health() says what is left');
    is($node->safe_psql('filling', 'SELECT count(*) FILTER (WHERE status IS NULL), count(*) FILTER (WHERE viewed IS NULL) FROM generations'),
        '0|60000', 'a status is never left out');
    my $user = '00000000-0000-4000-8000-000000000001';
    my $insert = "INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, status, viewed)
                  VALUES ('$user', 'create', 'm', 'M', 'owner/name', 'pending', NULL)";
    $node->safe_psql('filling', $insert);
    my $before = $node->safe_psql('filling', "SELECT pg_current_xact_id()");
    my $begin = time;
    $node->safe_psql('filling', 'CALL atelier.adopt_backfill(100)');
    my $transactions = $node->safe_psql('filling', "SELECT pg_current_xact_id()") - $before;
    diag(sprintf 'filled in %.1f s, %d transactions', time - $begin, $transactions);
    cmp_ok($transactions, '>', 5, 'adopt_backfill() commits in batches');
    like($health->(), qr/^ok/, 'health() is content');
    is($node->safe_psql('filling', 'SELECT count(*) FROM generations WHERE viewed OR is_keyframe_segment'), 0, 'nulls have become the default');
    is($node->safe_psql('filling', 'SELECT count(*) FROM generations'), 60_001, 'all rows are there');
    is($node->safe_psql('filling', "SELECT pg_relation_filenode('generations')"), $filenode, 'in the same file');
    same_as_fresh('filling', 'the catalog is that of a fresh install');
    $node->safe_psql('filling', 'CALL atelier.adopt_backfill()');
    pass('calling it again does nothing');
    my ($status, $out, $error) = $node->psql('filling', "SET ROLE authenticated; CALL atelier.adopt_backfill()");
    like($error, qr/permission denied for procedure adopt_backfill/, 'users cannot call it');
};

subtest 'conflicts change nothing' => sub {
    original('conflict', 'all', 100);
    $node->safe_psql('conflict', "INSERT INTO users (email) VALUES ('USER2\@adopt.test')");
    my $before = catalog_of_original('conflict');
    my ($status, $out, $error) = $node->psql('conflict', 'CREATE EXTENSION atelier');
    isnt($status, 0, 'two addresses that differ in case are refused');
    like($error, qr/DETAIL:.*user2\@adopt\.test\) is in rows.*HINT:\s+UPDATE public\.users SET email = NULL WHERE id = '/s, 'with the rows and the remedy');
    is(catalog_of_original('conflict'), $before, 'nothing is changed');
    my ($remedy) = $error =~ /HINT:\s+(UPDATE .*;)/;
    $node->safe_psql('conflict', $remedy);
    adopt('conflict');
    same_as_fresh('conflict', 'the remedy is enough');
};

sub catalog_of_original {
    my ($name) = @_;
    return $node->safe_psql($name, <<'SQL');
SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
  SELECT format('%s %s %s %s', c.oid, c.relname, c.relfilenode, c.relowner) AS line FROM pg_class c WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT format('%s %s', oid, polname) FROM pg_policy UNION ALL SELECT format('%s %s', oid, tgname) FROM pg_trigger
  UNION ALL SELECT format('%s %s %s', attrelid, attname, attnotnull) FROM pg_attribute WHERE attrelid > 16384
  UNION ALL SELECT u::text FROM users u UNION ALL SELECT nspname FROM pg_namespace) x
SQL
}

# A writer that was first is waited for, and what it wrote is looked at.
subtest 'other sessions' => sub {
    original('busy', 'all', 100);
    my $writer = $node->background_psql('busy');
    $writer->query_safe("BEGIN; INSERT INTO users (email) VALUES ('USER3\@adopt.test')");
    my $adopting = $node->background_psql('busy', on_error_stop => 0);
    $adopting->query_until(qr/started/, "\\echo started\nCREATE EXTENSION atelier;\n");
    ok($node->poll_query_until('busy', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"), 'adoption waits for a writer');
    $writer->query_safe('COMMIT');
    $writer->quit;
    $adopting->quit;
    is($node->safe_psql('busy', "SELECT count(*) FROM pg_extension WHERE extname = 'atelier'"), 0, 'and finds the conflict that it has written');
};

subtest 'nothing is sent before resume()' => sub {
    original('sending', 'all', 100);
    my $user = '00000000-0000-4000-8000-000000000001';
    # The DBA has allowed what the app tries to write.
    $node->safe_psql('sending', <<"SQL");
ALTER TABLE generations DROP CONSTRAINT generations_status_check;
UPDATE replicate_tokens SET token = '@{[ Atelier::StandIn::kToken() ]}', is_active = true WHERE id = 1;
INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, prompt, status)
SELECT '$user', 'create', 'm', 'M', 'sim/instant', 'adopted ' || i, 'queued' FROM generate_series(1, 3) i;
SQL
    adopt('sending');
    ok($node->poll_query_until('sending', "SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = 'sending' AND backend_type LIKE 'atelier %'"), 'workers run');
    $node->safe_psql('sending', "INSERT INTO generations (user_id, action, model_id, model_name, replicate_model, prompt)
        VALUES ('$user', 'create', 'm', 'M', 'sim/instant', 'new')");
    sleep 2;
    is($stand_in->request('GET', '/_control/stats')->{creates}{posts}, 0, 'nothing has been sent');
    is($node->safe_psql('sending', "SELECT count(*) FROM atelier.queue"), 4, 'what was queued before waits with what came since');
    is($node->safe_psql('sending', "SELECT status, hint FROM atelier.health() WHERE check_name = 'dispatch'"), 'fail|SELECT atelier.resume();', 'health() says why');
    $node->restart;
    sleep 1;
    is($stand_in->request('GET', '/_control/stats')->{creates}{posts}, 0, 'nor after a restart');
    $node->safe_psql('sending', 'SELECT atelier.resume()');
    ok($node->poll_query_until('sending', "SELECT count(*) = 4 FROM generations WHERE status = 'completed' AND replicate_model = 'sim/instant'"), 'resume() lets all of them go');
    is($stand_in->request('GET', '/_control/stats')->{creates}{posts}, 4, 'each once');
};

$node->stop;
done_testing();
