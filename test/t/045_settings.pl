# SPDX-License-Identifier: PostgreSQL
# What each setting does, and that a change takes effect with a reload: the dispatcher at the end is the one of the start.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Listener;
use Atelier::Queue;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('settings', stand_in => $stand_in,
    settings => { 'atelier.max_transfers' => 4, 'atelier.log_calls' => 'off' });
my $user = add_user($node);
dispatcher_state($node, 'running', 'the dispatcher runs');
my $dispatcher = $node->safe_psql('postgres', "SELECT pid FROM atelier.worker_state() WHERE kind = 'dispatcher'");

sub completed {
    my ($prompt, $model, %more) = @_;
    my $id = queue($node, $user, prompt => $prompt, replicate_model => $model // 'sim/instant', %more);
    ended($node, $id, 'completed', "$prompt: completed");
    return $id;
}

sub failed {
    my ($prompt) = @_;
    my $id = queue($node, $user, prompt => $prompt, replicate_model => 'sim/refuse-422-input');
    ended($node, $id, 'failed', "$prompt: failed");
    return $id;
}

sub cancelled {
    my ($prompt) = @_;
    my $id = queue($node, $user, prompt => $prompt, replicate_model => 'sim/stuck');
    ended($node, $id, 'processing', "$prompt: processing");
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    ended($node, $id, 'cancelled', "$prompt: cancelled");
    return $id;
}

# What was logged about a generation, such as "GET 200 x 2, POST 201 x 1".
sub logged {
    my ($id) = @_;
    return $node->safe_psql('postgres', <<"SQL");
SELECT coalesce(string_agg(call, ', ' ORDER BY call), '') FROM (
  SELECT method || ' ' || status_code || CASE WHEN path ~ 'cancel\$' THEN ' cancel' ELSE '' END AS call FROM public.api_logs
   WHERE generation_id = '$id' GROUP BY 1) calls
SQL
}

sub notified {
    return $node->safe_psql('postgres', "SELECT coalesce(string_agg(type || ' ' || title, ', ' ORDER BY created_at), '') FROM public.notifications");
}

subtest 'log_calls' => sub {
    my %want = (
        off => ['', '', ''],
        failures => ['', 'POST 422', ''],
        creates => ['POST 201', 'POST 422', 'POST 200 cancel, POST 201'],
        all => ['GET 200, POST 201', 'POST 422', 'GET 200, POST 200 cancel, POST 201']);
    for my $mode ('off', 'failures', 'creates', 'all') {
        set_to($node, log_calls => $mode);
        my @ids = (completed("log $mode", 'sim/ok'), failed("log $mode refused"), cancelled("log $mode cancelled"));
        # What is cancelled at once has not been looked at before.
        my @logged = map { logged($_) } @ids;
        $logged[2] =~ s/^POST 200 cancel/GET 200, $&/ if $mode eq 'all';
        is($logged[$_], $want{$mode}[$_], "$mode: " . ('completed', 'refused', 'cancelled')[$_]) for 0 .. 2;
    }
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.api_logs WHERE status_code = 422 AND error_category = 'invalid_input'"),
        3, 'a failure has its category');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.api_logs WHERE provider <> 'replicate' OR user_id IS NULL AND generation_id IS NOT NULL"),
        0, 'and every entry its provider and its user');
    set_to($node, log_calls => 'off');
};

subtest 'notify' => sub {
    completed('notify off');
    failed('notify off refused');
    is(notified(), '', 'off: nobody');
    set_to($node, notify => 'failed');
    completed('notify failed');
    cancelled('notify failed cancelled');
    is(notified(), '', 'failed: not what is completed or cancelled');
    failed('notify failed refused');
    is(notified(), 'update Generation failed: Test', 'failed: what failed');
    set_to($node, notify => 'all');
    $node->safe_psql('postgres', 'DELETE FROM public.notifications');
    completed('notify all');
    is(notified(), 'update Generation completed: Test', 'all: what is completed');
    failed('notify all refused');
    cancelled('notify all cancelled');
    my $hidden = $node->safe_psql('postgres', <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt, is_keyframe_segment)
VALUES ('$user', 'video_keyframes', 'test', 'Test', 'sim/instant', 'a segment', true) RETURNING id
SQL
    ended($node, $hidden, 'completed', 'a keyframe segment is completed');
    is(notified(), 'update Generation completed: Test, update Generation failed: Test',
        'all: what failed; never what its user cancelled, nor a segment');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.notifications WHERE user_id <> '$user' OR is_read"), 0,
        'to its user, unread');
    set_to($node, notify => undef);
};

subtest 'user_concurrency' => sub {
    set_to($node, user_concurrency => 2);
    queue($node, $user, prompt => "crowd $_", replicate_model => 'sim/stuck') for 1 .. 6;
    my $running = "SELECT count(*) = %d FROM public.generations WHERE prompt LIKE 'crowd %%' AND status = 'processing'";
    wait_for($node, sprintf($running, 2), 'two run');
    my $other = add_user($node);
    my $id = queue($node, $other, prompt => 'not in the crowd');
    ended($node, $id, 'completed', 'another user is not held up');
    is($node->safe_psql('postgres', sprintf $running, 2), 't', 'still two');
    set_to($node, user_concurrency => 3);
    wait_for($node, sprintf($running, 3), 'three after a reload');
    set_to($node, user_concurrency => 0);
    wait_for($node, sprintf($running, 6), 'all without a limit');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE prompt LIKE 'crowd %'");
    wait_for($node, "SELECT count(*) = 6 FROM public.generations WHERE prompt LIKE 'crowd %' AND status = 'cancelled'", 'cleared');
};

subtest 'max_transfers' => sub {
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 1500 });
    queue_many($node, $user, 16, 'transfer', 'sim/instant');
    wait_for($node, "SELECT in_flight = 4 FROM atelier.worker_state() WHERE kind = 'dispatcher'", 'four requests are out');
    is($stand_in->request('GET', '/_control/stats')->{requests}{outstanding}, 4, 'the provider sees as many');
    set_to($node, max_transfers => 9);
    outstanding($stand_in, 9, 'nine after a reload');
    is($stand_in->request('GET', '/_control/stats')->{requests}{peak_outstanding}, 9, 'and never more');
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
    wait_for($node, "SELECT count(*) = 16 FROM public.generations WHERE prompt LIKE 'transfer %' AND status = 'completed'", 'all complete');
    set_to($node, max_transfers => 64);
};

subtest 'deadlines' => sub {
    my $seconds = "extract(epoch FROM (replicate_output ->> 'deadline')::timestamptz - (replicate_output ->> 'created_at')::timestamptz)::integer";
    is(value($node, completed('an image'), $seconds), 300, 'an image has 5 minutes');
    is(value($node, completed('a film', 'sim/instant', action => 'video_create'), $seconds), 1800, 'a film has 30');
    set_to($node, image_deadline => '1min', video_deadline => '2h');
    is(value($node, completed('a quick image'), $seconds), 60, 'an image after a reload');
    is(value($node, completed('a slow film', 'sim/instant', action => 'video_create'), $seconds), 7200, 'a film after a reload');
    set_to($node, image_deadline => undef, video_deadline => undef);
};

subtest 'webhook_url' => sub {
    my $listener = Atelier::Listener->start(sub { return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" });
    my $attempt = "(SELECT id FROM atelier.attempts a WHERE a.generation_id = g.id)";
    my $webhook = "replicate_output ->> 'webhook'";
    is(value($node, completed('without webhook'), "$webhook IS NULL"), 't', 'none by default');
    set_to($node, webhook_url => $listener->url . '/rpc/replicate_webhook');
    my $id = completed('with webhook');
    my $number = value($node, $id, $attempt);
    is(value($node, $id, $webhook), $listener->url . "/rpc/replicate_webhook?attempt=eq.$number", 'it names the attempt');
    my @seen;
    eventually('a webhook arrives', sub { return @seen = $listener->requests });
    like($seen[0] // '', qr{^POST /rpc/replicate_webhook\?attempt=eq\.$number HTTP}, 'under that URL');
    is(value($node, $id, "replicate_output ->> 'webhook_events_filter'"), '["completed"]', 'for the end only');
    set_to($node, webhook_url => $listener->url . '/hook?key=1');
    $id = completed('with a query');
    is(value($node, $id, $webhook), $listener->url . '/hook?key=1&attempt=eq.' . value($node, $id, $attempt),
        'a query of its own is kept');
    set_to($node, webhook_url => undef);
    is(value($node, completed('without webhook again'), "$webhook IS NULL"), 't', 'none after a reload');
};

subtest 'request_timeout' => sub {
    set_to($node, request_timeout => '300ms');
    my $id = completed('a slow answer', 'sim/slow-3s');
    is(counts($stand_in, 'a slow answer'), '1 1', 'an answer that was not awaited is looked up, not asked for again');
    set_to($node, request_timeout => '5s');
};

subtest 'creates_per_minute' => sub {
    # An account that has not sent anything in the last minute.
    $node->safe_psql('postgres', "UPDATE public.replicate_tokens SET is_active = false");
    add_token($node, 'r8_fresh_settings_1');
    my $before = creates($stand_in);
    set_to($node, creates_per_minute => 3);
    queue_many($node, $user, 8, 'per minute', 'sim/instant');
    wait_for($node, "SELECT count(*) BETWEEN 1 AND 3 FROM public.generations WHERE prompt LIKE 'per minute %' AND status = 'completed'",
        'some are sent');
    $node->safe_psql('postgres', 'SELECT pg_sleep(1)');
    cmp_ok(creates($stand_in) - $before, '<=', 3, 'but not more than three');
    set_to($node, creates_per_minute => 0);
    wait_for($node, "SELECT count(*) = 8 FROM public.generations WHERE prompt LIKE 'per minute %' AND status = 'completed'",
        'all without a limit');
};

subtest 'max_attempts' => sub {
    set_to($node, max_attempts => 1);
    my $id = queue($node, $user, prompt => 'once', replicate_model => 'sim/fail-pa-x1');
    ended($node, $id, 'failed', 'one attempt: failed');
    is(counts($stand_in, 'once'), '1 1', 'one prediction');
    set_to($node, max_attempts => 2);
    completed('twice', 'sim/fail-pa-x1');
    is(counts($stand_in, 'twice'), '2 2', 'two attempts: two predictions');
};

is($node->safe_psql('postgres', "SELECT pid FROM atelier.worker_state() WHERE kind = 'dispatcher'"), $dispatcher,
    'the dispatcher was never restarted');

subtest 'databases' => sub {
    my $workers = "SELECT count(*) = %d FROM pg_stat_activity WHERE datname = 'postgres' AND backend_type LIKE 'atelier %%'";
    set_to($node, databases => 'elsewhere, another');
    wait_for($node, sprintf($workers, 0), 'the workers leave a database that is not named any more');
    my $id = queue($node, $user, prompt => 'unnamed');
    $node->safe_psql('postgres', 'SELECT atelier.start_workers()');
    $node->safe_psql('postgres', 'SELECT pg_sleep(1.5)');
    status_is($node, $id, 'queued', 'its rows wait');
    is($node->safe_psql('postgres', sprintf $workers, 0), 't', 'and start_workers() does not help');
    set_to($node, databases => 'elsewhere, postgres');
    ended($node, $id, 'completed', 'before it is named again');
};

subtest 'values out of range' => sub {
    for my $value ('max_transfers = 0', 'max_transfers = 2001', 'request_timeout = 99', 'poll_interval = 9', 'user_concurrency = -1',
        'max_attempts = 0', 'max_attempts = 11', 'image_deadline = 4', "image_deadline = '25h'", "log_calls = 'some'", "notify = 'some'",
        'install = maybe', "safety_poll = '10min'", 'nonsense = 1') {
        my ($status, $out, $error) = $node->psql('postgres', "ALTER SYSTEM SET atelier.$value");
        like($error, qr/outside the valid range|invalid value|invalid configuration parameter|unrecognized/, $value);
    }
};

$node->stop;
done_testing();
