# SPDX-License-Identifier: PostgreSQL
# What others do to a training that is under way: whoever ends or deletes its LoRA cancels it at the provider, whatever its
# step; tokens, leases, pause and drain; what it costs, and what a budget does to it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue qw(eventually health outstanding run_hint set_to);
use Atelier::Training;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('control', stand_in => $stand_in, settings => {
    'atelier.download_hosts' => '127.0.0.1', 'atelier.fault_time_scale' => '0.05', 'atelier.models_only' => 'on' });
my $studio = Atelier::Training->new($node, $stand_in);

sub sql { return $node->safe_psql('postgres', $_[0]) }

# What ends a training, and what its LoRA says afterwards.
my %ways = (
    'the app' => [ sub { sql("UPDATE user_loras SET status = 'failed', error_message = 'by the app' WHERE id = '$_[0]'") }, 'failed by the app' ],
    'the app, which thinks better of it' => [
        sub { sql("BEGIN; UPDATE user_loras SET status = 'failed' WHERE id = '$_[0]'; UPDATE user_loras SET status = 'uploading' WHERE id = '$_[0]'; COMMIT") }, 'uploading ' ],
    'its user, softly' => [ sub { sql_as($node, $_[1], "UPDATE user_loras SET deleted_at = now() WHERE id = '$_[0]'") }, undef ],
    'its user' => [ sub { sql_as($node, $_[1], "DELETE FROM user_loras WHERE id = '$_[0]'") }, '' ],
    'the end of its user' => [ sub { sql("DELETE FROM users WHERE id = '$_[1]'") }, '' ]);

# Brings a training to a step: [trainer, state to wait for, trainings that the stand-in then has].
my %steps = (
    'before it is sent'   => [ 'sim/ok', 'queued', 0 ],
    'while it is sent'    => [ 'sim/run-1m', 'sending', 1 ],
    'while it is unknown' => [ 'sim/run-1m--hang-created-x1', 'sending', 1 ],
    'when it never arrived' => [ 'sim/hang-not-created-x1', 'unknown', 0 ],
    'while it runs'       => [ 'sim/run-1m', 'running', 1 ]);

for my $step (sort keys %steps) {
    subtest "ended $step" => sub {
        my ($trainer, $state, $stored) = @{ $steps{$step} };
        set_to($node, request_timeout => '2s') if $trainer =~ /hang/;
        $studio->trainer($trainer);
        for my $who (sort keys %ways) {
            my ($end, $says) = @{ $ways{$who} };
            my ($had, $canceled, $posts) = ($studio->stored, $studio->canceled, $studio->posts);
            my $user = add_user($node);
            sql('SELECT atelier.pause()') if $state eq 'queued';
            $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 2000 }) if $step eq 'while it is sent';
            my $lora = $studio->start($user);
            $studio->becomes($lora, $state, "$who: $state");
            $end->($lora, $user);
            sql('SELECT atelier.resume()') if $state eq 'queued';
            $studio->becomes($lora, 'cancelled', "$who: the training is cancelled");
            $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
            is($studio->stored - $had, $stored, "$who: no further one was started");
            is($studio->canceled - $canceled, $stored, "$who: and that one is cancelled at the provider");
            is($studio->posts - $posts, $state eq 'queued' ? 0 : 1, "$who: one request at most");
            is($studio->value($lora, "concat(status, ' ', error_message)"), $says, "$who: the LoRA is left as it is") if defined $says;
            is(sql("SELECT count(*) FROM notifications WHERE user_id = '$user'"), 0, "$who: nobody is told of anything");
        }
        set_to($node, request_timeout => undef) if $trainer =~ /hang/;
    };
}

subtest 'what the app trains itself' => sub {
    $studio->trainer('sim/ok');
    sql('SELECT atelier.pause()');
    my $posts = $studio->posts;
    my $lora = $studio->start(add_user($node));
    sql("UPDATE user_loras SET status = 'training', replicate_training_id = 'own' WHERE id = '$lora'");
    sql('SELECT atelier.resume()');
    $studio->becomes($lora, 'cancelled', 'it is not waited for any more');
    is($studio->value($lora, "concat(status, ' ', replicate_training_id)"), 'training own', 'and the LoRA is the app\'s');
    is($studio->posts, $posts, 'nothing was sent');
};

subtest 'a cancel that is refused' => sub {
    $studio->trainer('sim/run-1m--cancel-403-x1');
    my $canceled = $studio->canceled;
    my $user = add_user($node);
    my $lora = $studio->start($user);
    $studio->becomes($lora, 'running', 'it runs');
    sql_as($node, $user, "DELETE FROM user_loras WHERE id = '$lora'");
    $studio->becomes($lora, 'cancelled', 'it is said again');
    is($studio->canceled, $canceled + 1, 'and done at the provider');
};

# The id is free again, and somebody else takes it.
subtest 'another LoRA of the same id' => sub {
    $studio->trainer('sim/run-1m');
    my ($user, $other) = (add_user($node), add_user($node));
    my $lora = $studio->start($user);
    $studio->becomes($lora, 'running', 'it runs');
    sql("DELETE FROM user_loras WHERE id = '$lora'; INSERT INTO user_loras (id, user_id, name, trigger_word, status)"
          . " VALUES ('$lora', '$other', 'Taken', 'TAKEN', 'uploading')");
    $studio->becomes($lora, 'cancelled', 'it is cancelled');
    is($studio->value($lora, 'lora_url IS NULL AND status = \'uploading\''), 't', 'and nothing of it reaches the other');
};

subtest 'tokens' => sub {
    $studio->trainer('sim/run-3s');
    my $lora = $studio->start(add_user($node));
    $studio->becomes($lora, 'running', 'one runs');
    add_token($node, 'r8_other_control_1');
    sql("DELETE FROM replicate_tokens WHERE token NOT LIKE 'r8_other%'");
    is(sql('SELECT count(*) FROM atelier.kept_tokens'), 1, 'the deleted token is kept');
    $node->stop('immediate');
    $node->start;
    $studio->ended($lora, 'completed', 'and the training is followed with it to its end, also after a crash');
    sql("UPDATE replicate_tokens SET is_active = true");
    wait_for($node, 'SELECT count(*) = 0 FROM atelier.kept_tokens', 'then it is forgotten');

    $studio->trainer('sim/run-1m');
    my ($user, $canceled) = (add_user($node), $studio->canceled);
    $lora = $studio->start($user);
    $studio->becomes($lora, 'running', 'another one runs');
    sql("UPDATE replicate_tokens SET is_active = false; DELETE FROM replicate_tokens");
    sql_as($node, $user, "DELETE FROM user_loras WHERE id = '$lora'");
    $studio->becomes($lora, 'cancelled', 'or cancelled with it');
    is($studio->canceled, $canceled + 1, 'at the provider too');

    add_token($node, 'r8_acme_control_2');
    $studio->trainer('sim/run-2s');
    $lora = $studio->start(add_user($node));
    $studio->becomes($lora, 'running', 'a third one runs');
    sql('UPDATE replicate_tokens SET is_active = false');
    $studio->ended($lora, 'completed', 'with a token that is switched off it is followed all the same');
    sql("UPDATE replicate_tokens SET is_active = true");
};

# Two refusals, as for predictions; what waits goes on with the next token.
subtest 'a token that was revoked' => sub {
    sql('DELETE FROM replicate_tokens');
    add_token($node, 'r8_acme_revoked_1');
    $studio->trainer('sim/ok');
    wait_for($node, "SELECT count(*) = 1 FROM atelier.token_state WHERE account = 'acme'", 'its account is known');
    $stand_in->request('POST', '/_control/fail', { route => 'training', error => '401', times => 1 });
    $stand_in->request('PUT', '/_control/tokens/r8_acme_revoked_1', { refuse => '401', route => 'account' });
    my $lora = $studio->start(add_user($node));
    wait_for($node, 'SELECT NOT is_active FROM replicate_tokens', 'it is switched off');
    add_token($node, 'r8_acme_revoked_2');
    $studio->ended($lora, 'completed', 'and another one is used');
    $stand_in->request('DELETE', '/_control/tokens/r8_acme_revoked_1');
};

# A claim that was committed though the dispatcher was told that it was not.
subtest 'a lease that ends' => sub {
    my ($user, $had) = (add_user($node), $studio->stored);
    my $lora = $studio->lora($user);
    sql("UPDATE users SET is_active = false WHERE id = '$user'; SELECT start_lora_training('$lora')");
    sql(<<"SQL");
UPDATE atelier.trainings t SET state = 'sending', number = 1, sent_at = now() - interval '10 min', deadline = now() + interval '1 h',
       token_id = (SELECT max(id) FROM replicate_tokens), input = '{"input_images": "https://lost.test/1"}', lease_until = now() - interval '1 s'
 WHERE t.lora_id = '$lora'
SQL
    wait_for($node, "SELECT state = 'queued' AND error = 'the creating request never arrived' FROM atelier.trainings WHERE lora_id = '$lora'",
        'it is looked up, and goes back');
    sql("UPDATE users SET is_active = true WHERE id = '$user'");
    $studio->ended($lora, 'completed', 'and is trained');
    is($studio->stored, $had + 1, 'once');
    is($studio->training($lora, 'lease_until'), '', 'and no lease is left');
};

subtest 'its time is over while nobody was there' => sub {
    $studio->trainer('sim/run-1s');
    my $lora = $studio->start(add_user($node));
    $studio->becomes($lora, 'running', 'it runs');
    sql("UPDATE atelier.trainings SET deadline = now() - interval '2 days' WHERE lora_id = '$lora'");
    $node->stop('immediate');
    eventually('it ends', sub { return ($studio->stats->{trainings}{processing} // 0) == 0 });
    $node->start;
    $studio->ended($lora, 'completed', 'its result is not lost');

    $studio->trainer('sim/run-1m');
    my $canceled = $studio->canceled;
    $lora = $studio->start(add_user($node));
    $studio->becomes($lora, 'running', 'another one runs');
    $node->stop('immediate');
    $node->start;
    sql("UPDATE atelier.trainings SET deadline = now() - interval '2 days' WHERE lora_id = '$lora'; SELECT atelier.wake()");
    $node->stop('immediate');
    $node->start;
    $studio->ended($lora, 'failed', 'what still runs is cancelled');
    is($studio->canceled, $canceled + 1, 'at the provider');
};

subtest 'the provider does not know it for a moment' => sub {
    $studio->trainer('sim/run-10s');
    my $lora = $studio->start(add_user($node));
    # Longer than one that is missing from the beginning is waited for.
    wait_for($node, "SELECT state = 'running' AND clock_timestamp() > sent_at + interval '4 s' FROM atelier.trainings WHERE lora_id = '$lora'", 'it runs for a while');
    $stand_in->request('POST', '/_control/fail', { route => 'training', error => '404', times => 1 });
    $studio->ended($lora, 'completed', 'it completes');
};

subtest 'pause and drain' => sub {
    $studio->trainer('sim/run-2s');
    my $lora = $studio->start(add_user($node));
    $studio->becomes($lora, 'running', 'one runs');
    is(sql('SELECT atelier.drain()'), 1, 'drain() counts it');
    my ($posts, $uploads) = ($studio->posts, $studio->uploads);
    my $next = $studio->start(add_user($node));
    $node->stop('immediate');
    $node->start;
    $studio->ended($lora, 'completed', 'it is watched to its end, also over a restart');
    is(sql('SELECT atelier.drain()'), 0, 'then nothing is under way');
    is($studio->training($next, 'state'), 'queued', 'the next one waits');
    is($studio->posts . ' ' . $studio->uploads, "$posts $uploads", 'nothing was sent for it');
    sql('SELECT atelier.resume()');
    $studio->ended($next, 'completed', 'until resume()');
};

subtest 'money' => sub {
    $studio->trainer('sim/run-300ms');
    my ($user, $other) = (add_user($node), add_user($node));
    my $before = sql('SELECT atelier.spent_today()');
    sql("INSERT INTO atelier.models (replicate_model, price_rule) VALUES ('sim/run-300ms', 'lora');"
          . "INSERT INTO atelier.prices (rule, metric, usd) VALUES ('lora', 'run', 3)");
    $studio->ended($studio->start($user), 'completed', 'one is trained');
    is(sql("SELECT cost_usd::integer FROM atelier.trainings ORDER BY id DESC LIMIT 1"), 3, 'its cost is known');
    is(sql("SELECT atelier.spent_today('$user')::integer"), 3, 'and counts for its user');
    is(sql('SELECT atelier.spent_today()') - $before, 3, 'and for all');

    sql("INSERT INTO atelier.user_limits (user_id, daily_budget_usd) VALUES ('$user', 3)");
    my $uploads = $studio->uploads;
    my $waits = $studio->start($user);
    $studio->ended($studio->start($other), 'completed', 'the budget of a user is his alone');
    is($studio->training($waits, 'state'), 'queued', 'his next one waits');
    like(health($node, 'budget')->{detail}, qr/^reached by 1 users/, 'health() says so');
    sql('DELETE FROM atelier.user_limits');
    $studio->ended($waits, 'completed', 'until there is room');

    set_to($node, daily_budget_usd => 9);
    my $posts = $studio->posts;
    $uploads = $studio->uploads;
    $waits = $studio->start($user);
    like(health($node, 'budget')->{detail}, qr/^reached: 9\.00 of 9 dollars/, 'health() counts trainings');
    my $generation = Atelier::Queue::queue($node, $other, replicate_model => 'sim/run-300ms');
    is(sql("SELECT reason FROM explain_generation('$generation')"), 'budget', 'and so does explain_generation()');
    is($studio->training($waits, 'state'), 'queued', 'the next one waits');
    is($studio->uploads . ' ' . $studio->posts, "$uploads $posts", 'and its pictures with it');
    set_to($node, daily_budget_usd => undef);
    $studio->ended($waits, 'completed', 'until there is room');
    Atelier::Queue::ended($node, $generation, 'completed', 'for generations too');
};

# A row of the app's that cannot be written costs the training nothing else.
subtest 'what a trigger refuses' => sub {
    sql(<<'SQL');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not today'; END$$;
CREATE TRIGGER refuse BEFORE UPDATE ON user_loras FOR EACH ROW WHEN (NEW.status = 'completed') EXECUTE FUNCTION refuse();
SQL
    my $had = $studio->stored;
    my $lora = $studio->start(add_user($node));
    $studio->becomes($lora, 'succeeded', 'the training ends');
    like($studio->training($lora, 'error'), qr/could not be written: not today/, 'and says what went wrong');
    sql('DROP FUNCTION refuse() CASCADE');
    is($studio->stored, $had + 1, 'nothing is done twice');
};

subtest 'health()' => sub {
    is(health($node, 'trainings')->{status}, 'ok', 'all is well');
    sql('UPDATE replicate_tokens SET is_active = false');
    my $lora = $studio->start(add_user($node));
    my $found = health($node, 'trainings');
    is("$found->{status}, $found->{detail}", 'warn, 1 are queued, and no token is active', 'no token');
    sql('UPDATE replicate_tokens SET is_active = true');
    $studio->ended($lora, 'completed', 'then it is trained');

    sql('SELECT atelier.pause()');
    $lora = $studio->start(add_user($node));
    sql("UPDATE atelier.trainings SET created_at = now() - interval '2 hours' WHERE lora_id = '$lora'");
    like(health($node, 'trainings')->{detail}, qr/^one that could be started waits for 02:00:/, 'one that waits for long');
    sql('SELECT atelier.resume()');
    $studio->ended($lora, 'completed', 'then it is trained, too');

    sql('SELECT atelier.pause()');
    $lora = $studio->start(add_user($node), undef, 'https://pictures.test/a.jpg');
    set_to($node, download_hosts => '');
    $found = health($node, 'trainings');
    is("$found->{status}, $found->{detail}", 'warn, 1 are queued, and their pictures may be downloaded from nowhere', 'no host');
    run_hint($node, 'trainings');
    Atelier::Queue::reload($node);
    is(health($node, 'trainings')->{status}, 'ok', 'then they may');
    set_to($node, download_hosts => '');
    sql('SELECT atelier.resume()');
    $studio->ended($lora, 'failed', 'without a host it fails');
    like(health($node, 'trainings')->{detail}, qr/^1 have failed since yesterday, as their pictures may be downloaded from nowhere/, 'and that is told');
};

$node->stop;
done_testing();
