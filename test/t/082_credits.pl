# SPDX-License-Identifier: PostgreSQL
# The ledger of credits and the budgets of a day, with the dispatcher at work: what is charged, held and released, and that the
# ledger adds up to the balances after a storm of completing, failing, trying again, cancelling and deleting.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('credits', stand_in => $stand_in, settings => { 'atelier.user_concurrency' => 0 });
dispatcher_state($node, 'running', 'the dispatcher runs');

sub sql { return $node->safe_psql('postgres', $_[0]) }

# The balance and the ledger of a user.
sub books {
    my ($user) = @_;
    return sql(<<"SQL");
SELECT (SELECT credits FROM public.users WHERE id = '$user') || ': ' || coalesce(string_agg(kind || ' ' || amount, ', ' ORDER BY at, kind DESC), '')
  FROM atelier.credit_entries WHERE user_id = '$user'
SQL
}

sub user_with {
    my ($credits) = @_;
    my $user = add_user($node);
    sql("UPDATE public.users SET credits = $credits WHERE id = '$user'");
    return $user;
}

sub run {
    my ($user, $prompt, $model, $status) = @_;
    my $id = queue($node, $user, prompt => $prompt, replicate_model => $model);
    ended($node, $id, $status // 'completed', "$prompt: " . ($status // 'completed'));
    return $id;
}

# Queued behind dispatch's back, then taken in one batch.
sub in_one_batch {
    my ($user, $count, $price, $test) = @_;
    sql('SELECT atelier.pause()');
    dispatcher_state($node, 'paused', "$test: dispatch pauses");
    sql(<<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt, cost_credits)
SELECT '$user', 'create', 'test', 'Test', 'sim/instant', '$test ' || n, $price FROM generate_series(1, $count) n
SQL
    sql('SELECT atelier.resume()');
    wait_for($node, "SELECT count(*) = $count FROM public.generations WHERE status = 'completed' AND prompt LIKE '$test %'", "$test: all complete");
    return;
}

subtest 'charges' => sub {
    my $user = user_with(10);
    run($user, 'one', 'sim/ok');
    is(books($user), '9: charge -1', 'what is completed is charged');
    run($user, 'failed', 'sim/fail-e005', 'failed');
    run($user, 'refused', 'sim/refuse-422-input', 'failed');
    run($user, 'again', 'sim/fail-pa-x1');
    is(books($user), '8: charge -1, charge -1', 'once, however many predictions it took; failures are free');
    $user = user_with(5);
    in_one_batch($user, 4, 2, 'short');
    is(sql("SELECT credits FROM public.users WHERE id = '$user'"), 0, 'short: the balance ends at zero');
    is(sql("SELECT string_agg(amount::text, ' ' ORDER BY amount) FROM atelier.credit_entries WHERE user_id = '$user'"), '-2 -2 -1 0',
        'short: the ledger has what was really taken');
    $user = user_with(-3);
    run($user, 'in debt', 'sim/instant');
    is(books($user), '-3: charge 0', 'a balance below zero stays');
    $user = user_with(5);
    in_one_batch($user, 2, 0, 'for nothing');
    is(books($user), '5: ', 'for nothing: no entry');
    my $id = run($user, 'twice', 'sim/instant');
    sql("UPDATE public.generations SET status = 'failed' WHERE id = '$id'");
    sql("UPDATE public.generations SET status = 'queued', replicate_prediction_id = NULL WHERE id = '$id'");
    ended($node, $id, 'completed', 'twice: completed once more');
    is(books($user), '4: charge -1', 'twice: charged once');
    is(sql("SELECT count(*) FROM atelier.outputs WHERE generation_id = '$id'"), 1, 'twice: its file is listed once');
};

subtest 'holds' => sub {
    configure($node, 'atelier.enforce_credits' => 'on');
    reload($node);
    my $user = user_with(2);
    run($user, 'held', 'sim/ok');
    is(sql("SELECT string_agg(kind || ' ' || amount, ', ' ORDER BY turn DESC, kind) FROM atelier.credit_entries WHERE user_id = '$user'"),
        'hold -1, release 1, charge -1', 'held: the hold becomes the charge');
    is(sql("SELECT credits FROM public.users WHERE id = '$user'"), 1, 'held: paid once');
    run($user, 'held and failed', 'sim/fail-e005', 'failed');
    is(sql("SELECT credits FROM public.users WHERE id = '$user'"), 1, 'held and failed: given back');
    my $id = queue($node, $user, prompt => 'held and cancelled', replicate_model => 'sim/stuck');
    ended($node, $id, 'processing', 'held and cancelled: runs');
    sql_fails_as($node, $user, "INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt) "
        . "VALUES ('$user', 'create', 't', 'T', 'sim/ok', 'too much')", qr/not enough credits/, 'a short balance');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    ended($node, $id, 'cancelled', 'held and cancelled: is cancelled');
    is(sql("SELECT credits FROM public.users WHERE id = '$user'"), 1, 'held and cancelled: given back');
    $id = queue($node, $user, prompt => 'held and deleted', replicate_model => 'sim/stuck');
    ended($node, $id, 'processing', 'held and deleted: runs');
    sql("DELETE FROM public.generations WHERE id = '$id'");
    wait_for($node, "SELECT ended_at IS NOT NULL FROM atelier.attempts WHERE generation_id = '$id'", 'held and deleted: its prediction ends');
    is(sql("SELECT credits FROM public.users WHERE id = '$user'"), 1, 'held and deleted: given back');
};

# Several users with too few credits, every way to end, with holds and, for rows that were queued before, without.
subtest 'a storm' => sub {
    my @users = map { user_with($_) } 5, 20, 40, 400;
    my $users = join ', ', map { "'$_'" } @users;
    my @models = qw(instant ok fail-e005 fail-pa-x1 fail-interrupted-x2 refuse-422-input refuse-429-header-x1 run-1s stuck out-empty);
    for my $enforce ('off', 'on') {
        $node->append_conf('postgresql.conf', "atelier.enforce_credits = $enforce");
        reload($node);
        for my $round (1 .. 6) {
            for my $user (@users) {
                # In an order of its own each; what the balance does not have is refused.
                my $models = join ', ', map { "'sim/$_'" } @models;
                $node->psql('postgres', Atelier::signed_in($user,
                    "INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt) "
                    . "SELECT '$user', 'create', 't', 'T', m, '$enforce $round ' || m || '$user' FROM unnest(ARRAY[$models]) m ORDER BY md5(m || '$user$round') LIMIT $round"));
                $node->psql('postgres', Atelier::signed_in($user, "UPDATE public.generations SET status = 'cancelled' WHERE status IN ('queued', 'processing') AND random() < 0.2"));
            }
            sql("DELETE FROM public.generations WHERE user_id IN ($users) AND random() < 0.1");
            $node->psql('postgres', "UPDATE public.generations SET status = 'queued' WHERE user_id IN ($users) AND status IN ('failed', 'cancelled') AND random() < 0.2");
        }
        # Half way through, and at the end, the dispatcher ends with everything in flight that has been answered.
        wait_for($node, "SELECT NOT EXISTS (SELECT FROM atelier.attempts WHERE state = 'sending')", 'requests are answered');
        sql("SELECT pg_terminate_backend(pid) FROM atelier.worker_state() WHERE kind = 'dispatcher'");
    }
    dispatcher_state($node, 'running', 'the dispatcher runs again');
    wait_for($node, <<"SQL", 'everything but what is stuck has ended');
SELECT NOT EXISTS (SELECT FROM public.generations WHERE user_id IN ($users) AND status IN ('queued', 'processing') AND replicate_model <> 'sim/stuck')
SQL
    sql_as($node, $_, "UPDATE public.generations SET status = 'cancelled' WHERE status IN ('queued', 'processing')") for @users;
    wait_for($node, "SELECT NOT EXISTS (SELECT FROM public.generations WHERE user_id IN ($users) AND status IN ('queued', 'processing')) "
        . "AND NOT EXISTS (SELECT FROM atelier.attempts WHERE state IN ('sending', 'running', 'unknown'))", 'and then that too');
    my %start; @start{@users} = (5, 20, 40, 400);
    for my $user (@users) {
        is(sql("SELECT coalesce(sum(amount), 0) FROM atelier.credit_entries WHERE user_id = '$user'"),
            sql("SELECT credits FROM public.users WHERE id = '$user'") - $start{$user}, "the ledger adds up for who had $start{$user}");
        cmp_ok(sql("SELECT credits FROM public.users WHERE id = '$user'"), '>=', 0, 'and stops at zero');
    }
    is(sql("SELECT count(*) FROM atelier.credit_entries h WHERE kind = 'hold' AND NOT EXISTS (SELECT FROM atelier.credit_entries r "
        . "WHERE r.generation_id = h.generation_id AND r.kind = 'release' AND r.turn = h.turn AND r.amount = -h.amount)"), 0, 'every hold is released');
    is(sql("SELECT count(*) FROM public.generations g WHERE user_id IN ($users) AND (status = 'completed') <> EXISTS (SELECT FROM atelier.credit_entries c "
        . "WHERE c.generation_id = g.id AND c.kind = 'charge')"), 0, 'what is completed is charged, and nothing else');
    cmp_ok(sql("SELECT count(*) FROM atelier.credit_entries WHERE kind = 'charge'"), '>', 30, 'much was charged');
    cmp_ok(sql("SELECT count(*) FROM atelier.credit_entries WHERE kind = 'release'"), '>', 10, 'and much released');
    $node->append_conf('postgresql.conf', 'atelier.enforce_credits = off');
    reload($node);
};

subtest 'budgets' => sub {
    sql(<<'SQL');
INSERT INTO atelier.models (replicate_model, price_rule) VALUES ('sim/instant', 'a dollar');
INSERT INTO atelier.prices (rule, metric, usd) VALUES ('a dollar', 'run', 1);
SQL
    my ($one, $other) = (user_with(100), user_with(100));
    sql("INSERT INTO atelier.user_limits (user_id, daily_budget_usd) VALUES ('$one', 2)");
    run($one, "of two $_", 'sim/instant') for 1, 2;
    is(sql("SELECT atelier.reached_budget('$one')"), 'user', 'the budget of a user is reached');
    my $id = queue($node, $one, prompt => 'too late');
    run($other, 'of another', 'sim/instant');
    is(value($node, $id, 'status'), 'queued', 'his rows wait, while others are sent');
    is(sql("SELECT atelier.reached_budget('$other')"), '', 'whom it does not concern');
    like(health($node, 'budget')->{detail}, qr/^reached by 1 users, whose rows wait until tomorrow; 3\.00 dollars/, 'health() says so');
    run_hint($node, 'budget');
    ended($node, $id, 'completed', 'with a higher one they go on');

    configure($node, 'atelier.daily_budget_usd' => 4);
    reload($node);
    is(sql("SELECT atelier.reached_budget('$other')"), 'database', 'the budget of the database is reached');
    $id = queue($node, $other, prompt => 'nobody');
    my $posts = creates($stand_in);
    sql('SELECT atelier.wake()') for 1 .. 20;
    is(value($node, $id, 'status'), 'queued', 'nobody\'s rows are sent');
    is(creates($stand_in), $posts, 'nothing at all');
    my $found = health($node, 'budget');
    is("$found->{status}: $found->{detail}", 'warn: reached: 4.00 of 4 dollars spent today (UTC), rows wait until tomorrow', 'health() says so');
    # The next day.
    sql("UPDATE atelier.spending SET day = day - 1");
    sql('SELECT atelier.wake()');
    ended($node, $id, 'completed', 'the next day they are sent');
    is(health($node, 'budget')->{detail}, '1.00 of 4 dollars spent today (UTC)', 'and cost what they cost');
};

$node->stop;
done_testing();
