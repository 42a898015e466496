# SPDX-License-Identifier: PostgreSQL
# Fairness and what it costs: one user with very many rows, many users with equal ones, rows that wait for a time, users who
# were deactivated, limits of single users; and that a claim costs what it claims, however much waits beside it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use List::Util qw(sum max);
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('fairness', stand_in => $stand_in, settings => {
    shared_preload_libraries => 'atelier,auto_explain', 'atelier.max_transfers' => 4, 'atelier.user_concurrency' => 4,
    'auto_explain.log_nested_statements' => 'on', 'auto_explain.log_analyze' => 'on', 'auto_explain.log_buffers' => 'on',
    'auto_explain.log_min_duration' => -1 }, preload => 0);

sub prompts { return map { $_->{prompt} } @{ $stand_in->request('GET', '/_control/arrivals?limit=100000')->{arrivals} } }

sub pause_dispatch {
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    dispatcher_state($node, 'paused', 'dispatch is paused');
    $stand_in->request('POST', '/_control/reset');
    $stand_in->request('PATCH', '/_control/settings', { arrivals => 100000 });
    return;
}

sub resume_dispatch { $node->safe_psql('postgres', 'SELECT atelier.resume()'); return }

# What waits is of no interest any more.
sub clear {
    pause_dispatch();
    $node->safe_psql('postgres', 'TRUNCATE atelier.queue, public.generations CASCADE');
    return;
}

subtest 'one user with 100,000 rows' => sub {
    my ($many, $one) = (add_user($node), add_user($node));
    pause_dispatch();
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 20 });
    queue_many($node, $many, 100_000, 'many', 'sim/instant');
    resume_dispatch();
    eventually('the first ones have arrived', sub { return prompts() > 20 });
    # The time is read after the commit.
    my $row = "INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)"
      . " VALUES ('$one', 'create', 'test', 'Test', 'sim/instant', 'single')";
    my $committed = $node->safe_psql('postgres', "$row; SELECT extract(epoch FROM clock_timestamp()) * 1000000");
    eventually('the single row has arrived', sub { return scalar grep { $_ eq 'single' } prompts() });
    my @later = grep { $_->{at_us} > $committed } @{ $stand_in->request('GET', '/_control/arrivals?limit=100000')->{arrivals} };
    my ($place) = grep { $later[$_]{prompt} eq 'single' } 0 .. $#later;
    # What is on its way when it commits, and two claims of at most four rows.
    cmp_ok($place // 0, '<=', 4 + 2 * 4, 'within the next two claims');
    clear();
};

subtest 'fifty users with equal demand' => sub {
    my @users = map { add_user($node) } 1 .. 50;
    set_to($node, max_transfers => 7);
    queue_many($node, $users[$_], 40, "of $_", 'sim/instant') for 0 .. $#users;
    resume_dispatch();
    eventually('half of them have arrived', sub { return prompts() >= 1000 });
    my %count = map { $_ => 0 } 0 .. $#users;
    $count{ (/^of (\d+) /)[0] }++ for (prompts())[ 0 .. 999 ];
    my $jain = sum(values %count)**2 / (50 * sum(map { $_**2 } values %count));
    cmp_ok($jain, '>=', 0.95, sprintf 'Jain index %.4f', $jain);
    clear();
};

subtest 'a row that waits for a time holds up none of its user\'s others' => sub {
    my $user = add_user($node);
    queue_many($node, $user, 3, 'waits', 'sim/instant');
    $node->safe_psql('postgres', <<'SQL');
UPDATE atelier.queue q SET not_before = now() + interval '1 hour'
  FROM public.generations g WHERE g.id = q.generation_id AND g.prompt = 'waits 1'
SQL
    resume_dispatch();
    eventually('the others have arrived', sub { return prompts() == 2 });
    is_deeply([ sort(prompts()) ], [ 'waits 2', 'waits 3' ], 'and only they');
    $node->safe_psql('postgres', 'UPDATE atelier.queue SET not_before = now()');
    eventually('its time has come', sub { return prompts() == 3 });
    clear();
};

subtest 'a deactivated user' => sub {
    my ($away, $there) = (add_user($node), add_user($node));
    queue_many($node, $away, 2, 'away', 'sim/instant');
    $node->safe_psql('postgres', "UPDATE public.users SET is_active = false WHERE id = '$away'");
    queue_many($node, $there, 2, 'there', 'sim/instant');
    resume_dispatch();
    eventually('rows of the other one arrive', sub { return prompts() == 2 });
    is(scalar(grep { /^away/ } prompts()), 0, 'his do not');
    $node->safe_psql('postgres', "UPDATE public.users SET is_active = true WHERE id = '$away'");
    eventually('he is back, and so are his rows', sub { return prompts() == 4 });
    clear();
};

subtest 'a limit of his own' => sub {
    my ($usual, $own) = (add_user($node), add_user($node));
    set_to($node, max_transfers => 128, user_concurrency => 2);
    $node->safe_psql('postgres', "INSERT INTO atelier.user_limits (user_id, concurrency) VALUES ('$own', 3)");
    queue_many($node, $usual, 5, 'usual', 'sim/stuck');
    queue_many($node, $own, 5, 'own', 'sim/stuck');
    my $processing = "FROM public.generations WHERE prompt LIKE '%s %%' AND status = 'processing'";
    resume_dispatch();
    wait_for($node, "SELECT count(*) = 2 " . sprintf($processing, 'usual'), 'two of the usual one run');
    wait_for($node, "SELECT count(*) = 3 " . sprintf($processing, 'own'), 'three of the other one');
    $node->safe_psql('postgres', 'UPDATE atelier.user_limits SET concurrency = 0');
    wait_for($node, "SELECT count(*) = 5 " . sprintf($processing, 'own'), 'without a limit, all of them');
    is($node->safe_psql('postgres', "SELECT count(*) " . sprintf($processing, 'usual')), 2, 'the usual limit holds');
    clear();
    $stand_in->request('POST', '/_control/reset');
};

subtest 'a workspace that is full' => sub {
    my ($many, $few) = (add_user($node), add_user($node));
    set_to($node, max_transfers => 128, user_concurrency => 0, workspace_concurrency => 2);
    my $workspace = $node->safe_psql('postgres', <<"SQL");
WITH made AS (INSERT INTO public.workspaces (name, slug, created_by) VALUES ('Full', 'full', '$many') RETURNING id)
SELECT id FROM made
SQL
    $node->safe_psql('postgres', "INSERT INTO public.workspace_members (workspace_id, user_id, role) VALUES ('$workspace', '$few', 'member')");
    $node->safe_psql('postgres', <<"SQL");
INSERT INTO public.generations (user_id, workspace_id, action, model_id, model_name, replicate_model, prompt)
SELECT '$many', '$workspace', 'create', 'test', 'Test', 'sim/stuck', 'shared ' || n FROM generate_series(1, 30) n
SQL
    queue_many($node, $many, 3, 'alone', 'sim/instant');
    resume_dispatch();
    eventually('rows without the workspace are not held up', sub { return 3 == grep { /^alone/ } prompts() });
    my $running = sub { return $node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE workspace_id = '$workspace' AND status = 'processing'") };
    wait_for($node, "SELECT count(*) = 28 FROM atelier.queue WHERE not_before = 'infinity'", 'the others are set aside');
    is($running->(), 2, 'two run');
    is($node->safe_psql('postgres', Atelier::signed_in($many, "SELECT string_agg(DISTINCT e.reason, ' ')"
        . " FROM public.generations g CROSS JOIN LATERAL public.explain_generation(g.id) e WHERE g.status = 'queued'")),
        'workspace_concurrency', 'and they are told why they wait');
    is($node->safe_psql('postgres', "SELECT value FROM atelier.metrics WHERE name = 'queued_in_full_workspace'"), 28, 'as the metrics tell');

    # Another member's only row waits behind those, and yet it is the next but one at most.
    $node->safe_psql('postgres', "INSERT INTO public.generations (user_id, workspace_id, action, model_id, model_name, replicate_model, prompt)"
          . " VALUES ('$few', '$workspace', 'create', 'test', 'Test', 'sim/stuck', 'of the other')");
    wait_for($node, "SELECT count(*) = 29 FROM atelier.queue WHERE not_before = 'infinity'", 'it is set aside too');
    my $cancel = sub {
        $node->safe_psql('postgres', <<"SQL");
UPDATE public.generations SET status = 'cancelled'
 WHERE id = (SELECT id FROM public.generations WHERE workspace_id = '$workspace' AND status = 'processing' ORDER BY started_at LIMIT 1)
SQL
        wait_for($node, "SELECT count(*) = 2 FROM atelier.attempts WHERE state = 'running'", 'one ends, another one runs');
    };
    $cancel->() for 1 .. 2;
    is(scalar(grep { $_ eq 'of the other' } prompts()), 1, 'its turn comes at once');

    # What is set aside outlives the process, and two run at any time.
    $node->restart;
    $cancel->();
    is($running->(), 2, 'two run after a restart');
    set_to($node, workspace_concurrency => 5);
    wait_for($node, "SELECT count(*) = 5 FROM atelier.attempts WHERE state = 'running'", 'five may run');
    set_to($node, workspace_concurrency => 0);
    wait_for($node, "SELECT NOT EXISTS (SELECT FROM atelier.queue)", 'without a limit nothing waits');
    is(scalar(grep { /^shared/ } prompts()), 30, 'each was sent');
    is(creates($stand_in), 3 + 30 + 1, 'and once');
    clear();
    $stand_in->request('POST', '/_control/reset');
};

# Pages and milliseconds for each hundred rows of each claim of many since a place in the log, by its plan.
sub claims_since {
    my ($offset) = @_;
    my @claims;
    for my $plan (split /\n(?=\d{4}-)/, slurp_file($node->logfile, $offset)) {
        next unless $plan =~ /Query Text:\s+WITH picked/;
        next unless $plan =~ /CTE Scan on jobs \S+\s+\(cost=\S+ rows=\d+ width=\d+\) \(actual time=\S+?\.\.(\S+) rows=(\d+)(?:\.\d+)? loops=1\)/s;
        my ($ms, $rows) = ($1, $2);
        next if $rows < 25;
        my ($hit) = $plan =~ /Buffers: shared hit=(\d+)/;
        my ($read) = $plan =~ /Buffers: shared[^\n]* read=(\d+)/;
        push @claims, [ int(100 * (($hit // 0) + ($read // 0)) / $rows), sprintf '%.2f', 100 * $ms / $rows ];
    }
    return @claims;
}

# Each of the first thousand users has a row of a generation, ahead of whatever else waits: claims of a hundred users each.
sub cost_of {
    my ($name, $more) = @_;
    clear();
    $node->safe_psql('postgres', <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt, settings)
SELECT u.id, 'create', 'test', 'Test', 'sim/instant', 'cost', '{"priority": 9}' FROM public.users u WHERE u.email LIKE 'cost-first-%';
$more;
VACUUM ANALYZE atelier.queue;
VACUUM ANALYZE public.generations;
SQL
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 200 });
    my $offset = -s $node->logfile;
    resume_dispatch();
    eventually('claims of many rows', sub { my @claims = claims_since($offset); return @claims >= 3 });
    my @claims = claims_since($offset);
    my @pages = sort { $a <=> $b } map { $_->[0] } @claims[ 0 .. 2 ];
    my @ms = sort { $a <=> $b } map { $_->[1] } @claims[ 0 .. 2 ];
    note("$name: $pages[1] pages, $ms[1] ms for a hundred rows, medians of three claims");
    return $pages[1];
}

subtest 'a claim costs what it claims' => sub {
    set_to($node, max_transfers => 100, user_concurrency => 5);
    $node->safe_psql('postgres', <<'SQL');
ALTER SYSTEM SET auto_explain.log_min_duration = 0;
INSERT INTO public.users (id, email)
SELECT ('00000001-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'cost-first-' || n FROM generate_series(1, 1000) n;
INSERT INTO public.users (id, email)
SELECT ('00000002-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'cost-other-' || n FROM generate_series(1, 10000) n;
SQL
    reload($node);
    my $others = "INSERT INTO atelier.queue (generation_id, user_id, not_before) SELECT gen_random_uuid(), u.id, %s"
      . " FROM public.users u, generate_series(1, %d) WHERE u.email LIKE '%s%%'";
    my $few = cost_of('1,000 rows', 'SELECT');
    my %cost = (
        '1,000,000 rows of 10,000 others' => cost_of('a million', sprintf $others, "'-infinity'", 100, 'cost-other-'),
        '100,000 rows of the same users' => cost_of('as many of theirs', sprintf $others, "'-infinity'", 100, 'cost-first-'),
        '10,000 users whose rows wait for a time' => cost_of('in backoff', sprintf $others, "now() + interval '1 day'", 10, 'cost-'),
        '10,000 deactivated users' => cost_of('deactivated', "UPDATE public.users SET is_active = false WHERE email LIKE 'cost-other-%'; "
              . sprintf $others, "'-infinity'", 10, 'cost-other-'));
    cmp_ok($cost{$_}, '<=', 2 * $few, "$_: at most twice the pages") for sort keys %cost;
};

$node->stop;
done_testing();
