# SPDX-License-Identifier: PostgreSQL
# The periodic jobs in the keeper: a run that was missed is made up for once, failures are written down and end nothing, two
# runs of one job keep out of each other's way, and a database that holds is left alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Test::More;

# Schedules that come once a year, so that only what the test puts into the past is due.
my $node = atelier_node('jobs', settings => {
    'atelier.refresh_schedule' => '0 0 1 1 *', 'atelier.cleanup_schedule' => '0 0 1 1 *' });
my $user = add_user($node);

sub make_due {
    my ($job) = @_;
    $node->safe_psql('postgres', "UPDATE atelier.job_state SET started_at = now() - interval '3 years', result = NULL WHERE name = '$job'");
    $node->reload;
    return;
}

sub runs_of {
    my ($job) = @_;
    return $node->safe_psql('postgres', "SELECT xmin FROM atelier.job_state WHERE name = '$job'");
}

sub add_old_rows {
    my ($count) = @_;
    $node->safe_psql('postgres', <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, status, created_at)
SELECT '$user', 'create', 'm', 'M', 'owner/name', 'failed', now() - interval '100 days' FROM generate_series(1, $count)
SQL
    return;
}

my $done = "SELECT result = 'succeeded' AND last_run > now() - interval '1 hour' FROM atelier.jobs WHERE name =";

subtest 'a missed run is made up for once' => sub {
    add_old_rows(2500);
    make_due('cleanup-old-generations');
    wait_for($node, "$done 'cleanup-old-generations'", 'three missed runs become one');
    is($node->safe_psql('postgres', 'SELECT count(*) FROM public.generations'), 0, 'which deletes all, in several batches');
    is($node->safe_psql('postgres', "SELECT rows FROM atelier.jobs WHERE name = 'cleanup-old-generations'"), 2500, 'and counts them');
    is($node->safe_psql('postgres', "SELECT next_run > now() FROM atelier.jobs WHERE name = 'cleanup-old-generations'"), 't', 'the next one is in the future');
    my $before = runs_of('cleanup-old-generations');
    make_due('refresh-admin-stats');
    wait_for($node, "$done 'refresh-admin-stats'", 'another job takes its turn');
    is(runs_of('cleanup-old-generations'), $before, 'and the first one is not run again');
    is($node->safe_psql('postgres', 'SELECT total_users FROM public.mv_admin_stats'), 1, 'the statistics are fresh');
};

subtest 'also after a restart' => sub {
    $node->stop;
    $node->start;
    my $before = runs_of('refresh-admin-stats');
    $node->safe_psql('postgres', "UPDATE atelier.job_state SET started_at = '2020-01-01', result = 'running' WHERE name = 'refresh-admin-stats'");
    $node->stop('immediate');
    $node->start;
    wait_for($node, "$done 'refresh-admin-stats'", 'a run that a crash has ended is made up for');
};

subtest 'a failure is written down and ends nothing' => sub {
    $node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not on my watch'; END $$;
CREATE TRIGGER refuse BEFORE DELETE ON public.generations FOR EACH ROW EXECUTE FUNCTION public.refuse();
SQL
    add_old_rows(1);
    my $pid = $node->safe_psql('postgres', "SELECT pid FROM atelier.workers WHERE kind = 'keeper'");
    make_due('cleanup-old-generations');
    wait_for($node, "SELECT result = 'failed' AND error = 'not on my watch' FROM atelier.jobs WHERE name = 'cleanup-old-generations'",
        'why it failed');
    is($node->safe_psql('postgres', "SELECT pid FROM atelier.workers WHERE kind = 'keeper'"), $pid, 'the keeper lives on');
    $node->safe_psql('postgres', 'DROP FUNCTION public.refuse() CASCADE');
    make_due('cleanup-old-generations');
    wait_for($node, "$done 'cleanup-old-generations'", 'the next run succeeds');
};

subtest 'one run at a time' => sub {
    my $other = $node->background_psql('postgres');
    $other->query_safe("BEGIN; SELECT atelier.take_job('cleanup-old-generations')");
    add_old_rows(1);
    my ($status, $out, $error) = $node->psql('postgres', 'SELECT public.cleanup_old_generations()');
    is($status, 0, 'the second one returns');
    is($out, 0, 'without having done anything');
    like($error, qr/NOTICE:  job "cleanup-old-generations" is running already/, 'and says why');
    my $log = -s $node->logfile;
    make_due('cleanup-old-generations');
    ok($node->wait_for_log(qr/job cleanup-old-generations is run by another session already/, $log), 'so does the keeper');
    $other->query_safe('COMMIT');
    $other->quit;
    is($node->safe_psql('postgres', 'SELECT public.cleanup_old_generations()'), 1, 'afterwards it is free');
};

subtest 'a database that holds is left alone' => sub {
    add_old_rows(1);
    $node->safe_psql('postgres', "UPDATE atelier.identity SET dispatch = 'held'");
    make_due('cleanup-old-generations');
    my $keeper = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'atelier keeper'";
    $node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'atelier keeper'");
    $node->poll_query_until('postgres', "$keeper AND query LIKE '%waiting for the next round'", 1) or die 'no keeper';
    is($node->safe_psql('postgres', 'SELECT count(*) FROM public.generations'), 1, 'nothing is deleted');
    $node->safe_psql('postgres', 'SELECT atelier.resume()');
    $node->reload;
    wait_for($node, "$done 'cleanup-old-generations'", 'until it is released');
};

done_testing();
