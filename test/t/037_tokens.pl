# SPDX-License-Identifier: PostgreSQL
# The ring of tokens behind get_next_replicate_token(): turns, counts that reach the table, changes at their commit, callers
# in long transactions, and the way by SQL where there is no ring.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use List::Util qw(max min sum);
use PostgreSQL::Test::Utils;
use Test::More;

my $call = 'SELECT n.id FROM public.get_next_replicate_token() n';
my $node = atelier_node('tokens', token => 0);
$node->safe_psql('postgres', "INSERT INTO public.replicate_tokens (token) SELECT 'r8_ring_' || n FROM generate_series(1, 4) n");
wait_for($node, "SELECT count(*) = 1 FROM atelier.worker_state() WHERE kind = 'keeper'", 'the keeper runs');

# Calls of one session, each a transaction.
sub calls {
    my ($count, $sql) = @_;
    return split /\n/, $node->safe_psql('postgres', join ";\n", ($sql // $call) x $count);
}

sub used {
    my ($where) = @_;
    return $node->safe_psql('postgres', 'SELECT coalesce(sum(request_count), 0) FROM public.replicate_tokens' . ($where // ''));
}

subtest 'everybody in turn' => sub {
    my %count;
    $count{$_}++ for calls(40);
    is(scalar keys %count, 4, 'all four');
    is(max(values %count) - min(values %count), 0, 'equally often');
    my @order = calls(8);
    is_deeply([ @order[ 0 .. 3 ] ], [ @order[ 4 .. 7 ] ], 'in the same order each round');
    is(calls(1, 'SELECT n.token FROM public.get_next_replicate_token() n WHERE n.token LIKE \'r8_ring_%\'') + 0, 1, 'with its secret');
};

subtest 'counts reach the table' => sub {
    wait_for($node, 'SELECT sum(request_count) = 49 FROM public.replicate_tokens', 'the keeper writes them');
    is($node->safe_psql('postgres', 'SELECT count(*) FROM public.replicate_tokens WHERE last_used_at > now() - interval \'5 min\''),
        4, 'with the time');
    calls(4);
    my $session = $node->background_psql('postgres', on_error_stop => 1);
    $session->query_safe('BEGIN');
    $session->query_safe('SELECT FROM public.replicate_tokens ORDER BY id LIMIT 1 FOR UPDATE');
    calls(4);
    $node->safe_psql('postgres', 'SELECT atelier.flush_tokens()');
    wait_for($node, 'SELECT sum(request_count) >= 55 FROM public.replicate_tokens', 'those of free rows');
    is(scalar calls(4), 4, 'a locked row keeps no token back');
    $session->query_safe('COMMIT');
    $session->quit;
    wait_for($node, 'SELECT sum(request_count) = 61 FROM public.replicate_tokens', 'the others when they are free');
    calls(4);
    $node->restart;
    is(used(), 65, 'a shutdown writes them');
    wait_for($node, "SELECT count(*) = 1 FROM atelier.worker_state() WHERE kind = 'keeper'", 'the keeper runs');
};

subtest 'many callers in open transactions' => sub {
    my @sessions = map { $node->background_psql('postgres', on_error_stop => 1) } 1 .. 12;
    my @answers;
    for my $session (@sessions) {
        $session->query_safe('BEGIN');
        push @answers, $session->query_safe($call);
    }
    is(scalar(grep { /^\d+$/ } @answers), 12, 'each gets one, though there are four');
    my %count;
    $count{$_}++ for @answers;
    is(max(values %count) - min(values %count), 0, 'in turn');
    $_->query_safe('ROLLBACK') for @sessions;
    $_->quit for @sessions;
};

subtest 'what changes counts from its commit' => sub {
    my $reader = $node->background_psql('postgres', on_error_stop => 1);
    $reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
    $reader->query_safe('SELECT count(*) FROM public.users');
    $node->safe_psql('postgres', 'UPDATE public.replicate_tokens SET is_active = false WHERE id > (SELECT min(id) FROM public.replicate_tokens)');
    my $only = $node->safe_psql('postgres', 'SELECT id FROM public.replicate_tokens WHERE is_active');
    is(join(' ', calls(3)), "$only $only $only", 'one is left');
    is($reader->query_safe($call), $only, 'for older transactions too');
    $reader->query_safe('COMMIT');
    $reader->quit;
    $node->safe_psql('postgres', "UPDATE public.replicate_tokens SET token = 'r8_ring_new' WHERE id = $only");
    is(join(' ', calls(1, 'SELECT n.token FROM public.get_next_replicate_token() n')), 'r8_ring_new', 'with its new secret');
    is($node->safe_psql('postgres', "BEGIN; UPDATE public.replicate_tokens SET is_active = false; $call; ROLLBACK"), '',
        'a transaction sees what it has done itself');
    is(join(' ', calls(2)), "$only $only", 'which counts for nobody after a rollback');
    $node->safe_psql('postgres', "INSERT INTO atelier.token_state (token_id, cooling_until) VALUES ($only, now() + interval '1 hour')"
          . " ON CONFLICT (token_id) DO UPDATE SET cooling_until = excluded.cooling_until;"
          . ' UPDATE public.replicate_tokens SET is_active = is_active');
    is(scalar calls(1), 0, 'one that cools down is not handed out');
    $node->safe_psql('postgres', 'UPDATE atelier.token_state SET cooling_until = NULL; UPDATE public.replicate_tokens SET is_active = true');
    is(scalar calls(4), 4, 'all of them again');
};

subtest 'no WAL and no growth per call' => sub {
    $node->safe_psql('postgres', 'VACUUM public.replicate_tokens');
    calls(1);
    my $size = $node->safe_psql('postgres', "SELECT pg_table_size('public.replicate_tokens')");
    $node->safe_psql('postgres', "BEGIN; $call; COMMIT");
    my $ids = $node->safe_psql('postgres', "BEGIN; $call; SELECT txid_current_if_assigned() IS NULL; COMMIT");
    like($ids, qr/\nt$/, 'a call gets no transaction number');
    my ($out) = run_command([ 'pgbench', '-n', '-c', 8, '-j', 2, '-t', 500, '-f', pgbench_file(), $node->connstr('postgres') ]);
    like($out, qr/number of failed transactions: 0/, 'four thousand calls');
    $node->safe_psql('postgres', 'SELECT atelier.flush_tokens()');
    my $counts = $node->safe_psql('postgres', 'SELECT max(request_count) - min(request_count) FROM public.replicate_tokens WHERE id > 1');
    cmp_ok($node->safe_psql('postgres', "SELECT pg_table_size('public.replicate_tokens')"), '<=', $size + 8192, 'the table has not grown');
};

sub pgbench_file {
    my $file = "$PostgreSQL::Test::Utils::tmp_check/token_call.sql";
    append_to_file($file, "SELECT 1 / count(*) FROM public.get_next_replicate_token();\n");
    return $file;
}

$node->stop;

subtest 'without preload' => sub {
    my $plain = atelier_node('plain', preload => 0, token => 0);
    $plain->safe_psql('postgres', "INSERT INTO public.replicate_tokens (token) SELECT 'r8_plain_' || n FROM generate_series(1, 2) n");
    is($plain->safe_psql('postgres', "$call; $call"), "1\n2", 'the table answers, in turn');
    is($plain->safe_psql('postgres', 'SELECT sum(request_count) FROM public.replicate_tokens'), 2, 'and counts');
    is($plain->safe_psql('postgres', 'SELECT atelier.flush_tokens()'), 0, 'there is nothing to flush');
    my $holder = $plain->background_psql('postgres', on_error_stop => 1);
    $holder->query_safe('BEGIN');
    $holder->query_safe("$call; $call");
    my $waiting = $plain->background_psql('postgres', on_error_stop => 1);
    $waiting->{stdin} .= "$call;\n";
    $waiting->{run}->pump_nb;
    $plain->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    $holder->query_safe('COMMIT');
    $holder->quit;
    like($waiting->query_safe('SELECT 1'), qr/^\d+\n1$/, 'who finds all rows held waits for one');
    $waiting->quit;
    $plain->stop;
};

done_testing();
