# SPDX-License-Identifier: PostgreSQL
# The decision table of the dispatcher, row by row, counted at the stand-in: what is done with each answer of the provider.
# The numbers are those of the table; the webhooks of rows 33 and 34 have a test of their own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use HTTP::Tiny;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep);

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('table', stand_in => $stand_in, token => 0, settings => {
    'atelier.user_concurrency' => 0, 'atelier.request_timeout' => '2s', 'atelier.video_deadline' => '6s', 'atelier.fault_time_scale' => '0.03', restart_after_crash => 'on' });
if (($node->psql('postgres', 'SHOW atelier.fault_time_scale'))[0] != 0) { plan skip_all => 'needs the build for tests, whose grace times can be shortened' }
my @tokens = ('r8_acme_table_1', 'r8_acme_table_2', 'r8_other_table_3');
add_token($node, $_) for @tokens;
my $user = add_user($node);
$node->safe_psql('postgres', "UPDATE public.users SET credits = 1000 WHERE id = '$user'");
wait_for($node, "SELECT count(*) = 3 FROM atelier.tokens WHERE account <> ''", 'the accounts are known');

# What a generation has come to: its status, posts and accepted predictions, and the states of its attempts.
sub story {
    my ($id, $prompt) = @_;
    my $states = $node->safe_psql('postgres',
        "SELECT string_agg(state, ' ' ORDER BY number) FROM atelier.attempts WHERE generation_id = '$id'");
    return join ', ', value($node, $id, 'status'), counts($stand_in, $prompt), $states;
}

sub wait_end {
    my ($id) = @_;
    return $node->poll_query_until('postgres', "SELECT status IN ('completed', 'failed', 'cancelled') FROM public.generations WHERE id = '$id'");
}

sub token_ids { return map { $node->safe_psql('postgres', "SELECT id FROM public.replicate_tokens WHERE token = '$_'") } @_ }

# [row, what, words, story, user's message, SQL that must be true of the generation g]
my @table = (
    [3, 'created: 201', 'ok', 'completed, 1 1, succeeded', '', "g.replicate_prediction_id <> '' AND g.replicate_token_index IS NOT NULL"],
    [3, 'created: 200', 'status-200', 'completed, 1 1, succeeded'],
    [3, 'created: 202', 'status-202', 'completed, 1 1, succeeded'],
    (map { [4, "ambiguous: $_", $_, 'completed, 1 1, succeeded'] } 'hang-created', 'slow-3s', 'reset-after-body-created',
        'close-after-body-created', 'truncated', 'no-id', 'not-json', 'empty-body', 'late-1s--slow-3s'),
    (map { [4, "never arrived: $_", "$_-x1", 'completed, 2 1, absent succeeded'] } 'hang-not-created', 'reset-after-body-not-created',
        'close-after-body-not-created', 'truncated-not-created', 'no-id-not-created', 'not-json-not-created', 'empty-body-not-created'),
    [4, 'listed late', 'reset-after-body-created--list-late-1s', 'completed, 1 1, succeeded'],
    (map { [5, "POST $_, created", "created-but-$_", 'completed, 1 1, succeeded'] } '500', '502-html', '504-html'),
    (map { [5, "POST $_, not created", "refuse-$_-x1", 'completed, 2 1, absent succeeded'] } '500', '502-html', '504-html'),
    (map { [6, "POST $_, created", "created-but-$_", 'completed, 1 1, succeeded'] } '503', '503-date', '503-seconds', '520-html'),
    (map { [6, "POST $_, not created", "refuse-$_-x1", 'completed, 2 1, absent succeeded'] } '503-seconds', '520-html'),
    (map { [7, "POST $_, created", "created-but-$_", 'completed, 1 1, succeeded'] } '408', '409', '425'),
    (map { [7, "POST $_, not created", "refuse-$_-x1", 'completed, 2 1, absent succeeded'] } '408', '409', '425'),
    (map { [8, "throttled: $_", "refuse-$_-x1", 'completed, 2 1, refused succeeded'] } '429-text', '429-header', '429-date', '429-body'),
    [12, '403 at one account', 'refuse-403-x1', 'completed, 2 1, refused succeeded'],
    [12, '403 everywhere', 'refuse-403', 'failed, 2 0, refused refused', 'The model of this generation is not available.'],
    [13, 'a community model by its name', 'community/run-120ms', 'completed, 2 1, refused succeeded'],
    [13, 'a model that does not exist', 'missing/model', 'failed, 1 0, refused', 'The model of this generation is not available.'],
    [13, 'a deployment that does not exist', 'deployment:missing/it', 'failed, 1 0, refused', 'The model of this generation is not available.'],
    [14, '422 input', 'refuse-422-input', 'failed, 1 0, refused', qr/aspect_ratio/],
    [15, '422 version everywhere', 'refuse-422-version', 'failed, 2 0, refused refused', 'The model of this generation is not available.'],
    [15, '422 version at one account', 'refuse-422-version-x1', 'completed, 2 1, refused succeeded'],
    (map { [16, "POST $_", "refuse-$_", 'failed, 1 0, refused', 'The generation could not be started. Please try again later.'] } '400', '405', '415'),
    [17, '413', 'refuse-413', 'failed, 1 0, refused', qr/too large/],
    [18, 'runs for a while', 'queue-500ms--run-1500ms', 'completed, 1 1, succeeded'],
    (map { [19, "poll $_", "poll-$_-x1", 'completed, 1 1, succeeded'] } '429-header', '429-text'),
    (map { [20, "poll $_", "poll-$_-x1", 'completed, 1 1, succeeded'] } '500', '502-html', '503', 'reset', 'close', 'hang', 'truncated'),
    [22, 'poll 404 at first', 'poll-404-x2', 'completed, 1 1, succeeded'],
    [22, 'poll 404 for ever', 'poll-404', 'failed, 1 1, lost', 'The result of this generation cannot be read any more.'],
    [23, 'files', 'out-urls-3', 'completed, 1 1, succeeded', '', 'cardinality(g.output_urls) = 3'],
    [24, 'the data is gone', 'data-removed', 'failed, 1 1, succeeded', 'The result of this generation has expired.'],
    (map { [25, "no usable output: $_", $_, 'failed, 1 1, succeeded', 'The model returned no result.'] } 'out-null', 'out-empty', 'out-number'),
    [26, 'a failure that passes', 'fail-interrupted-x1', 'completed, 2 2, failed succeeded'],
    (map { [26, "final: $_", "fail-$_", 'failed, 1 1, failed', qr/./] } 'e005', 'nsfw', 'oom', 'timeout', 'validation', 'text'),
    [26, 'tried three times at most', 'fail-pa', 'failed, 3 3, failed failed failed', qr/./],
    [28, 'canceled by nobody here', 'end-canceled', 'failed, 1 1, canceled', 'The generation was stopped.'],
    [29, 'aborted, then aborted again', 'end-aborted', 'failed, 2 2, aborted aborted', qr/could not be started in time/,
        '(SELECT max(a.deadline - a.sent_at) > 1.9 * min(a.deadline - a.sent_at) FROM atelier.attempts a WHERE a.generation_id = g.id)'],
    [30, 'a status that nobody knows', 'end-unknown', 'failed, 1 1, lost', 'The generation took too long and was stopped.', undef, 'video_create'],
    [31, 'the deadline, by the provider', 'stuck', 'failed, 1 1, canceled', 'The generation took too long and was stopped.', undef, 'video_create']);

# All at once: what happens to one is no matter of another.
my @queued = map {
    my ($row, $what, $words, $story, $message, $sql, $action) = @$_;
    my $prompt = "$row $what";
    my $model = $words =~ m{/} ? $words : "sim/$words";
    [queue($node, $user, prompt => $prompt, replicate_model => $model, action => $action // 'create'), $prompt, $_];
} @table;
for my $one (@queued) {
    my ($id, $prompt, $case) = @$one;
    my ($row, $what, $words, $story, $message, $sql) = @$case;
    subtest "row $row: $what" => sub {
        wait_end($id);
        # A row that waits for the other account, because that one rests, has an attempt that was not sent.
        my $have = story($id, $prompt);
        $have =~ s{refused (?:absent )+}{refused } if $row == 12 || $row == 15;
        is($have, $story, 'status, posts and predictions, attempts');
        my $said = value($node, $id, "coalesce(error_message, '')");
        ref $message ? like($said, $message, 'the message') : is($said, $message // '', 'the message');
        unlike($said, qr/replicate|E\d{3}|prediction/i, 'names neither provider nor code');
        is(value($node, $id, $sql), 't', $sql) if $sql;
    };
}
is($node->safe_psql('postgres', "SELECT 1000 - credits = (SELECT count(*) FROM public.generations WHERE status = 'completed') FROM public.users WHERE id = '$user'"),
    't', 'only what completed was charged, each once');
is($node->safe_psql('postgres', 'SELECT bool_and(is_active) FROM public.replicate_tokens'), 't', 'no token was switched off by any of it');

# Tokens as they were at first, and the pool forgets.
sub fresh_tokens {
    $stand_in->request('DELETE', "/_control/tokens/$_") for @tokens;
    $node->safe_psql('postgres', 'DELETE FROM atelier.token_state');
    $node->safe_psql('postgres', 'UPDATE public.replicate_tokens SET is_active = true, error_count = 0');
    $node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM atelier.worker_state() WHERE kind = 'dispatcher'");
    dispatcher_state($node, 'running', 'a dispatcher that remembers nothing');
    wait_for($node, "SELECT count(*) = 3 FROM atelier.tokens WHERE account <> ''", 'the accounts are known');
    return;
}

subtest 'row 1: nothing was sent' => sub {
    fresh_tokens();
    $stand_in->request('POST', '/_control/away', { for_ms => 1500 });
    sleep 0.1;
    my $id = queue($node, $user, prompt => 'away', replicate_model => 'sim/ok');
    wait_end($id);
    like(story($id, 'away'), qr/^completed, 1 1, (?:absent )*succeeded$/, 'sent again until it arrives, and once');
    is($node->safe_psql('postgres', 'SELECT sum(error_count) FROM public.replicate_tokens'), 0, 'no token is blamed');
};

# A server that ends the connection when it has read the beginning of a large body.
subtest 'row 2: a request that was cut off in the middle' => sub {
    my $socket = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "cannot listen: $!";
    my $port = $socket->sockport;
    my $pid = fork // die "cannot fork: $!";
    if ($pid == 0) {
        while (my $client = $socket->accept) {
            sysread $client, my $text, 1000;
            setsockopt $client, SOL_SOCKET, SO_LINGER, pack('II', 1, 0);
            close $client;
        }
        POSIX::_exit(0);
    }
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    my $prompt = 'cut off ' . 'x' x 19000;
    my $id = queue($node, $user, prompt => $prompt, replicate_model => 'sim/ok');
    set_to($node, api_base_url => "http://127.0.0.1:$port/v1");
    $node->safe_psql('postgres', 'SELECT atelier.resume()');
    wait_for($node, "SELECT state = 'unknown' FROM atelier.attempts WHERE generation_id = '$id'", 'counts as maybe created');
    set_to($node, api_base_url => $stand_in->url . '/v1');
    kill 'KILL', $pid;
    waitpid $pid, 0;
    wait_end($id);
    is(story($id, substr $prompt, 0, 200), 'completed, 0 0, absent succeeded', 'looked for, and then sent');
    is($node->safe_psql('postgres', "SELECT count(*) FROM atelier.attempts WHERE generation_id = '$id' AND state = 'succeeded'"), 1, 'once');
};

subtest 'row 8: the account rests, another one goes on' => sub {
    fresh_tokens();
    $stand_in->request('PUT', "/_control/tokens/$_", { refuse => '429-header', for_ms => 60000 }) for @tokens[0, 1];
    my @ids = map { queue($node, $user, prompt => "throttled $_", replicate_model => 'sim/instant') } 1 .. 6;
    wait_end($_) for @ids;
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE prompt LIKE 'throttled %' AND status = 'completed'"), 6,
        'all are sent by the other account, and H28: watched with its tokens, since others get 404');
    is($node->safe_psql('postgres', "SELECT count(*) FROM atelier.tokens WHERE account = 'acme' AND cooling_until > now() + interval '30 s'"), 2,
        'both tokens of the throttled account rest, for as long as it asked');
    is($node->safe_psql('postgres', 'SELECT sum(error_count) FROM public.replicate_tokens'), 0, 'which is no error of a token');
};

subtest 'row 9: little credit' => sub {
    fresh_tokens();
    $stand_in->request('PUT', "/_control/tokens/$_", { refuse => '429-credit', for_ms => 2000 }) for @tokens[0, 1];
    my @ids = map { queue($node, $user, prompt => "credit $_", replicate_model => 'sim/instant') } 1 .. 20;
    wait_end($_) for @ids;
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE prompt LIKE 'credit %' AND status = 'completed'"), 20, 'nothing fails');
    sleep 2.1;
    my $of_account = sub { $stand_in->request('GET', '/_control/stats')->{tokens}{$_[0]}{accepted} // 0 };
    my $before = $of_account->($tokens[0]) + $of_account->($tokens[1]);
    @ids = map { queue($node, $user, prompt => "slowly $_", replicate_model => 'sim/instant') } 1 .. 20;
    wait_end($_) for @ids;
    cmp_ok($of_account->($tokens[0]) + $of_account->($tokens[1]) - $before, '<=', 6, 'the account is asked six times a minute at most');
};

subtest 'row 10: a token that is not accepted' => sub {
    fresh_tokens();
    $stand_in->request('PUT', "/_control/tokens/$tokens[2]", { refuse => '401' });
    my @ids = map { queue($node, $user, prompt => "unauthenticated $_", replicate_model => 'sim/instant') } 1 .. 6;
    wait_end($_) for @ids;
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE prompt LIKE 'unauthenticated %' AND status = 'completed'"), 6,
        'the others serve');
    wait_for($node, "SELECT string_agg(token, ' ') = '$tokens[2]' FROM public.replicate_tokens WHERE NOT is_active", 'that one is deactivated');
    is($stand_in->request('GET', '/_control/stats')->{inputs}{max_accepted} >= 1, 1, 'after it was asked about');
};

subtest 'row 11: an account that cannot pay' => sub {
    for my $error ('402-billing', '402-credit', '402-limit') {
        fresh_tokens();
        $stand_in->request('PUT', "/_control/tokens/$_", { refuse => $error }) for @tokens[0, 1];
        my @ids = map { queue($node, $user, prompt => "$error $_", replicate_model => 'sim/instant') } 1 .. 4;
        wait_end($_) for @ids;
        is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE prompt LIKE '$error %' AND status = 'completed'"), 4,
            "$error: sent by the other account");
        is($node->safe_psql('postgres', "SELECT count(*) FROM atelier.tokens WHERE account = 'acme' AND is_active"
              . " AND cooling_until BETWEEN now() + interval '9 min' AND now() + interval '30 min'"), 2, "$error: the account rests, active");
    }
};

subtest 'row 21: a token is refused while its prediction runs' => sub {
    fresh_tokens();
    my ($first, $second) = token_ids(@tokens[0, 1]);
    $node->safe_psql('postgres', "UPDATE public.replicate_tokens SET is_active = false WHERE token = '$tokens[2]'");
    my $id = queue($node, $user, prompt => 'refused looks', replicate_model => 'sim/run-2s');
    ended($node, $id, 'processing', 'is running');
    my $token = value($node, $id, 'replicate_token_index') == $first ? $tokens[0] : $tokens[1];
    $stand_in->request('PUT', "/_control/tokens/$token", { refuse => '401', route => 'get' });
    wait_end($id);
    is(story($id, 'refused looks'), 'completed, 1 1, succeeded', 'another token of the account looks');
    fresh_tokens();
    $id = queue($node, $user, prompt => 'refused for ever', replicate_model => 'sim/stuck', action => 'video_create');
    ended($node, $id, 'processing', 'another one is running');
    $stand_in->request('PUT', "/_control/tokens/$_", { refuse => '401', route => 'get' }) for @tokens;
    wait_end($id);
    is(story($id, 'refused for ever'), 'failed, 1 1, lost', 'without one it is given up after its deadline');
    like(value($node, $id, 'error_message'), qr/cannot be read any more/, 'with a message');
};

subtest 'rows 27 and 32: cancelling' => sub {
    fresh_tokens();
    my $id = queue($node, $user, prompt => 'cancelled', replicate_model => 'sim/run-1m');
    ended($node, $id, 'processing', 'runs');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    wait_end($id);
    is(story($id, 'cancelled'), 'cancelled, 1 1, canceled', 'row 27: cancelled at the provider');
    $id = queue($node, $user, prompt => 'raced', replicate_model => 'sim/run-2s--cancel-race');
    ended($node, $id, 'processing', 'runs');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    wait_end($id);
    is(story($id, 'raced'), 'completed, 1 1, succeeded', 'row 32: what succeeded nevertheless is completed');
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    $id = queue($node, $user, prompt => 'unsent', replicate_model => 'sim/ok');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    is(story($id, 'unsent'), 'cancelled, 0 0, ', 'row 32: unsent, it ends at once');
    $node->safe_psql('postgres', 'SELECT atelier.resume()');
};

# Deadlines count from the sending: what waited for an hour has all of its time.
subtest 'row 31: our own deadline' => sub {
    $stand_in->request('PATCH', '/_control/settings', { deadline_scale => 1000 });
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    my $id = queue($node, $user, prompt => 'over time', replicate_model => 'sim/stuck', action => 'video_create');
    my $late = queue($node, $user, prompt => 'over time, but done', replicate_model => 'sim/stuck--cancel-race', action => 'video_create');
    my $old = queue($node, $user, prompt => 'queued an hour ago', replicate_model => 'sim/run-1s', action => 'video_create');
    $node->safe_psql('postgres', "ALTER TABLE public.generations DISABLE TRIGGER USER; UPDATE public.generations"
          . " SET created_at = now() - interval '1 hour' WHERE id = '$old'; ALTER TABLE public.generations ENABLE TRIGGER USER");
    $node->safe_psql('postgres', 'SELECT atelier.resume()');
    wait_end($_) for $old, $id, $late;
    is(story($old, 'queued an hour ago'), 'completed, 1 1, succeeded', 'the time in the queue does not count');
    is(story($id, 'over time'), 'failed, 1 1, canceled', 'cancelled at the provider after the deadline');
    is(value($node, $id, 'error_message'), 'The generation took too long and was stopped.', 'with a message');
    like(story($late, 'over time, but done'), qr/^completed, 1 1, succeeded|^failed, 1 1, lost/, 'its true final state is taken');
    $stand_in->request('PATCH', '/_control/settings', { deadline_scale => 1 });
};

subtest 'row 35: a crash between the sending and its record' => sub {
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 4000 });
    queue_many($node, $user, 5, 'crash', 'sim/ok');
    my @ids = split /\n/, $node->safe_psql('postgres', "SELECT id FROM public.generations WHERE prompt LIKE 'crash %' ORDER BY prompt");
    outstanding($stand_in, 5, 'five requests are out');
    kill 'KILL', $node->safe_psql('postgres', "SELECT pid FROM atelier.worker_state() WHERE kind = 'dispatcher'");
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
    $node->poll_query_until('postgres', 'SELECT true') or die 'no server';
    wait_end($_) for @ids;
    is(story($ids[$_ - 1], "crash $_"), 'completed, 1 1, succeeded', "crash $_: adopted") for 1, 5;
};

subtest 'rows 36 and 37: tokens that are switched off' => sub {
    my $id = queue($node, $user, prompt => 'switched off', replicate_model => 'sim/run-2s');
    ended($node, $id, 'processing', 'runs');
    $node->safe_psql('postgres', 'UPDATE public.replicate_tokens SET is_active = false');
    my $waits = queue($node, $user, prompt => 'no token', replicate_model => 'sim/ok');
    wait_end($id);
    is(story($id, 'switched off'), 'completed, 1 1, succeeded', 'row 36: a token that is not active still watches');
    $node->safe_psql('postgres', 'SELECT pg_sleep(0.6)');
    is(story($waits, 'no token'), 'queued, 0 0, ', 'row 37: without a token rows wait');
    is(health($node, 'tokens')->{status}, 'fail', 'row 37: and health() says so');
    $node->safe_psql('postgres', 'UPDATE public.replicate_tokens SET is_active = true');
    wait_end($waits);
    is(story($waits, 'no token'), 'completed, 1 1, succeeded', 'row 37: they go out when there is one');
};

subtest 'row 38: an outage that outlasts the results' => sub {
    my $running = queue($node, $user, prompt => 'ran meanwhile', replicate_model => 'sim/run-500ms');
    my $lost = queue($node, $user, prompt => 'lost meanwhile', replicate_model => 'sim/hang-created--run-100ms');
    ended($node, $running, 'processing', 'one is running');
    outstanding($stand_in, 1, 'the answer to the other is missing');
    $node->stop('immediate');
    $stand_in->request('PATCH', '/_control/settings', { retention_ms => 1 });
    sleep 0.7;
    $node->start;
    wait_end($_) for $running, $lost;
    is(story($running, 'ran meanwhile'), 'failed, 1 1, succeeded', 'its result is gone');
    is(value($node, $running, 'error_message'), 'The result of this generation has expired.', 'which it says');
    is(story($lost, 'lost meanwhile'), 'failed, 1 1, lost', 'what cannot be compared any more is not sent again');
    is(value($node, $lost, 'error_message'), 'The result of this generation has expired.', 'which it says');
    $stand_in->request('PATCH', '/_control/settings', { retention_ms => 3600000 });
};

# A row that cannot be written is set aside, holds up nobody, and a retry sends it again.
subtest 'a dead letter' => sub {
    $node->safe_psql('postgres', "ALTER TABLE public.generations ADD CONSTRAINT poison CHECK (prompt <> 'poisoned' OR status IN ('queued', 'processing', 'failed'))");
    my $poisoned = queue($node, $user, prompt => 'poisoned', replicate_model => 'sim/ok');
    my @others = map { queue($node, $user, prompt => "beside it $_", replicate_model => 'sim/ok') } 1 .. 5;
    wait_end($_) for @others, $poisoned;
    is(story($others[0], 'beside it 1'), 'completed, 1 1, succeeded', 'the others go on');
    is(story($poisoned, 'poisoned'), 'failed, 1 1, lost', 'it is set aside after bounded tries');
    like($node->safe_psql('postgres', "SELECT error FROM atelier.attempts WHERE generation_id = '$poisoned'"), qr/violates check constraint "poison"/,
        'with its reason');
    $node->safe_psql('postgres', 'ALTER TABLE public.generations DROP CONSTRAINT poison');
    $node->safe_psql('postgres', "UPDATE public.generations SET status = 'queued' WHERE id = '$poisoned'");
    wait_end($poisoned);
    is(story($poisoned, 'poisoned'), 'completed, 2 2, lost succeeded', 'a retry sends it again');
};

$node->stop;
done_testing();
