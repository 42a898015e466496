# SPDX-License-Identifier: PostgreSQL
# What surrounds the dispatcher and must not matter: how a transaction ends, who holds which lock, what the database's
# settings are, what else fails in its transactions, and when the server crashes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('safety', stand_in => $stand_in, settings => {
    'atelier.user_concurrency' => 0, 'atelier.safety_poll' => '300ms', max_prepared_transactions => 5,
    log_lock_waits => 'off', restart_after_crash => 'on' });
my $user = add_user($node);

my $end_workers = "SELECT pg_terminate_backend(pid) FROM atelier.worker_state() WHERE kind <> 'launcher'";

sub dispatcher_pid { return $node->safe_psql('postgres', "SELECT pid FROM atelier.worker_state() WHERE kind = 'dispatcher'") }

sub all_completed {
    my ($prompt, $count) = @_;
    return wait_for($node, "SELECT count(*) = $count FROM public.generations WHERE prompt LIKE '$prompt %' AND status = 'completed'",
        "$prompt: $count completed");
}

# Two safety polls and a turn.
sub let_time_pass { return $node->safe_psql('postgres', 'SELECT pg_sleep(0.8)') }

sub insert_sql {
    my ($prompt) = @_;
    return "INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt) "
      . "VALUES ('$user', 'create', 'test', 'Test', 'sim/instant', '$prompt');";
}

subtest 'how a transaction ends' => sub {
    $node->safe_psql('postgres', 'BEGIN; ' . insert_sql('rolled back') . ' ROLLBACK;');
    $node->safe_psql('postgres', 'BEGIN; ' . insert_sql('before 1') . ' SAVEPOINT s; ' . insert_sql('undone') . ' ROLLBACK TO s; '
          . insert_sql('after 1') . ' COMMIT;');
    $node->safe_psql('postgres', 'BEGIN; ' . insert_sql('prepared 1') . " PREPARE TRANSACTION 'one';");
    $node->safe_psql('postgres', 'BEGIN; ' . insert_sql('prepared away') . " PREPARE TRANSACTION 'two';");
    my $session = $node->background_psql('postgres');
    $session->query_safe('BEGIN; ' . insert_sql('open 1'));
    all_completed($_, 1) for 'before', 'after';
    let_time_pass();
    is(counts($stand_in, $_), '0 0', "$_: not sent") for 'rolled back', 'undone', 'prepared 1', 'prepared away', 'open 1';
    $node->safe_psql('postgres', "COMMIT PREPARED 'one'");
    $node->safe_psql('postgres', "ROLLBACK PREPARED 'two'");
    $session->query_safe('COMMIT;');
    $session->quit;
    all_completed($_, 1) for 'prepared', 'open';
    let_time_pass();
    is(counts($stand_in, $_), '0 0', "$_: never sent") for 'rolled back', 'undone', 'prepared away';
    is(counts($stand_in, $_), '1 1', "$_: sent once") for 'before 1', 'after 1', 'prepared 1', 'open 1';
};

subtest 'a thousand at once' => sub {
    queue_many($node, $user, 1000, 'bulk', 'sim/instant');
    all_completed('bulk', 1000);
    my $stats = $stand_in->request('GET', '/_control/stats');
    is($stats->{inputs}{max_posts}, 1, 'each was sent once');
    is($node->safe_psql('postgres', 'SELECT count(*) FROM atelier.queue'), 0, 'the queue is empty');
};

subtest 'locks' => sub {
    my $pid = dispatcher_pid();
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    queue_many($node, $user, 10, 'locked', 'sim/instant');
    my $session = $node->background_psql('postgres');
    $session->query_safe("BEGIN; SELECT id FROM public.generations WHERE prompt = 'locked 4' FOR UPDATE;");
    $node->safe_psql('postgres', 'SELECT atelier.resume()');
    all_completed('locked', 9);
    is($node->safe_psql('postgres', "SELECT status FROM public.generations WHERE prompt = 'locked 4'"), 'queued',
        'only the locked row waits');
    $session->query_safe('COMMIT;');
    all_completed('locked', 10);
    is(counts($stand_in, 'locked 4'), '1 1', 'and was sent once');

    # A table that is locked holds up what needs it, and ends nothing that is under way.
    for my $table ('public.generations', 'public.replicate_tokens', 'public.users', 'atelier.queue', 'atelier.attempts',
        'atelier.identity', 'atelier.token_state') {
        (my $name = $table) =~ s/.*\.//;
        $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 800 });
        queue_many($node, $user, 5, "under way $name", 'sim/instant');
        outstanding($stand_in, 5, "$table: requests are out");
        $session->query_safe("BEGIN; LOCK TABLE $table IN ACCESS EXCLUSIVE MODE;");
        $node->safe_psql('postgres', 'SELECT atelier.wake()');
        let_time_pass();
        is(dispatcher_pid(), $pid, "$table: the dispatcher lives");
        $session->query_safe('COMMIT;');
        all_completed("under way $name", 5);
        $pid = dispatcher_pid();
    }
    $session->quit;
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
    is($stand_in->request('GET', '/_control/stats')->{inputs}{max_posts}, 1, 'nothing was sent twice');
};

# The sessions of this test set aside what the database says; the workers have to do that for themselves.
subtest 'settings of the database' => sub {
    my %groups = (
        timeouts => { statement_timeout => '1ms', idle_in_transaction_session_timeout => '1ms', idle_session_timeout => '1ms',
            lock_timeout => '1ms', deadlock_timeout => '1ms' },
        'read only' => { default_transaction_read_only => 'on' },
        isolation => { default_transaction_isolation => 'serializable', default_transaction_deferrable => 'on' },
        names => { search_path => 'nowhere', quote_all_identifiers => 'on', check_function_bodies => 'off' },
        formats => { datestyle => 'German, DMY', intervalstyle => 'sql_standard', timezone => 'Asia/Kathmandu',
            standard_conforming_strings => 'off', bytea_output => 'escape', extra_float_digits => '-15', escape_string_warning => 'on',
            array_nulls => 'off', transform_null_equals => 'on' },
        plans => { enable_indexscan => 'off', enable_indexonlyscan => 'off', enable_nestloop => 'off', jit => 'on', jit_above_cost => '0', plan_cache_mode => 'force_generic_plan' },
        rights => { row_security => 'off', role => 'authenticated' },
        durability => { synchronous_commit => 'off', commit_delay => '1000' });
    for my $group (sort keys %groups) {
        my %settings = %{ $groups{$group} };
        my $mine = join ' ', map {"-c $_=@{[default_of($_)]}"} sort keys %settings;
        $node->safe_psql('postgres', join '', map {"ALTER DATABASE postgres SET $_ = '$settings{$_}';\n"} sort keys %settings);
        local $ENV{PGOPTIONS} = $mine;
        my $old = dispatcher_pid();
        $node->safe_psql('postgres', $end_workers);
        wait_for($node, "SELECT count(*) = 1 FROM atelier.worker_state() WHERE kind = 'dispatcher' AND pid <> $old AND state = 'running'",
            "$group: a new dispatcher runs");
        my $pid = dispatcher_pid();
        queue_many($node, $user, 3, "under $group", 'sim/ok');
        all_completed("under $group", 3);
        let_time_pass();
        is(dispatcher_pid(), $pid, "$group: the dispatcher goes on");
        is(counts($stand_in, "under $group 1"), '1 1', "$group: sent once");
        is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE prompt LIKE 'under $group %' AND completed_at BETWEEN started_at AND now()"),
            3, "$group: the times are right");
        $node->safe_psql('postgres', 'ALTER DATABASE postgres RESET ALL');
    }
    $node->safe_psql('postgres', $end_workers);
};

sub default_of {
    my ($setting) = @_;
    my %default = (role => 'none', search_path => 'public', timezone => 'UTC', datestyle => 'ISO', default_transaction_isolation => 'read\\ committed',
        jit_above_cost => '100000', plan_cache_mode => 'auto', bytea_output => 'hex', extra_float_digits => '1', intervalstyle => 'postgres',
        synchronous_commit => 'on', deadlock_timeout => '1s');
    return $default{$setting} // ($setting =~ /timeout|delay/ ? 0 : $setting =~ /read_only|deferrable|quote_all|null_equals/ ? 'off' : 'on');
}

subtest 'what else fails' => sub {
    set_to($node, notify => 'all', log_calls => 'all');
    $node->safe_psql('postgres', <<'SQL');
ALTER TABLE public.notifications ADD CONSTRAINT never CHECK (false) NOT VALID;
ALTER TABLE public.api_logs ADD CONSTRAINT never CHECK (false) NOT VALID;
SQL
    my $id = queue($node, $user, prompt => 'unlogged', replicate_model => 'sim/ok');
    ended($node, $id, 'completed', 'a row is completed though neither log nor notification can be written');
    is(value($node, $id, 'cardinality(output_urls)'), 1, 'with its result');
    is($node->safe_psql('postgres', 'SELECT count(*) FROM public.notifications'), 0, 'without a notification');
    my $log = slurp_file($node->logfile);
    like($log, qr/WARNING:  atelier: api_logs could not be written: /, 'the server log says so: api_logs');
    like($log, qr/WARNING:  atelier: notifications could not be written: /, 'the server log says so: notifications');
    $node->safe_psql('postgres', 'ALTER TABLE public.notifications DROP CONSTRAINT never; ALTER TABLE public.api_logs DROP CONSTRAINT never');
};

# Without a flush at the claim, a crash would forget that the requests went out.
subtest 'a crash with synchronous_commit = off' => sub {
    $node->append_conf('postgresql.conf', "synchronous_commit = off\nwal_writer_delay = '10s'\nwal_writer_flush_after = '100MB'");
    $node->restart;
    dispatcher_state($node, 'running', 'the dispatcher runs');
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 2000 });
    queue_many($node, $user, 50, 'crash', 'sim/ok');
    outstanding($stand_in, 50, 'fifty requests are out');
    $node->stop('immediate');
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
    $node->start;
    all_completed('crash', 50);
    my $stats = $stand_in->request('GET', '/_control/stats');
    is($stats->{inputs}{max_accepted}, 1, 'none was paid twice');
};

$node->stop;
done_testing();
