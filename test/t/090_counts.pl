# SPDX-License-Identifier: PostgreSQL
# The kept numbers of generations between sessions: thousands of mixed transactions of every isolation level at once, with
# savepoints, rollbacks, prepared transactions and sessions that are killed, compared with a real count in the middle and at
# the end. Writers of one user do not fail because of each other. The keeper folds and repairs; replicas do not count.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use IPC::Run;
use POSIX ':sys_wait_h';
use PostgreSQL::Test::Utils;
use Test::More;

my $node = atelier_node('counts', token => 0, settings => { max_prepared_transactions => 20, max_connections => 60 });
my @users = map { add_user($node) } 1 .. 4;
my @spaces = map { sprintf '00000000-0000-4000-8000-0000000ee00%d', $_ } 1 .. 2;
$node->safe_psql('postgres', "INSERT INTO public.workspaces (id, name, slug) VALUES ('$_', 'w', 'counts-' || right('$_', 1))") for @spaces;

# Under one snapshot; rows of what differs.
my $wrong = <<'SQL';
WITH kept AS (
  SELECT u.id::text AS what, c.all_count, c.processing_count, c.favorites_count, c.failed_count
    FROM public.users u CROSS JOIN LATERAL public.get_generation_counts(u.id) c
  UNION ALL
  SELECT w.id::text, c.all_count, c.processing_count, c.favorites_count, c.failed_count
    FROM public.workspaces w CROSS JOIN LATERAL public.get_workspace_generation_counts(w.id) c
  UNION ALL
  SELECT 'all', t.total_generations, (t.total_cost_usd * 1000000)::bigint, t.total_failed, 0 FROM public.get_dashboard_totals() t),
real AS (
  SELECT u.id::text AS what, count(g.id), count(*) FILTER (WHERE g.status IN ('pending', 'queued', 'processing')), count(*) FILTER (WHERE g.is_favorite),
         count(*) FILTER (WHERE g.status = 'failed')
    FROM public.users u LEFT JOIN public.generations g ON g.user_id = u.id AND NOT g.is_keyframe_segment GROUP BY u.id
  UNION ALL
  SELECT w.id::text, count(g.id), count(*) FILTER (WHERE g.status IN ('pending', 'queued', 'processing')), count(*) FILTER (WHERE g.is_favorite),
         count(*) FILTER (WHERE g.status = 'failed')
    FROM public.workspaces w LEFT JOIN public.generations g ON g.workspace_id = w.id AND NOT g.is_keyframe_segment GROUP BY w.id
  UNION ALL
  SELECT 'all', count(*), coalesce(sum(g.cost_usd * 1000000) FILTER (WHERE g.status = 'completed'), 0)::bigint, count(*) FILTER (WHERE g.status = 'failed'), 0
    FROM public.generations g)
(TABLE kept EXCEPT TABLE real) UNION ALL (TABLE real EXCEPT TABLE kept)
SQL

my $seed = $ENV{ATELIER_SEED} // time;
srand $seed;
note "ATELIER_SEED=$seed";
sub one_of { return $_[ rand @_ ] }

sub statement {
    my $some = 'SELECT id FROM public.generations ORDER BY random() LIMIT ' . (1 + int rand 3);
    my $status = one_of(qw(pending processing completed failed cancelled));
    my $user = one_of(@users);
    my $space = one_of('NULL', map { "'$_'" } @spaces);
    return one_of(
        "INSERT INTO public.generations (user_id, workspace_id, action, model_id, model_name, replicate_model, status, cost_usd, is_favorite, is_keyframe_segment) "
          . "SELECT '$user', $space, 'create', 'm', 'M', 'owner/name', '$status', random()::numeric(10,6), random() < 0.3, random() < 0.2 FROM generate_series(1, "
          . (1 + int rand 4) . ')',
        "UPDATE public.generations SET status = '$status' WHERE id IN ($some)",
        "UPDATE public.generations SET is_favorite = NOT is_favorite WHERE id IN ($some)",
        "UPDATE public.generations SET user_id = '$user', workspace_id = $space WHERE id IN ($some)",
        "UPDATE public.generations SET cost_usd = random()::numeric(10,6), cost_credits = 5 WHERE id IN ($some)",
        "DELETE FROM public.generations WHERE id IN ($some)",
        "SELECT * FROM public.get_generation_counts('$user')");
}

my $prepared = 0;

sub transaction {
    my ($session) = @_;
    my $text = 'BEGIN ISOLATION LEVEL ' . one_of('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE') . ";\n";
    for (1 .. 1 + int rand 3) {
        my $work = statement() . ";\n";
        $work = "SAVEPOINT a;\n$work" . one_of('ROLLBACK TO a', 'RELEASE a', 'SAVEPOINT b') . ";\n" . statement() . ";\n" if rand() < 0.4;
        $text .= $work;
    }
    if (rand() < 0.05) {
        my $name = "p${session}_" . ++$prepared;
        return "${text}PREPARE TRANSACTION '$name';\n" . one_of('COMMIT', 'COMMIT', 'ROLLBACK') . " PREPARED '$name';\n";
    }
    return $text . one_of('COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK') . ";\n";
}

subtest 'mixed transactions in eight sessions' => sub {
    my (%sessions, @said);
    my $transactions = 400;
    for my $number (0 .. 7) {
        my $script = $node->basedir . "/mixed$number.sql";
        $said[$number] = "$script.err";
        append_to_file($script, "SET deadlock_timeout = '20ms';\n" . join '', map { transaction($number) } 1 .. $transactions);
        my $pid = fork // die $!;
        if (!$pid) {
            open STDOUT, '>', '/dev/null';
            open STDERR, '>', $said[$number];
            exec 'psql', '-X', '-q', '-f', $script, '-d', $node->connstr('postgres') . " application_name=mixed$number" or POSIX::_exit(1);
        }
        $sessions{$pid} = 1;
    }
    my ($looks, $differences, $kills) = (0, '', 0);
    while (%sessions) {
        $differences .= $node->safe_psql('postgres', $wrong);
        $looks++;
        # Two of the sessions are killed in the middle of whatever they are doing.
        $kills += $node->safe_psql('postgres', "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'mixed$kills'")
          if $looks % 10 == 0 && $kills < 2;
        for my $pid (keys %sessions) {
            delete $sessions{$pid} if waitpid($pid, WNOHANG) > 0;
        }
    }
    is($differences, '', "$looks looks in the middle find no difference");
    cmp_ok($kills, '>', 0, 'sessions were killed');
    $node->safe_psql('postgres', "ROLLBACK PREPARED '$_'") for split /\n/, $node->safe_psql('postgres', 'SELECT gid FROM pg_prepared_xacts');
    is($node->safe_psql('postgres', $wrong), '', 'nor is there one at the end');
    is($node->safe_psql('postgres', 'SELECT atelier.recount()'), 0, 'and a recount finds nothing to repair');
    cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM public.generations'), '>', 0, 'there are rows');
    unlike(join('', map { slurp_file($_) } @said), qr/XX000|internal error|is not|too many/, 'nothing strange was said');
};

# All writers write rows of their own of one user and workspace: the table gives them no reason to fail.
subtest 'writers of one user do not fail because of each other' => sub {
    for my $level ('read committed', 'repeatable read', 'serializable') {
        my $script = $node->basedir . '/one.sql';
        open my $file, '>', $script or die $!;
        print $file "INSERT INTO public.generations (user_id, workspace_id, action, model_id, model_name, replicate_model, status) "
          . "VALUES ('$users[0]', '$spaces[0]', 'create', 'm', 'M', 'owner/name', 'pending');\n";
        close $file;
        local $ENV{PGOPTIONS} = '-c default_transaction_isolation=' . ($level =~ s/ /\\ /r);
        my ($out, $error) = ('', '');
        my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM public.generations');
        my $ok = IPC::Run::run([ 'pgbench', '-n', '-c', 8, '-j', 2, '-t', 50, '-f', $script, '-d', $node->connstr('postgres') ], '>', \$out, '2>', \$error);
        delete local $ENV{PGOPTIONS};
        ok($ok, "$level: all of them commit") or diag $error;
        like($out, qr/number of failed transactions: 0 /, "$level: none fails");
        is($node->safe_psql('postgres', 'SELECT count(*) FROM public.generations') - $before, 400, "$level: and all rows are there");
        is($node->safe_psql('postgres', $wrong), '', "$level: and counted");
    }
};

subtest 'a prepared transaction counts when it is committed' => sub {
    my $count = "SELECT all_count FROM public.get_generation_counts('$users[1]')";
    my $before = $node->safe_psql('postgres', $count);
    $node->safe_psql('postgres', "BEGIN; INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, status) "
          . "VALUES ('$users[1]', 'create', 'm', 'M', 'owner/name', 'pending'); PREPARE TRANSACTION 'later'");
    is($node->safe_psql('postgres', $count), $before, 'not before');
    $node->safe_psql('postgres', "INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, status) "
          . "VALUES ('$users[1]', 'create', 'm', 'M', 'owner/name', 'pending')");
    is($node->safe_psql('postgres', $count), $before + 1, 'others do not wait for it');
    $node->restart;
    $node->safe_psql('postgres', "COMMIT PREPARED 'later'");
    is($node->safe_psql('postgres', $count), $before + 2, 'then, and after a restart too');
    is($node->safe_psql('postgres', "BEGIN; DELETE FROM public.generations WHERE user_id = '$users[1]'; SET TRANSACTION READ ONLY; COMMIT; $count"), 0,
        'a transaction that is declared read only after it has written');
};

subtest 'the keeper folds, finds what is wrong and says so' => sub {
    wait_for($node, 'SELECT NOT EXISTS (SELECT FROM atelier.generation_count_deltas)', 'lines beside the table are folded');
    $node->safe_psql('postgres', "SET session_replication_role = replica; DELETE FROM public.generations WHERE user_id = '$users[2]'");
    isnt($node->safe_psql('postgres', $wrong), '', 'rows that go without triggers leave wrong numbers');
    # Its first comparison is made when it starts.
    $node->restart;
    wait_for($node, 'SELECT EXISTS (SELECT FROM atelier.count_repairs)', 'the keeper repairs them');
    is($node->safe_psql('postgres', $wrong), '', 'all of them');
    is($node->safe_psql('postgres', "SELECT status FROM atelier.health() WHERE check_name = 'counts'"), 'warn', 'health() tells');
    ok($node->log_contains('kept numbers of generations were wrong'), 'and the server log');
};

done_testing();
