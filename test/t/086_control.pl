# SPDX-License-Identifier: PostgreSQL
# What users and the app want of a generation that was sent: cancel, retry, an end that the app writes, a deleted row, a
# deleted or changed token, a prediction id in the wrong row. Counted at the stand-in.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use HTTP::Tiny;
use JSON::PP ();
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('control', stand_in => $stand_in, token => 0, settings => { 'atelier.user_concurrency' => 0 });
my $user = add_user($node);
add_token($node, 'r8_acme_control_1');

sub value {
    my ($sql) = @_;
    return $node->safe_psql('postgres', $sql);
}

sub queue {
    my ($prompt, $model) = @_;
    return sql_as($node, $user, <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)
VALUES ('$user', 'create', 'test', 'Test', '$model', '$prompt') RETURNING id
SQL
}

# A generation that runs at the provider until somebody ends it.
sub running {
    my ($prompt, $model) = @_;
    my $id = queue($prompt, $model // 'sim/stuck');
    wait_for($node, "SELECT status = 'processing' FROM public.generations WHERE id = '$id'", "$prompt: runs");
    return $id;
}


sub stats { return $stand_in->request('GET', '/_control/stats') }

sub accepted {
    my ($prompt) = @_;
    my ($found) = grep { ($_->{prompt} // '') eq $prompt } @{ $stand_in->request('GET', '/_control/inputs')->{inputs} };
    return $found ? $found->{accepted} : 0;
}

# How many predictions have been canceled there so far.
sub canceled { return stats()->{predictions}{canceled} // 0 }

sub attempt_ends {
    my ($id, $state) = @_;
    return wait_for($node, "SELECT state = '$state' FROM atelier.attempts WHERE generation_id = '$id' ORDER BY number DESC LIMIT 1",
        "its attempt ends as $state");
}

my $credits = "SELECT credits FROM public.users WHERE id = '$user'";

subtest 'cancel_generation()' => sub {
    my $before = canceled();
    my $id = running('cancel');
    is(sql_as($node, $user, "SELECT cancel_generation(p_generation_id => '$id')"), 'processing', 'it runs on until the provider says');
    wait_for($node, "SELECT status = 'cancelled' FROM public.generations WHERE id = '$id'", 'then it is cancelled');
    is(canceled(), $before + 1, 'at the provider too');
    is(sql_as($node, $user, "SELECT cancel_generation('$id')"), 'cancelled', 'a second call changes nothing');
    is(value("SELECT completed_at IS NOT NULL AND error_message IS NULL FROM public.generations WHERE id = '$id'"), 't', 'it has an end');
};

subtest 'a cancel that comes too late' => sub {
    my $id = running('race', 'sim/run-1s--cancel-race');
    my $had = value($credits);
    sql_as($node, $user, "SELECT cancel_generation('$id')");
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE id = '$id'", 'the true final state counts');
    is(value($credits), $had - 1, 'and is charged');
};

subtest 'retry_generation()' => sub {
    my $id = queue('retry', 'sim/fail-pa');
    wait_for($node, "SELECT status = 'failed' FROM public.generations WHERE id = '$id'", 'fails after its last try');
    is(accepted('retry'), 3, 'which was the third');
    is(sql_as($node, $user, "SELECT retry_generation(p_generation_id => '$id')"), 'queued', 'queued anew');
    wait_for($node, "SELECT status = 'failed' FROM public.generations WHERE id = '$id'", 'fails again');
    is(accepted('retry'), 6, 'after three tries more');
    is(value("SELECT string_agg(series::text, '' ORDER BY number) FROM atelier.attempts WHERE generation_id = '$id'"), '111222',
        'in a series of their own');
    value("UPDATE public.generations SET settings = settings || '{\"auto_retry_count\": 99}' WHERE id = '$id'");
    is(value("SELECT atelier.retry('$id')"), 'queued', 'the owner does the same');
    wait_for($node, "SELECT status = 'failed' FROM public.generations WHERE id = '$id'", 'with the same end');
    is(accepted('retry'), 9, 'whatever settings say of earlier tries');
};

subtest 'the app has the last word' => sub {
    for my $end ('cancelled', 'failed', 'completed') {
        my $before = canceled();
        my $had = value($credits);
        my $id = running("app $end");
        value("SET ROLE service_role; UPDATE public.generations SET status = '$end', error_message = 'the app''s' WHERE id = '$id'");
        attempt_ends($id, 'canceled');
        is(canceled(), $before + 1, "$end by the app: cancelled at the provider");
        is(value("SELECT status || ' ' || error_message FROM public.generations WHERE id = '$id'"), "$end the app's", 'the row stays as the app wrote it');
        is(accepted("app $end"), 1, 'it is not tried again');
        is(value($credits), $had, 'nor charged');
    }
    my $id = running('app race', 'sim/run-1s--cancel-race');
    my $had = value($credits);
    value("SET ROLE service_role; UPDATE public.generations SET status = 'failed', error_message = 'the app''s' WHERE id = '$id'");
    attempt_ends($id, 'succeeded');
    is(value("SELECT status || ' ' || (output_urls IS NULL) FROM public.generations WHERE id = '$id'"), 'failed true', 'even what succeeds is not applied');
    is(value($credits), $had, 'nor charged');
};

subtest 'back to pending or queued' => sub {
    my $id = running('back', 'sim/run-1s');
    value("SET ROLE service_role; UPDATE public.generations SET status = '$_' WHERE id = '$id'") for 'pending', 'queued';
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE id = '$id'", 'is ignored');
    is(accepted('back'), 1, 'and nothing is sent again');
};

subtest 'failed -> queued, failed -> processing' => sub {
    my $id = queue('again', 'sim/fail-oom');
    wait_for($node, "SELECT status = 'failed' FROM public.generations WHERE id = '$id'", 'fails');
    value("SET ROLE service_role; UPDATE public.generations SET status = 'queued' WHERE id = '$id'");
    wait_for($node, "SELECT status = 'failed' AND EXISTS (SELECT FROM atelier.attempts a WHERE a.generation_id = g.id AND a.number = 2 AND a.state = 'failed')"
          . " FROM public.generations g WHERE id = '$id'", 'queued by the app is a retry');
    my $posts = stats()->{creates}{posts};
    value("SET ROLE service_role; UPDATE public.generations SET status = 'processing', replicate_prediction_id = 'of the app' WHERE id = '$id'");
    my $other = queue('other', 'sim/instant');
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE id = '$other'", 'while others are sent');
    is(stats()->{creates}{posts}, $posts + 1, 'what the app has sent itself is not sent');
    is(value("SELECT status FROM public.generations WHERE id = '$id'"), 'processing', 'and stays the app\'s');

    $id = running('taken over', 'sim/run-2s--cancel-race');
    value("SET ROLE service_role; UPDATE public.generations SET status = 'failed' WHERE id = '$id'; "
          . "UPDATE public.generations SET status = 'processing' WHERE id = '$id'");
    attempt_ends($id, 'succeeded');
    is(value("SELECT status || ' ' || (output_urls IS NULL) FROM public.generations WHERE id = '$id'"), 'processing true',
        'the result of a prediction before it is not for it');
};

subtest 'a prediction id in another row' => sub {
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 1500 });
    my $id = queue('squatted', 'sim/run-1s');
    wait_for($node, "SELECT state = 'sending' FROM atelier.attempts WHERE generation_id = '$id'", 'it is being sent');
    my $prediction;
    for (1 .. 100) {
        my $list = HTTP::Tiny->new(default_headers => { authorization => 'Bearer r8_acme_control_1' })->get($stand_in->url . '/v1/predictions');
        ($prediction) = map { $_->{id} } grep { ($_->{input}{prompt} // '') eq 'squatted' } @{ JSON::PP::decode_json($list->{content})->{results} };
        last if $prediction;
        select undef, undef, undef, 0.05;
    }
    ok($prediction, 'the provider has it before the answer is there');
    my $thief = add_user($node);
    my $row = sql_as($node, $thief, <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, status)
VALUES ('$thief', 'create', 'm', 'M', 'sim/instant', 'pending') RETURNING id
SQL
    sql_as($node, $thief, "UPDATE public.generations SET replicate_prediction_id = '$prediction' WHERE id = '$row'");
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE id = '$id'", 'it completes all the same');
    is(value("SELECT replicate_prediction_id FROM public.generations WHERE id = '$id'"), $prediction, 'with its id');
    is(value("SELECT replicate_prediction_id IS NULL FROM public.generations WHERE id = '$row'"), 't', 'which the other row has not any more');
    like(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/WARNING:  atelier: prediction id "$prediction" was removed from generation $row/, 'and the log says so');
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
};

subtest 'deleted rows' => sub {
    my $before = canceled();
    my $id = running('deleted');
    value("DELETE FROM public.generations WHERE id = '$id'");
    attempt_ends($id, 'canceled');
    is(canceled(), $before + 1, 'a deleted generation is cancelled at the provider');

    my $leaver = add_user($node);
    my $theirs = sql_as($node, $leaver, <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model) VALUES ('$leaver', 'create', 'm', 'M', 'sim/stuck') RETURNING id
SQL
    wait_for($node, "SELECT status = 'processing' FROM public.generations WHERE id = '$theirs'", 'one of another user runs');
    value("DELETE FROM public.users WHERE id = '$leaver'");
    attempt_ends($theirs, 'canceled');
    is(canceled(), $before + 2, 'so is that of a deleted user');

    my $space = value("INSERT INTO public.workspaces (name, slug, created_by) VALUES ('W', 'w-control', '$user') RETURNING id");
    $id = running('in a workspace');
    value("UPDATE public.generations SET workspace_id = '$space' WHERE id = '$id'");
    value("DELETE FROM public.workspaces WHERE id = '$space'");
    wait_for($node, "SELECT status = 'cancelled' FROM public.generations WHERE id = '$id'", 'and what ran in a deleted workspace');
    is(canceled(), $before + 3, 'is cancelled there too');
};

subtest 'rows that change or go while their answer is lost' => sub {
    my ($canceled, $accepted) = (canceled(), stats()->{creates}{accepted});
    my @ids = map { queue("lost and $_", 'sim/stuck--reset-after-body-created') } qw(changed deleted);
    wait_for($node, "SELECT count(*) = 2 FROM atelier.attempts WHERE generation_id IN ('$ids[0]', '$ids[1]') AND state = 'unknown'", 'two answers are lost');
    $node->stop('immediate');
    $node->append_conf('postgresql.conf', "atelier.api_base_url = 'http://127.0.0.1:9/v1'");
    $node->start;
    value("UPDATE public.generations SET replicate_input = '{\"prompt\": \"something else\"}' WHERE id = '$ids[0]'");
    value("DELETE FROM public.generations WHERE id = '$ids[1]'");
    is(value("SELECT string_agg(input ->> 'prompt', ', ' ORDER BY id) FROM atelier.attempts WHERE state = 'unknown'"), 'lost and changed, lost and deleted',
        'what was sent is kept');
    $node->append_conf('postgresql.conf', "atelier.api_base_url = '@{[ $stand_in->url ]}/v1'");
    $node->reload;
    wait_for($node, "SELECT status = 'processing' FROM public.generations WHERE id = '$ids[0]'", 'the changed one is found by what was sent');
    attempt_ends($ids[1], 'canceled');
    is(canceled(), $canceled + 1, 'the deleted one is found and cancelled at the provider');
    is(stats()->{creates}{accepted}, $accepted + 2, 'nothing was sent again');
    is(value("SELECT count(*) FROM atelier.attempts WHERE input IS NOT NULL OR model IS NOT NULL"), 0, 'and nothing of it is kept any more');
    value("UPDATE public.generations SET status = 'cancelled' WHERE id = '$ids[0]'");
    attempt_ends($ids[0], 'canceled');
};

subtest 'deleted and changed tokens' => sub {
    add_token($node, 'r8_other_control_2');
    value("UPDATE public.replicate_tokens SET is_active = token LIKE 'r8_acme%'");
    my $id = running('token deleted', 'sim/run-3s');
    value("DELETE FROM public.replicate_tokens WHERE token LIKE 'r8_acme%'");
    is(value('SELECT count(*) FROM atelier.kept_tokens'), 1, 'the deleted token is kept');
    my $stuck = value("SELECT count(*) FROM atelier.attempts WHERE state = 'running'");
    is($stuck, 1, 'while its prediction runs');
    $node->stop('immediate');
    $node->start;
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE id = '$id'", 'which is read with it to its end, also after a crash');
    value("UPDATE public.replicate_tokens SET is_active = true");
    wait_for($node, 'SELECT count(*) = 0 FROM atelier.kept_tokens', 'then it is forgotten');

    $id = running('token deleted and cancelled');
    value('DELETE FROM public.replicate_tokens');
    sql_as($node, $user, "SELECT cancel_generation('$id')");
    wait_for($node, "SELECT status = 'cancelled' FROM public.generations WHERE id = '$id'", 'or cancelled with it');

    add_token($node, 'r8_acme_control_3');
    $id = running('secret changed', 'sim/run-2s');
    value("UPDATE public.replicate_tokens SET token = 'r8_acme_control_4'");
    $stand_in->request('PUT', '/_control/tokens/r8_acme_control_3', { refuse => '401' });
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE id = '$id'", 'a secret that is replaced in its row disturbs nothing');
    is(value('SELECT bool_and(is_active) FROM public.replicate_tokens'), 't', 'and its token stays active');
};

subtest 'progress' => sub {
    my $id = running('progress', 'sim/stuck--logs-4');
    wait_for($node, "SELECT percent BETWEEN 0 AND 100 FROM public.explain_generation('$id')", 'the percent that the logs show is told');
    sql_as($node, $user, "SELECT cancel_generation('$id')");
};

$node->stop;
done_testing();
