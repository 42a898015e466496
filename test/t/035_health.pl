# SPDX-License-Identifier: PostgreSQL
# health(): each check is broken once, is seen, and is well again after what its hint says. The hints are run as a DBA
# pastes them into psql; one that asks for a restart gets it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use HTTP::Tiny;
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('health', stand_in => $stand_in, settings => { 'atelier.safety_poll' => '5min', 'atelier.models_only' => 'on' });
my $user = add_user($node);
$node->safe_psql('postgres', "INSERT INTO atelier.models (replicate_model) VALUES ('sim/instant')");

my @checks = ('tables', 'guards', 'changes', 'row level security', 'owner', 'grants', 'roles', 'preload', 'worker places', 'workers', 'provider',
    'dispatch', 'tokens', 'queue', 'attempts', 'trainings', 'models', 'budget', 'outputs', 'counts', 'webhooks',
    'adoption', 'policies');

sub well {
    my ($check) = @_;
    my $found = health($node, $check);
    is($found->{status}, 'ok', "$check: is well") or diag($found->{detail});
    return is($found->{hint}, '', "$check: needs no hint");
}

# A check that waits for the workers to do something.
sub becomes_well {
    my ($check) = @_;
    wait_for($node, "SELECT status = 'ok' FROM atelier.health() WHERE check_name = '$check'", "$check: becomes well");
    return well($check);
}

# Status and detail of a broken check, then its hint.
sub broken {
    my ($check, $status, $detail, $test) = @_;
    my $found = health($node, $check);
    is($found->{status}, $status, "$check: $test: $status");
    like($found->{detail}, $detail, "$check: $test: says what is wrong");
    return run_hint($node, $check);
}

subtest 'all is well' => sub {
    becomes_well('workers');
    is($node->safe_psql('postgres', "SELECT string_agg(check_name, ',') FROM atelier.health()"), join(',', @checks), 'the checks');
    well($_) for @checks;
};

subtest 'who may ask, and how' => sub {
    is($node->safe_psql('postgres', 'BEGIN READ ONLY; SELECT count(*) FROM atelier.health(); COMMIT'), scalar(@checks), 'in a read-only transaction');
    is($node->safe_psql('postgres', 'SET ROLE service_role; SELECT count(*) FROM atelier.health()'), scalar(@checks), 'service_role may');
    for my $role ('authenticated', 'anon') {
        my ($status, $out, $error) = $node->psql('postgres', "SET ROLE $role; SELECT count(*) FROM atelier.health()");
        like($error, qr/permission denied for function health/, "$role may not");
    }
    is($node->safe_psql('postgres', "SET search_path = ''; SELECT count(*) FROM atelier.health()"), scalar(@checks), 'with an empty search_path');
};

subtest 'tables' => sub {
    $node->safe_psql('postgres', 'DELETE FROM atelier.migrations');
    broken('tables', 'fail', qr/^version 0 of the tables, version \d+ of the code$/, 'older tables');
    well('tables');
    $node->safe_psql('postgres', 'DROP TABLE public.notifications CASCADE');
    is(health($node, 'tables')->{detail}, 'missing: public.notifications', 'tables: one that is missing is named');
    is($node->safe_psql('postgres', "SELECT count(*) FROM atelier.health() WHERE check_name = 'guards'"), 1,
        'tables: other checks go on');
    run_hint($node, 'tables');
    well('tables');
    well('guards');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.notifications"), 0, 'tables: the table is made anew');
    $node->safe_psql('postgres', 'DELETE FROM atelier.identity');
    broken('tables', 'fail', qr/^atelier\.identity has no row/, 'without identity');
    well($_) for 'tables', 'dispatch';
};

subtest 'guards' => sub {
    $node->safe_psql('postgres', 'DROP TRIGGER user_guard_trigger ON public.users; DROP POLICY users_update_own ON public.users');
    broken('guards', 'fail', qr/missing: user_guard_trigger on (?:public\.)?users, users_update_own on (?:public\.)?users/, 'dropped');
    well('guards');
    $node->safe_psql('postgres', 'ALTER TABLE public.generations DISABLE TRIGGER generation_guard_trigger');
    broken('guards', 'fail', qr/disabled: generation_guard_trigger on (?:public\.)?generations/, 'disabled');
    well('guards');
    # Fires for replicated changes only, which is never for a user.
    $node->safe_psql('postgres', 'ALTER TABLE public.generations ENABLE REPLICA TRIGGER generation_guard_trigger');
    broken('guards', 'fail', qr/disabled: generation_guard_trigger on (?:public\.)?generations/, 'for replicas only');
    well('guards');
};

subtest 'rights' => sub {
    $node->safe_psql('postgres', 'ALTER TABLE public.users DISABLE ROW LEVEL SECURITY; ALTER TABLE atelier.attempts DISABLE ROW LEVEL SECURITY');
    broken('row level security', 'fail', qr/^disabled on .*attempts.*users|^disabled on .*users.*attempts/, 'switched off');
    well('row level security');
    $node->safe_psql('postgres', 'CREATE ROLE somebody; ALTER TABLE public.api_logs OWNER TO somebody');
    broken('owner', 'fail', qr/^of another role: (?:public\.)?api_logs$/, 'given away');
    well('owner');
    $node->safe_psql('postgres', 'ALTER ROLE authenticated BYPASSRLS; ALTER ROLE service_role NOBYPASSRLS; ALTER ROLE atelier_owner SUPERUSER');
    broken('roles', 'fail', qr/^wrong attributes: (?=.*authenticated)(?=.*service_role)(?=.*atelier_owner)/, 'changed');
    well('roles');
    $node->safe_psql('postgres', 'CREATE PUBLICATION supabase_realtime FOR TABLE public.generations, public.notifications');
    broken('realtime', 'warn', qr/^generations are in supabase_realtime/, 'published');
    well('realtime');
    is($node->safe_psql('postgres', 'SELECT tablename FROM pg_publication_tables'), 'notifications', 'realtime: others stay in it');
    $node->safe_psql('postgres', 'DROP PUBLICATION supabase_realtime');
};

subtest 'dispatch' => sub {
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    broken('dispatch', 'warn', qr/^paused$/, 'paused');
    well('dispatch');
    $node->safe_psql('postgres', "UPDATE atelier.identity SET dispatch = 'held'");
    broken('dispatch', 'fail', qr/^held: tables with rows were adopted$/, 'adopted');
    well('dispatch');
    $node->safe_psql('postgres', 'UPDATE atelier.identity SET database_oid = 1');
    broken('dispatch', 'fail', qr/^held: this database is a copy/, 'copied');
    well('dispatch');
};

subtest 'tokens' => sub {
    $node->safe_psql('postgres', 'UPDATE public.replicate_tokens SET is_active = false');
    broken('tokens', 'fail', qr/^no active token/, 'switched off');
    well('tokens');
    $node->safe_psql('postgres', <<'SQL');
DELETE FROM public.replicate_tokens WHERE NOT is_active;
INSERT INTO atelier.token_state (token_id, cooling_until) SELECT id, now() + interval '1 h' FROM public.replicate_tokens
    ON CONFLICT (token_id) DO UPDATE SET cooling_until = excluded.cooling_until;
UPDATE public.replicate_tokens SET token = 'r8_health_cooling_1';
SQL
    broken('tokens', 'warn', qr/^all 1 active tokens cool down, the first one until \d{4}-/, 'cooling down');
    well('tokens');
};

# Put in behind the triggers' back, so that nobody is woken; the safety poll is minutes away.
subtest 'queue' => sub {
    $node->safe_psql('postgres', <<"SQL");
SET session_replication_role = replica;
INSERT INTO public.generations (id, user_id, action, model_id, model_name, replicate_model, replicate_input, created_at)
VALUES ('00000000-0000-4000-8000-00000000a1de', '$user', 'create', 'test', 'Test', 'sim/instant', '{"prompt": "old"}',
        now() - interval '11 min');
INSERT INTO atelier.queue (generation_id, user_id) VALUES ('00000000-0000-4000-8000-00000000a1de', '$user');
SQL
    broken('queue', 'warn', qr/^a generation that is due waits for 00:11:0\d$/, 'waits');
    becomes_well('queue');
    is(counts($stand_in, 'old'), '1 1', 'queue: it was sent');
};

# An attempt that no dispatcher has in mind, such as one whose end could not be written.
subtest 'attempts' => sub {
    my $answer = HTTP::Tiny->new->post($stand_in->url . '/v1/models/sim/instant/predictions',
        { headers => { authorization => 'Bearer r8_health_cooling_1', 'content-type' => 'application/json' },
            content => '{"input": {"prompt": "left alone"}}' });
    my $prediction = decode_json($answer->{content})->{id};
    $node->safe_psql('postgres', <<"SQL");
SET session_replication_role = replica;
INSERT INTO public.generations (id, user_id, action, model_id, model_name, replicate_model, replicate_input, status)
VALUES ('00000000-0000-4000-8000-00000000a77e', '$user', 'create', 'test', 'Test', 'sim/instant', '{"prompt": "left alone"}',
        'processing');
INSERT INTO atelier.attempts (generation_id, user_id, sent_at, deadline, token_id, number, state, prediction_id)
SELECT '00000000-0000-4000-8000-00000000a77e', '$user', now() - interval '30 min', now() - interval '15 min', max(id), 1,
       'running', '$prediction' FROM public.replicate_tokens WHERE token = 'r8_health_cooling_1';
SQL
    broken('attempts', 'warn', qr/^1 are open beyond their deadline$/, 'left alone');
    becomes_well('attempts');
    is(value($node, '00000000-0000-4000-8000-00000000a77e', 'status'), 'completed', 'attempts: it was looked at');
};

subtest 'fast, however long the queue' => sub {
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    $node->safe_psql('postgres', <<'SQL');
INSERT INTO public.users (id) SELECT gen_random_uuid() FROM generate_series(1, 400);
SET session_replication_role = replica;
INSERT INTO public.generations (id, user_id, action, model_id, model_name, replicate_model, replicate_input)
SELECT gen_random_uuid(), u.id, 'create', 'test', 'Test', 'sim/instant', '{"prompt": "many"}'
  FROM public.users u, generate_series(1, 50) WHERE u.email IS NULL;
INSERT INTO atelier.queue (generation_id, user_id) SELECT id, user_id FROM public.generations WHERE status = 'queued';
SQL
    is($node->safe_psql('postgres', 'SELECT waiting FROM atelier.queue_status'), 20000, '20,000 rows wait');
    my @ms = $node->safe_psql('postgres', "\\timing on\n" . "SELECT count(*) FROM atelier.health();\n" x 5) =~ /^Time: ([\d.]+) ms/mg;
    my ($best) = sort { $a <=> $b } @ms;
    diag("health() with 20,000 queued rows: $best ms");
    is(scalar(@ms), 5, 'health() was measured');
    cmp_ok($best, '<', 1000, 'health() is fast');
    is(health($node, 'queue')->{status}, 'ok', 'none of them waits long yet');
    $node->safe_psql('postgres', 'DELETE FROM public.generations; SELECT atelier.resume()');
};

# Limits that are not reached, and such that are; what hints do about them.
subtest 'money' => sub {
    $node->safe_psql('postgres', 'ALTER SYSTEM SET atelier.models_only = off');
    reload($node);
    broken('models', 'warn', qr/^users may queue every model, at whatever price$/, 'off');
    reload($node);
    well('models');
    $node->safe_psql('postgres', <<"SQL");
INSERT INTO atelier.spending (day, user_id, usd)
SELECT (now() AT TIME ZONE 'UTC')::date, u, 5.5 FROM unnest('{00000000-0000-0000-0000-000000000000,$user}'::uuid[]) u;
INSERT INTO atelier.user_limits (user_id, daily_budget_usd) VALUES ('$user', 0);
SQL
    broken('budget', 'warn', qr/^reached by 1 users, whose rows wait until tomorrow; 5\.50 dollars spent today \(UTC\), no limit$/, 'of a user');
    well('budget');
    set_to($node, daily_budget_usd => 5);
    broken('budget', 'warn', qr/^reached: 5\.50 of 5 dollars spent today \(UTC\), rows wait until tomorrow$/, 'of all');
    reload($node);
    well('budget');
    $node->safe_psql('postgres', 'DELETE FROM atelier.spending; DELETE FROM atelier.user_limits');
    $node->safe_psql('postgres', "INSERT INTO atelier.outputs (generation_id, ordinal, kind, url, expires_at) "
        . "VALUES ('$user', 1, 'image', 'https://o.test/1.png', now() + interval '14 min')");
    broken('outputs', 'warn', qr/^1 files expire within 15 minutes$/, 'soon');
    $node->safe_psql('postgres', 'DELETE FROM atelier.outputs');
    well('outputs');
};

# Nobody listens there, so five requests in a row do not arrive.
subtest 'provider' => sub {
    set_to($node, api_base_url => 'http://127.0.0.1:9/v1');
    queue($node, $user, prompt => "unreached $_") for 1 .. 5;
    wait_for($node, "SELECT status = 'fail' FROM atelier.health() WHERE check_name = 'provider'", 'provider: fails');
    my $found = health($node, 'provider');
    like($found->{detail}, qr{^the last \d+ requests did not reach http://127\.0\.0\.1:9/v1$}, 'provider: says what is wrong');
    is($found->{hint}, q(ALTER SYSTEM SET atelier.api_base_url = 'https://api.replicate.com/v1'; SELECT pg_reload_conf();),
        'provider: says what to do');
    # No test talks to the provider.
    (my $hint = $found->{hint}) =~ s{https://api\.replicate\.com}{$stand_in->url}e;
    $node->safe_psql('postgres', $hint);
    becomes_well('provider');
    wait_for($node, "SELECT count(*) = 5 FROM public.generations WHERE status = 'completed'", 'provider: the rows complete');
};

subtest 'workers' => sub {
    $node->append_conf('postgresql.conf', "atelier.databases = 'elsewhere'");
    $node->restart;
    my $found = health($node, 'workers');
    is($found->{status}, 'fail', 'workers: fails');
    like($found->{detail}, qr/^no dispatcher or no keeper runs for this database, and atelier\.databases is 'elsewhere'$/,
        'workers: says what is wrong');
    run_hint($node, 'workers');
    becomes_well('workers');
    like($node->safe_psql('postgres', 'SHOW atelier.databases'), qr/elsewhere/, 'workers: those of the other database stay');
    $node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM atelier.worker_state() WHERE kind = 'keeper'");
    becomes_well('workers');
};

subtest 'worker places' => sub {
    $node->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 2');
    $node->restart;
    broken('worker places', 'fail', qr/^max_worker_processes is 2, 4 are needed$/, 'too few');
    $node->restart;
    well('worker places');
    becomes_well('workers');
};

# A list that is there already is kept, whatever its entries look like.
subtest 'preload' => sub {
    $node->append_conf('postgresql.conf', q(shared_preload_libraries = '$libdir/plpgsql'));
    $node->restart;
    broken('preload', 'fail', qr/^the library is not preloaded/, 'not preloaded');
    $node->restart;
    is($node->safe_psql('postgres', q(SELECT replace(setting, '"', '') FROM pg_settings WHERE name = 'shared_preload_libraries')),
        '$libdir/plpgsql, atelier', 'preload: what was there stays');
    becomes_well('preload');
    becomes_well('workers');
    my $id = queue($node, $user, prompt => 'at last');
    ended($node, $id, 'completed', 'and all of it works');
    # Rows that came without triggers above may have been put right by the keeper, which it tells.
    like(health_line($node), qr/^(?:counts warn)?$/, 'nothing is left to complain about');
};

$node->stop;
done_testing();
