# SPDX-License-Identifier: PostgreSQL
# Whoever polls has the list. Sessions write at random: open for long and committed late, with savepoints, rollbacks, prepared
# transactions, moves between users and workspaces, parts of films, and floods larger than the memory of changes; the server
# crashes twice. Clients apply what poll_generations() tells them to a mirror, which has to equal the list under the same
# snapshot, whenever one looks. All but the storm is driven from here, one statement at a time, so that a seed repeats it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use IPC::Open3;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{ATELIER_SEED} // time;
srand $seed;
note "ATELIER_SEED=$seed";
sub one_of { return $_[ rand @_ ] }
sub chance { return rand() < $_[0] }

# What is not flushed by a commit is lost by a crash: the numbers of transactions that were rolled back too.
my $node = atelier_node('mirror', token => 0,
    settings => { max_prepared_transactions => 12, deadlock_timeout => '50ms', wal_writer_delay => '10s', fsync => 'off' });
my @users = map { add_user($node) } 1 .. 3;
my $crowd = add_user($node);
my @spaces = map { sprintf '00000000-0000-4000-8000-0000000ef00%d', $_ } 1 .. 2;
$node->safe_psql('postgres', <<"SQL") for @spaces;
SELECT atelier.pause();
INSERT INTO public.workspaces (id, name, slug) VALUES ('$_', 'w', 'mirror-' || right('$_', 1));
INSERT INTO public.workspace_members (workspace_id, user_id) VALUES ('$_', '$users[0]');
SQL

# Sessions.

my (@history, @strange);

sub start_session {
    my ($name) = @_;
    my $pid = open3(my $in, my $out, undef, 'psql', '-XAtq', '-f', '-', '-d', $node->connstr('postgres') . " application_name=$name");
    return { name => $name, pid => $pid, in => $in, out => $out, open => 0 };
}

sub end_session {
    my ($session) = @_;
    local $SIG{PIPE} = 'IGNORE';
    close $session->{in};
    waitpid $session->{pid}, 0;
    return;
}

# Returns what it answers; undef when it was refused for what other sessions do, which fails the transaction.
sub say_to {
    my ($session, $sql) = @_;
    print { $session->{in} } "$sql;\n\\echo =end=\n";
    $session->{in}->flush;
    my ($said, $failed) = ('', 0);
    while (defined(my $line = readline $session->{out})) {
        return $failed ? undef : $said if $line eq "=end=\n";
        if ($line =~ /ERROR:|FATAL:|PANIC:/) {
            $failed = 1;
            push @strange, "$session->{name}: $line$sql" unless $line =~ /could not serialize|deadlock detected|current transaction is aborted/;
        }
        $said .= $line;
    }
    die "$session->{name} has ended: $said";
}

sub write_as {
    my ($session, $sql) = @_;
    my $answer = say_to($session, $sql);
    push @history, "$session->{name}: $sql" . (defined $answer ? '' : ' -- refused');
    return defined $answer;
}

# Clients.

my @clients;
my $reader = start_session('reader');
my ($polls, $comparisons, $wrong) = (0, 0, 0);

my $fields = "status || ',' || is_favorite || ',' || coalesce(prompt, '') || ',' || coalesce(workspace_id::text, '')";

sub claims {
    my ($client) = @_;
    return qq(SET LOCAL ROLE authenticated; SET LOCAL request.jwt.claims = '{"sub":"$client->{user}","role":"authenticated"}');
}

# One poll in the transaction that the session is in.
sub poll {
    my ($session, $client, $cursor) = @_;
    my ($given, $space) = map { defined $_ ? "'$_'" : 'NULL' } $cursor, $client->{space};
    my $said = say_to($session, claims($client) . <<"SQL");
;
WITH answer AS MATERIALIZED (SELECT public.poll_generations($given, 'foreground', $space) AS a)
SELECT concat_ws('|', a->>'cursor', a->>'more', a->>'reset',
         concat_ws(',', a->'counts'->>'all_count', a->'counts'->>'processing_count', a->'counts'->>'favorites_count', a->'counts'->>'failed_count'),
         (SELECT coalesce(string_agg(d, ';'), '') FROM json_array_elements_text(a->'deleted') d),
         (SELECT coalesce(string_agg(r.id || '=' || $fields, ';'), '')
            FROM json_to_recordset(a->'changed') r (id uuid, status text, is_favorite boolean, prompt text, workspace_id uuid)))
  FROM answer;
RESET ROLE
SQL
    return undef unless defined $said;
    chomp $said;
    my ($next, $more, $reset, $counts, $deleted, $changed) = split /\|/, $said, -1;
    $polls++;
    return { cursor => $next, more => $more eq 'true', reset => $reset eq 'true', counts => $counts, deleted => [ split /;/, $deleted ],
        changed => { map { split /=/, $_, 2 } split /;/, $changed } };
}

sub apply {
    my ($client, $answer) = @_;
    my $first = !defined $client->{cursor};
    if ($answer->{reset} != $first) {
        push @strange, "$client->{name}: reset is $answer->{reset}";
    }
    push @{ $client->{told}{$_} }, 'deleted at ' . @history for @{ $answer->{deleted} };
    push @{ $client->{told}{$_} }, "$answer->{changed}{$_} at " . @history for keys %{ $answer->{changed} };
    delete $client->{mirror}{$_} for @{ $answer->{deleted} };
    $client->{mirror}{$_} = $answer->{changed}{$_} for keys %{ $answer->{changed} };
    @$client{qw(cursor counts within_pages)} = @$answer{qw(cursor counts more)};
    return;
}

# The list and its counts, in the transaction that the reader is in.
sub listed {
    my ($client) = @_;
    my $which = ($client->{space} ? "workspace_id = '$client->{space}'" : "user_id = '$client->{user}'") . ' AND NOT is_keyframe_segment';
    my $said = say_to($reader, <<"SQL");
SELECT concat_ws(',', count(*), count(*) FILTER (WHERE status IN ('pending', 'queued', 'processing')), count(*) FILTER (WHERE is_favorite),
                 count(*) FILTER (WHERE status = 'failed')) FROM public.generations WHERE $which;
SELECT id || '=' || $fields FROM public.generations WHERE $which
SQL
    my ($counts, @rows) = split /\n/, $said;
    return ($counts, { map { split /=/, $_, 2 } @rows });
}

sub compare {
    my ($client) = @_;
    $comparisons++;
    my ($counts, $list) = listed($client);
    my %both = (%$list, %{ $client->{mirror} });
    my @differ = grep { ($list->{$_} // 'none') ne ($client->{mirror}{$_} // 'none') } sort keys %both;
    return if !@differ && $counts eq $client->{counts};
    return if $wrong++;
    diag "ATELIER_SEED=$seed, statement " . @history . ", $client->{name}: counts $client->{counts}, really $counts; " . @differ . ' rows differ';
    for my $id (@differ[ 0 .. ($#differ > 2 ? 2 : $#differ) ]) {
        diag "$id: mirror " . ($client->{mirror}{$id} // 'none') . ', list ' . ($list->{$id} // 'none');
        diag '  told: ' . join '; ', @{ $client->{told}{$id} // [] };
        diag '  row: ' . say_to($reader, "SELECT changed_in, xmin, user_id FROM public.generations WHERE id = '$id'");
        diag '  gone: ' . say_to($reader, "SELECT changed_in, user_id, workspace_id FROM atelier.deleted_generations WHERE generation_id = '$id'");
    }
    diag "cursor $client->{cursor}, before " . ($client->{before} // 'none');
    diag join "\n", 'what was done last:', @history[ ($#history > 60 ? $#history - 60 : 0) .. $#history ];
    return;
}

# A client polls; to compare, until there is nothing more, all under one snapshot.
sub look {
    my ($client, $comparing) = @_;
    my $first = !defined $client->{cursor};
    say_to($reader, 'BEGIN ISOLATION LEVEL ' . ($comparing || $first ? 'REPEATABLE READ' : 'READ COMMITTED'));
    $client->{before} = $client->{cursor};
    # What changed after the first of several pages is told after the last one.
    my $rounds = $comparing && $client->{within_pages} ? 2 : 1;
    while ($rounds > 0) {
        my $answer = poll($reader, $client, $client->{cursor}) // die "a poll was refused: @strange";
        apply($client, $answer);
        $rounds-- unless $answer->{more};
        $rounds = 0 if !$comparing && chance(0.3);
    }
    # The first answer is a page of the list; the client reads the rest of it.
    (undef, $client->{mirror}) = listed($client) if $first;
    compare($client) if $comparing;
    say_to($reader, 'COMMIT');
    return;
}

# Some ask at nearly every step, some rarely; a few come late.
my @scopes = ((map { { user => $_ } } @users), (map { { user => $users[0], space => $_ } } @spaces));

sub add_clients {
    for my $scope (@scopes) {
        push @clients, map { { %$scope, rate => $_, mirror => {}, name => 'client ' . @clients . ' of ' . ($scope->{space} // $scope->{user}) } } @_;
    }
    return;
}

sub look_around {
    for my $client (@clients) {
        look($client, chance(0.3)) if chance($client->{rate});
    }
    return;
}

# Writers.

my ($rows, $names) = (0, 0);
my @prepared;

sub insert_sql {
    my ($owner, $space, $count) = @_;
    my $status = one_of(qw(pending processing completed failed));
    my $first = $rows + 1;
    $rows += $count;
    return 'INSERT INTO public.generations (id, user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, status, is_favorite, is_keyframe_segment)'
      . " SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, '$owner', $space, 'create', 'm', 'M', 'owner/name', 'p' || n, '$status',"
      . " n % 3 = 0, " . ($owner eq $crowd ? 'false' : 'n % 7 = 0') . " FROM generate_series($first, $rows) n";
}

sub statement {
    my ($owner, $space) = (one_of(@users), one_of('NULL', map { "'$_'" } @spaces));
    return insert_sql($owner, $space, chance(0.1) ? 150 : 1 + int rand 4) if chance(0.3);
    my $most = chance(0.1) ? 120 : 1 + int rand 3;
    my $where = "WHERE id IN (SELECT id FROM public.generations WHERE user_id <> '$crowd' ORDER BY md5(id || '" . rand() . "') LIMIT $most FOR UPDATE SKIP LOCKED)";
    my $status = "CASE status WHEN 'pending' THEN 'processing' WHEN 'processing' THEN '" . one_of(qw(completed failed)) . "' ELSE status END";
    my $set = one_of("status = $status", "status = $status", 'is_favorite = NOT is_favorite', "prompt = 'q" . @history . "'",
        "workspace_id = $space", "user_id = '$owner'", "user_id = '$owner', workspace_id = $space", 'workspace_id = NULL', 'is_keyframe_segment = NOT is_keyframe_segment');
    return chance(0.25) ? "DELETE FROM public.generations $where" : "UPDATE public.generations SET $set $where";
}

sub begin {
    my ($session) = @_;
    write_as($session, 'BEGIN ISOLATION LEVEL ' . one_of('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'));
    # Some stay open for long.
    @$session{qw(open left)} = (1, chance(0.25) ? 6 + int rand 10 : int rand 4);
    return;
}

sub finish {
    my ($session, $how) = @_;
    $session->{open} = 0;
    if ($how eq 'PREPARE' && @prepared < 8) {
        my $name = 'm' . ++$names;
        push @prepared, $name if write_as($session, "PREPARE TRANSACTION '$name'");
        return;
    }
    # Who writes may poll too; what he was told counts when he commits.
    my $client = one_of(@clients);
    my $answer = chance(0.15) && defined $client->{cursor} ? poll($session, $client, $client->{cursor}) : undef;
    my $committed = write_as($session, $how eq 'ROLLBACK' ? 'ROLLBACK' : 'COMMIT');
    apply($client, $answer) if $answer && $committed && $how ne 'ROLLBACK';
    return;
}

sub end_prepared {
    my ($session) = @_;
    my $name = splice @prepared, rand @prepared, 1;
    write_as($session, one_of('COMMIT', 'COMMIT', 'ROLLBACK') . " PREPARED '$name'");
    return;
}

sub step {
    my ($session) = @_;
    return @prepared && chance(0.2) ? end_prepared($session) : chance(0.4) ? write_as($session, statement()) : begin($session) unless $session->{open};
    return finish($session, one_of(('COMMIT') x 7, 'ROLLBACK', 'ROLLBACK', 'PREPARE')) if $session->{left}-- <= 0;
    return write_as($session, statement()) || finish($session, 'ROLLBACK') unless chance(0.2);
    return finish($session, 'ROLLBACK') unless write_as($session, 'SAVEPOINT a; ' . statement());
    return write_as($session, one_of('ROLLBACK TO a', 'ROLLBACK TO a', 'RELEASE a')) || finish($session, 'ROLLBACK');
}

my @writers = map { start_session("writer$_") } 1 .. 5;

sub work {
    my ($steps) = @_;
    for (1 .. $steps) {
        step(one_of(@writers));
        look_around() if chance(0.5);
    }
    return;
}

sub crash {
    $node->stop('immediate');
    end_session($_) for @writers, $reader;
    $node->start;
    @writers = map { start_session("writer$_") } 1 .. 5;
    $reader = start_session('reader');
    push @history, 'crash';
    return;
}

# A session that has nothing open, beside at least one that has.
sub idle_writer {
    $writers[0]{open} && finish($writers[0], 'COMMIT');
    begin($writers[1]) unless $writers[1]{open};
    write_as($writers[1], statement()) || finish($writers[1], 'ROLLBACK');
    return $writers[0];
}

subtest 'sessions that write' => sub {
    add_clients(0.5, 0.04);
    work(100);
    add_clients(0.2);
    work(60);
    # More than is looked up one by one.
    write_as(idle_writer(), insert_sql($users[1], "'$spaces[0]'", 4300));
    work(20);
    write_as(idle_writer(), "DELETE FROM public.generations WHERE id IN (SELECT id FROM public.generations WHERE user_id = '$users[1]' ORDER BY id LIMIT 4200 FOR UPDATE SKIP LOCKED)");
    work(50);
    is($wrong, 0, "$comparisons mirrors equal the list");
};

subtest 'a crash' => sub {
    idle_writer();
    write_as($writers[0], 'BEGIN; ' . statement() . "; PREPARE TRANSACTION 'outlives'");
    push @prepared, 'outlives';
    # Some of these are lost with the server's memory, and others get their numbers afterwards.
    write_as($writers[0], 'BEGIN; ' . statement() . '; ROLLBACK');
    for (1 .. 60) {
        write_as($writers[0], 'BEGIN; SELECT pg_current_xact_id(); ROLLBACK');
        look_around() if chance(0.1);
    }
    look($_, 0) for grep { chance(0.7) } @clients;
    crash();
    work(120);
    is($wrong, 0, "$comparisons mirrors equal the list");
};

# A client's changes are told as long as they are remembered, and when they are not; blocks of changes are forgotten as a whole.
subtest 'the edge of the memory' => sub {
    my $writer = idle_writer();
    look($_, 1) for @clients;
    my @waiting = map { { %$_ } } grep { $_->{rate} == 0.5 } @clients;
    write_as($writer, insert_sql($users[0], "'$spaces[1]'", 2));
    my @told = grep { $_->{user} eq $users[0] && ($_->{space} // $spaces[1]) eq $spaces[1] } @waiting;
    write_as($writer, insert_sql($crowd, 'NULL', 64_700));
    my $missed = 0;
    for (1 .. 24) {
        write_as($writer, insert_sql($crowd, 'NULL', 60));
        say_to($reader, 'BEGIN');
        for my $client (@told) {
            my $answer = poll($reader, $client, $client->{cursor});
            $missed++ unless grep { /,p\d+,/ } values %{ $answer->{changed} };
        }
        say_to($reader, 'COMMIT');
        look_around() if chance(0.3);
    }
    cmp_ok(scalar @told, '==', 2, 'a user and a workspace wait');
    is($missed, 0, 'and are told each time');
    work(25);
    $writer = idle_writer();
    write_as($writer, "BEGIN; UPDATE public.generations SET is_favorite = true WHERE user_id = '$crowd'; ROLLBACK");
    work(25);
    write_as(idle_writer(), "DELETE FROM public.generations WHERE user_id = '$crowd'");
    work(25);
    is($wrong, 0, "$comparisons mirrors equal the list");
};

# As many at once as there are, with a crash in the middle.
sub storm {
    my ($most, $crashing) = @_;
    my @storm;
    for my $number (1 .. 3) {
        my $script = $node->basedir . "/storm$number.sql";
        open my $file, '>', $script or die $!;
        for (1 .. 100) {
            my $end = chance(0.2) ? 'ROLLBACK' : 'COMMIT';
            print $file "BEGIN;\n", (map { statement() . ";\n" } 0 .. rand 3), "$end;\n";
        }
        close $file;
        my $pid = fork // die $!;
        if (!$pid) {
            open STDOUT, '>', '/dev/null';
            open STDERR, '>>', "$script.err";
            exec 'psql', '-X', '-q', '-f', $script, '-d', $node->connstr('postgres') or POSIX::_exit(1);
        }
        push @storm, $pid;
    }
    push @history, 'storm';
    for (1 .. $most) {
        look($_, 1) for @clients[ rand @clients, rand @clients ];
        step($writers[0]) if chance(0.2);
    }
    crash() if $crashing;
    waitpid $_, 0 for @storm;
    return;
}

subtest 'a storm, and a crash in it' => sub {
    storm(10, 1);
    storm(15, 0);
    work(60);
    is($wrong, 0, "$comparisons mirrors equal the list");
    my $said = join '', map { slurp_file($node->basedir . "/storm$_.sql.err") } 1 .. 3;
    unlike($said, qr/XX000|internal error/, 'nothing strange was said');
};

subtest 'the end' => sub {
    finish($_, 'COMMIT') for grep { $_->{open} } @writers;
    end_prepared($writers[0]) while @prepared;
    look($_, 1) for @clients;
    is($wrong, 0, 'the mirrors of ' . @clients . " clients equal the list after $polls polls");
    is(join("\n", @strange), '', 'nothing strange was said');
    cmp_ok(scalar(map { keys %{ $_->{mirror} } } @clients), '>', 0, 'there are rows');
};
end_session($_) for @writers, $reader;

done_testing();
