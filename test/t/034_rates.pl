# SPDX-License-Identifier: PostgreSQL
# What an account may send in a minute, seen at the provider by a sliding window, which is scaled to six seconds here: never
# more, and while there is work hardly less; also when the worker is killed in between. Refusals for want of money or rights.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use List::Util qw(min max);
use Test::More;
use Time::HiRes qw(sleep);

my ($limit, $window_s) = (60, 6);
my $stand_in = Atelier::StandIn->start;
my %scaled = ('atelier.creates_per_minute' => $limit, 'atelier.rate_window' => "${window_s}s");
my $node = atelier_node('rates', stand_in => $stand_in, token => 0, settings => { %scaled, 'atelier.user_concurrency' => 0,
    restart_after_crash => 'on' });
my @tokens = map { "r8_${_}_rate_test_000000000000000000000" } 'one', 'one-b', 'two', 'three';
my ($user, $other) = (add_user($node), add_user($node));

sub limits {
    my (%settings) = @_;
    $stand_in->request('PATCH', '/_control/settings',
        { creates_per_minute => $limit, rate_window_ms => 1000 * $window_s, arrivals => 100000, %settings });
    return;
}

sub arrivals {
    my %times;
    push @{ $times{ $_->{account} } }, $_->{at_us} / 1e6
      for @{ $stand_in->request('GET', '/_control/arrivals?limit=100000')->{arrivals} };
    return \%times;
}

# The fewest and the most in a window that begins at any arrival or between two, inside the time in which there was work.
sub windows {
    my ($from, $to, @times) = @_;
    my ($fewest, $most) = (1e9, 0);
    for my $start (map { ($_, $_ + 1e-6) } @times) {
        last if $start + $window_s > $to;
        my $count = grep { $_ >= $start && $_ < $start + $window_s } @times;
        $most = max($most, $count);
        $fewest = min($fewest, $count) if $start >= $from;
    }
    return ($fewest, $most);
}

sub refusals {
    my $by = $stand_in->request('GET', '/_control/stats')->{requests}{by_status};
    return $by->{429} // 0;
}

limits();
$stand_in->request('PUT', "/_control/tokens/$tokens[1]", { account => 'one' });
$node->safe_psql('postgres', join '; ', map { "INSERT INTO public.replicate_tokens (token) VALUES ('$_')" } @tokens);
wait_for($node, "SELECT count(*) = 4 FROM atelier.token_state WHERE account IN ('one', 'two', 'three')", 'the accounts are known');

subtest 'three accounts of two, one and one tokens' => sub {
    queue_many($node, $user, 5000, 'rate', 'sim/instant');
    eventually('three windows have passed', sub {
        my $times = arrivals();
        return 3 == grep { $_->[-1] - $_->[0] > 3.2 * $window_s } values %$times;
    });
    my $times = arrivals();
    for my $account (sort keys %$times) {
        my @times = sort { $a <=> $b } @{ $times->{$account} };
        my ($fewest, $most) = windows($times[0] + 0.5, $times[-1], @times);
        cmp_ok($most, '<=', $limit, "$account: at most $most in a window");
        cmp_ok($fewest, '>=', 0.9 * $limit, "$account: at least $fewest");
    }
    my $by_token = $stand_in->request('GET', '/_control/stats')->{tokens};
    my ($first, $second) = map { $by_token->{$_}{creates} } @tokens[ 0, 1 ];
    cmp_ok(abs($first - $second), '<=', 2, "tokens of one account take turns: $first and $second");
    is(refusals(), 0, 'nothing was refused');
};

subtest 'killed in between' => sub {
    my $before = arrivals();
    my $since = max(map { @$_ } values %$before);
    my $pid = $node->safe_psql('postgres', "SELECT pid FROM atelier.worker_state() WHERE kind = 'dispatcher'");
    kill 'KILL', $pid;
    eventually('two more windows have passed', sub {
        my $times = arrivals();
        return 3 == grep { $_->[-1] - $since > 2.5 * $window_s } values %$times;
    });
    my $times = arrivals();
    for my $account (sort keys %$times) {
        my @times = sort { $a <=> $b } @{ $times->{$account} };
        my (undef, $most) = windows(0, $times[-1], @times);
        cmp_ok($most, '<=', $limit, "$account: at most $most in a window, over the kill");
    }
    is(refusals(), 0, 'nothing was refused');
};

subtest 'polls have a limit of their own' => sub {
    set_to($node, creates_per_minute => 0, requests_per_minute => $limit);
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    dispatcher_state($node, 'paused', 'dispatch is paused');
    $node->safe_psql('postgres', 'TRUNCATE atelier.queue');
    wait_for($node, 'SELECT count(*) = 0 FROM atelier.attempts WHERE ended_at IS NULL', 'nothing is under way');
    sleep $window_s;
    $stand_in->request('POST', '/_control/reset');
    $stand_in->request('PUT', "/_control/tokens/$tokens[1]", { account => 'one' });
    limits(creates_per_minute => 0, requests_per_minute => $limit);
    queue_many($node, $other, 150, 'looked at', 'sim/run-4s');
    my $one = queue($node, $other, prompt => 'to be cancelled', replicate_model => 'sim/stuck');
    $node->safe_psql('postgres', 'SELECT atelier.resume()');
    ended($node, $one, 'processing', 'one is running');
    sql_as($node, $other, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$one'");
    ended($node, $one, 'cancelled', 'a cancel gets through');
    wait_for($node, "SELECT count(*) = 150 FROM public.generations WHERE prompt LIKE 'looked at %' AND status = 'completed'",
        'all are completed');
    is(refusals(), 0, 'within the limit');
};

# A new process knows what the former one has asked for, so it need not wait until a minute has passed since.
subtest 'killed again and again while it watches' => sub {
    queue_many($node, $other, 20, 'watched', 'sim/run-1s');
    my $watched = "FROM public.generations WHERE prompt LIKE 'watched %' AND status";
    wait_for($node, "SELECT count(*) = 20 $watched <> 'queued'", 'all are sent');
    my ($kills, $killed) = (0, 0);
    for (1 .. 40) {
        # The server may not have seen yet that the former one is gone; then it restarts while it is asked.
        $node->poll_query_until('postgres',
            "SELECT count(*) = 1 FROM atelier.worker_state() WHERE kind = 'dispatcher' AND state = 'running' AND pid <> $killed");
        sleep 0.5;
        my ($pid, $done) = split /\|/, $node->safe_psql('postgres',
            "SELECT (SELECT pid FROM atelier.worker_state() WHERE kind = 'dispatcher'), (SELECT count(*) $watched = 'completed')");
        last if $done == 20;
        kill 'KILL', $pid;
        $killed = $pid;
        ++$kills;
    }
    cmp_ok($kills, '>', 0, "killed $kills times");
    $node->poll_query_until('postgres', 'SELECT true');
    is($node->safe_psql('postgres', "SELECT count(*) $watched = 'completed'"), 20, 'all are completed');
    is(refusals(), 0, 'within the limit');
};

subtest 'refused tokens and accounts' => sub {
    set_to($node, creates_per_minute => 0, requests_per_minute => 0);
    $stand_in->request('POST', '/_control/reset');
    $stand_in->request('PUT', "/_control/tokens/$tokens[1]", { account => 'one' });
    $stand_in->request('PUT', "/_control/tokens/$tokens[0]", { account => 'one', refuse => '402-credit' });
    $stand_in->request('PUT', "/_control/tokens/$tokens[2]", { refuse => '401' });
    queue_many($node, $other, 12, 'elsewhere', 'sim/instant');
    wait_for($node, "SELECT count(*) = 12 FROM public.generations WHERE prompt LIKE 'elsewhere %' AND status = 'completed'",
        'what two accounts refuse goes to the third');
    wait_for($node, <<'SQL', 'who cannot pay rests ten to thirty minutes, with all tokens of the account');
SELECT count(*) = 2 AND bool_and(cooling_until - clock_timestamp() BETWEEN interval '9 min' AND interval '30 min')
  FROM atelier.token_state WHERE account = 'one' AND cooling_until IS NOT NULL
SQL
    wait_for($node, "SELECT NOT is_active FROM public.replicate_tokens WHERE token = '$tokens[2]'",
        'the token that was refused twice is switched off');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.replicate_tokens WHERE is_active"), 3, 'and no other one');
    # The last one cools down: rows wait, and nothing fails.
    $stand_in->request('PUT', "/_control/tokens/$tokens[3]", { refuse => '429-header', for_ms => 2500 });
    my $id = queue($node, $other, prompt => 'patient');
    eventually('it was refused', sub { return refusals() > 0 });
    status_is($node, $id, 'queued', 'it waits');
    ended($node, $id, 'completed', 'until the time has passed');
    like($node->safe_psql('postgres', 'SELECT string_agg(reason, \' \' ORDER BY reason) FROM atelier.tokens WHERE reason IS NOT NULL'),
        qr/cannot pay.*throttled/, 'the view says why each rests');
};

subtest 'a token that is added or switched on counts from its commit' => sub {
    $node->safe_psql('postgres', 'UPDATE public.replicate_tokens SET is_active = false');
    my $id = queue($node, $other, prompt => 'waits for a token');
    status_is($node, $id, 'queued', 'no token, no request');
    $stand_in->request('DELETE', "/_control/tokens/$tokens[2]");
    $node->safe_psql('postgres', "UPDATE public.replicate_tokens SET is_active = true WHERE token = '$tokens[2]'");
    ended($node, $id, 'completed', 'the token is used at once');
};

$node->stop;
done_testing();
