# SPDX-License-Identifier: PostgreSQL
# Kills, and what they must not do: a cluster with a stream of generations, a fault point at which a process is stopped
# while at least fifty requests are out, the kill, and the account of it all at the end.
#
#   my $crash = Atelier::Crash->new(off => 'rescue');     off: what the mutation control switches off
#   $crash->kill_at('request_sent', 'worker');            true when the kill has been made
#   my $result = $crash->settle;                          lost, stuck, twice, reopened, charged wrongly; and per kill
package Atelier::Crash;
use strict;
use warnings;
use Atelier;
use Atelier::Queue ();
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use constant { kInFlight => 50, kWanted => 75, kUsers => 20, kCredits => 10_000_000, kPatience => 25, kMisses => 40 };

# How each point is reached: the model of a row that leads there (none: the stream itself does), or what to do.
our %points = (
    claim_picked => {}, claim_committed => {}, request_added => {}, request_sent => {}, answer_read => {},
    accepted_written => {}, accepted_committed => {}, look_sent => {}, look_read => {}, result_read => {},
    result_written => {}, result_committed => {}, counts_written => {}, counts_committed => {}, leases_written => {},
    leases_committed => {},
    unknown_written => { rows => ['lost'] }, unknown_committed => { rows => ['lost'] },
    absent_written => { rows => ['absent'] }, absent_committed => { rows => ['absent'] },
    refused_written => { rows => ['refused'] }, refused_committed => { rows => ['refused'] },
    model_read => { rows => ['community'] },
    cancel_sent => { rows => ['cancel'] }, cancel_read => { rows => ['cancel'] },
    search_sent => { rows => ['lost'] }, list_read => { rows => ['twins'] },
    adopted_written => { rows => ['twins'] }, adopted_committed => { rows => ['lost'] },
    orphans_written => { after => 'restart_worker' }, orphans_committed => { after => 'restart_worker' },
    shutdown => { after => 'restart_worker', not => { error => 1 } },
    webhook_read => { after => 'send_webhook', live => 1 }, webhook_written => { after => 'send_webhook', live => 1 },
    survey_sent => { after => 'promote' }, survey_read => { after => 'promote' },
    survey_written => { after => 'promote' }, survey_committed => { after => 'promote' });

# Reached by a training: see 092_training.pl, which kills there.
our %trainings = (
    training_written => {}, training_committed => {}, training_sent => {}, training_read => {}, training_accepted => {});

# What happens while the process is stopped at the point.
our @kinds = qw(worker postmaster immediate terminate error stop refuse hang reset half);

# A row of each kind, and how it must end.
my %models = (
    slow => ['sim/slow-2500ms--run-200ms', 'completed'], lost => ['sim/reset-after-body-created-x1', 'completed'],
    absent => ['sim/reset-after-body-not-created-x1', 'completed'], refused => ['sim/refuse-403-x1', 'completed'],
    community => ['community/run-NNNms', 'completed'], cancel => ['sim/run-1m', 'cancelled'],
    watched => ['sim/run-3s', 'completed'],
    twins => ['sim/reset-after-body-created-x2', 'completed'], ended => ['sim/slow-300ms--run-700ms', 'failed']);

sub new {
    my ($class, %options) = @_;
    my $self = bless { kills => [], number => 0, least => kInFlight }, $class;
    $self->{folder} = PostgreSQL::Test::Utils::tempdir_short();
    $self->{stand_in} = Atelier::StandIn->start;
    $self->{stand_in}->request('PATCH', '/_control/settings', { arrivals => 0 });
    my $name = 'crash_' . ($options{off} // 'all');
    $self->{node} = atelier_node($name, stand_in => $self->{stand_in}, token => 0, init => [allows_streaming => 1], settings => {
        'atelier.user_concurrency' => 0, 'atelier.max_transfers' => 400, 'atelier.safety_poll' => '300ms',
        'atelier.fault_folder' => $self->{folder}, 'atelier.fault_off' => $options{off} // '',
        'atelier.fault_time_scale' => '0.03', 'atelier.request_timeout' => '4s', restart_after_crash => 'on',
        log_statement => 'none', log_connections => 'off', log_disconnections => 'off', log_replication_commands => 'off',
        checkpoint_timeout => '30s', autovacuum_naptime => '20s', 'atelier.log_calls' => 'failures' });
    add_token($self->{node}, $_) for 'r8_acme_crash_1', 'r8_other_crash_2';
    $self->sql('INSERT INTO public.users (id, email, credits) SELECT uuid_of(n), n || \'@crash.test\', ' . kCredits
          . ' FROM generate_series(1, ' . kUsers . ') n');
    $self->dispatches or die 'the workers do not start';
    $self->{node}->poll_query_until('postgres', "SELECT count(*) = 2 FROM atelier.tokens WHERE account <> ''") or die 'accounts';
    return $self;
}

sub sql {
    my ($self, $sql) = @_;
    $sql =~ s/uuid_of(\((?:[^()]++|(?1))*\))/('00000000-0000-4000-8000-' || lpad($1::text, 12, '0'))::uuid/g;
    return $self->{node}->safe_psql('postgres', $sql);
}

sub dispatches {
    my ($self) = @_;
    return $self->{node}->poll_query_until('postgres',
        "SELECT count(*) = 1 FROM atelier.worker_state() WHERE kind = 'dispatcher' AND state IN ('running', 'rescuing')");
}

sub outstanding { return $_[0]{stand_in}->request('GET', '/_control/stats')->{requests}{outstanding} }

# Rows of the kill under way; their prompts say which kill it was, what they are, and twins share one.
sub add_rows {
    my ($self, $kind, $count) = @_;
    my $model = $models{$kind}[0];
    my $number = $self->{number};
    $self->{salt} += 1;
    $model =~ s/NNN/100 + $self->{salt} % 800/e;
    my $name = $kind eq 'twins' ? "'k$number twins $self->{salt}'" : "'k$number $kind $self->{salt} ' || n";
    return $self->sql(<<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)
SELECT uuid_of(1 + (n + $self->{salt}) % @{[kUsers]}), 'create', 'crash', 'Crash', '$model', $name FROM generate_series(1, $count) n
SQL
}

sub path { return "$_[0]{folder}/$_[1]" }

sub arm {
    my ($self, $point, $action) = @_;
    append_to_file($self->path("$point.new"), $action);
    rename $self->path("$point.new"), $self->path($point) or die "$point: $!";
    return;
}

# Lets the process go on, with an action if one is given, and takes the weapon away.
sub release {
    my ($self, $point, $action) = @_;
    append_to_file($self->path("$point.then"), $action) if $action;
    unlink $self->path($point), $self->path("$point.hanging");
    return;
}

sub hanging_pid {
    my ($self, $point) = @_;
    my $path = $self->path("$point.hanging");
    return -e $path ? 0 + slurp_file($path) : 0;
}

# Kills at the point, with the stream running; returns whether that could be done.
sub kill_at {
    my ($self, $point, $kind) = @_;
    my $how = $points{$point} or die "unknown point $point";
    return 0 if ($how->{not} // {})->{$kind};
    $self->{number}++;
    unlink glob $self->path("$point.*");
    my $until = time + kPatience;
    $self->add_rows('ended', 2);
    $self->end_from_outside;
    $self->fill or return $self->missed($point, 'too few requests');
    my $seen = $self->outstanding;
    $self->arm($point, 'hang') if !$how->{after} || $how->{after} ne 'promote';
    $self->add_rows('slow', 2);
    $self->add_rows($_, 1 + ($_ eq 'twins')) for @{ $how->{rows} // [] };
    if (my $after = $how->{after}) { $self->$after($point) }
    my $live = !$how->{after} || $how->{live};
    while (!$self->hanging_pid($point)) {
        return $self->missed($point, 'not reached') if time > $until;
        $self->cancel_rows if $point =~ /^cancel/;
        $self->top_up if $live;
        sleep 0.02;
    }
    $seen = $self->outstanding if $live;
    return $self->missed($point, "only $seen in flight") if $seen < kInFlight;
    $self->{least} = $seen if $seen < ($self->{lowest} // 1e9);
    $self->{lowest} = $seen if $seen < ($self->{lowest} // 1e9);
    $self->can("by_$kind")->($self, $point, $self->hanging_pid($point));
    $self->{missed} = 0;
    push @{ $self->{kills} }, { number => $self->{number}, point => $point, kind => $kind, in_flight => $seen };
    $self->recover;
    return 1;
}

sub end_sessions {
    my ($self) = @_;
    for my $pid (splice @{ $self->{sessions} //= [] }) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
    return;
}

sub missed {
    my ($self, $point, $why) = @_;
    note("kill $self->{number} at $point: $why; " . $self->state);
    die "nothing moves any more: " . $self->state if ++$self->{missed} > kMisses;
    $self->release($point);
    $self->recover;
    return 0;
}

sub state {
    my ($self) = @_;
    my ($status, $out) = $self->{node}->psql('postgres', "SELECT string_agg(concat_ws(' ', kind, state, in_flight, running, unreached), ', ')"
          . " || ', queued ' || (SELECT count(*) FROM atelier.queue) || ', '"
          . " || (SELECT string_agg(state || ' ' || n, ', ') FROM (SELECT state, count(*) n FROM atelier.attempts GROUP BY state) s)"
          . " FROM atelier.worker_state()");
    return $status == 0 ? $out : 'no server';
}

# Enough creating requests that nobody has answered yet.
sub fill {
    my ($self) = @_;
    my $until = time + 4;
    while (time < $until) {
        return 1 if $self->top_up;
        sleep 0.03;
    }
    return 0;
}

# Adds rows when there are too few requests out; returns whether there are enough.
sub top_up {
    my ($self) = @_;
    my $out = $self->outstanding;
    return 1 if $out >= kInFlight + 5;
    return 0 if ($self->{filled} // 0) > time - 0.4;
    $self->{filled} = time;
    $self->add_rows('slow', kWanted - $out) if $self->sql('SELECT count(*) < 200 FROM atelier.queue') eq 't';
    return 0;
}

# service_role puts an end to rows that are out; that is final, whatever the provider says later.
sub end_from_outside {
    my ($self) = @_;
    return $self->sql(<<"SQL");
SET lock_timeout = '2s';
UPDATE public.generations SET status = 'failed', error_message = 'ended by the app'
 WHERE prompt LIKE 'k$self->{number} ended %' AND status IN ('queued', 'processing')
SQL
}

sub cancel_rows {
    my ($self) = @_;
    my ($status) = $self->{node}->psql('postgres', <<"SQL");
SET lock_timeout = '200ms';
SELECT set_config('request.jwt.claims', json_build_object('sub', g.user_id, 'role', 'authenticated')::text, false)
  FROM public.generations g WHERE g.prompt LIKE 'k$self->{number} cancel %' AND g.status = 'processing';
SET ROLE authenticated;
UPDATE public.generations SET status = 'cancelled' WHERE prompt LIKE 'k$self->{number} cancel %' AND status = 'processing'
SQL
    return $status;
}

# The provider says that something runs; the session that hears of it is the one that is stopped.
sub send_webhook {
    my ($self) = @_;
    $self->add_rows('watched', 1);
    my $row = "FROM public.generations WHERE prompt LIKE 'k$self->{number} watched %'";
    $self->{node}->poll_query_until('postgres', "SELECT replicate_prediction_id <> '' $row") or return;
    my $connection = $self->{node}->connstr('postgres');
    my $sql = "SELECT r.* FROM (SELECT replicate_prediction_id AS id $row) g,"
      . " public.replicate_webhook(json_build_object('id', g.id, 'status', 'succeeded')) r";
    my $pid = fork // die "cannot fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec('psql', '-X', '-d', $connection, '-c', $sql) or POSIX::_exit(1);
    }
    push @{ $self->{sessions} }, $pid;
    return;
}

sub restart_worker {
    my ($self) = @_;
    return $self->sql("SELECT pg_terminate_backend(pid) FROM atelier.worker_state() WHERE kind = 'dispatcher'");
}

# The server ends as by a power failure and comes back on a new timeline.
sub promote {
    my ($self, $point) = @_;
    my $node = $self->{node};
    $node->stop('immediate');
    $node->append_conf('standby.signal', '');
    $self->arm($point, 'hang');
    $node->start;
    $node->promote;
    $node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
    return;
}

sub by_worker { my ($self, $point, $pid) = @_; kill 'KILL', $pid; return }

sub by_postmaster {
    my ($self, $point, $pid) = @_;
    my $postmaster = (split /\n/, slurp_file($self->{node}->data_dir . '/postmaster.pid'))[0];
    my @children = split ' ', `ps -o pid= --ppid $postmaster`;
    kill 'KILL', $postmaster, @children;
    $self->{node}{_pid} = undef;
    sleep 0.05 while grep { kill 0, $_ } @children;
    return;
}

sub by_immediate { my ($self) = @_; $self->{node}->stop('immediate'); return }

sub by_terminate { my ($self, $point, $pid) = @_; return $self->sql("SELECT pg_terminate_backend($pid)") }

sub by_error { my ($self, $point) = @_; return $self->release($point, 'error') }

sub by_stop {
    my ($self, $point) = @_;
    kill 'STOP', $self->{stand_in}{pid};
    $self->release($point);
    sleep 0.5;
    kill 'CONT', $self->{stand_in}{pid};
    return;
}

sub by_refuse {
    my ($self, $point) = @_;
    $self->{stand_in}->request('POST', '/_control/away', { for_ms => 500 });
    $self->release($point);
    for (1 .. 200) {
        sleep 0.1;
        last if $_ > 5 && eval { $self->outstanding; 1 };
    }
    return;
}

sub disturb {
    my ($self, $point, $seconds, @orders) = @_;
    $self->{stand_in}->request('POST', '/_control/fail', $_) for @orders;
    $self->release($point);
    sleep $seconds;
    return $self->{stand_in}->request('DELETE', '/_control/fail');
}

sub by_hang {
    my ($self, $point) = @_;
    my $created = $self->{number} % 2 ? JSON::PP::true : JSON::PP::false;
    return $self->disturb($point, 1.0, map { { route => $_, error => 'hang', times => 15, created => $created } } qw(create get list cancel));
}

sub by_reset {
    my ($self, $point) = @_;
    return $self->disturb($point, 0.7, map { { route => 'create', error => 'reset', times => 15, created => $_ } } JSON::PP::true,
        JSON::PP::false);
}

sub by_half {
    my ($self, $point) = @_;
    return $self->disturb($point, 0.7, map { { route => $_, error => 'truncated', times => 20, created => JSON::PP::true } } qw(create get list cancel));
}

# The server is there and the dispatcher works.
sub recover {
    my ($self) = @_;
    $self->end_sessions;
    my $node = $self->{node};
    for (1 .. 600) {
        # A server that goes away while it is asked breaks the pipe to psql, which is an answer too.
        last if eval { ($node->psql('postgres', 'SELECT 1'))[0] == 0 };
        if (!kill 0, (split /\n/, -e $node->data_dir . '/postmaster.pid' ? slurp_file($node->data_dir . '/postmaster.pid') : '999999999')[0]) {
            $node->start(fail_ok => 1);
        }
        sleep 0.05;
    }
    my $running = "SELECT count(*) = 1 FROM atelier.worker_state() WHERE kind = 'dispatcher' AND state = 'running'";
    eval { $node->poll_query_until('postgres', $running) } or $node->poll_query_until('postgres', $running) or die 'the dispatcher does not come back';
    return;
}

# Waits until nothing is under way, but no longer than so many seconds, and counts.
sub settle {
    my ($self, $patience) = @_;
    my $until = time + ($patience // $PostgreSQL::Test::Utils::timeout_default);
    while (time < $until) {
        last if $self->sql("SELECT NOT EXISTS (SELECT FROM atelier.attempts WHERE state IN ('sending', 'running', 'unknown'))"
              . " AND NOT EXISTS (SELECT FROM atelier.queue) AND NOT EXISTS (SELECT FROM public.generations"
              . " WHERE status NOT IN ('completed', 'failed', 'cancelled'))") eq 't';
        $self->cancel_forgotten;
        note('settling: ' . $self->state) if int(time) % 10 == 0;
        sleep 1;
    }
    return $self->count;
}

# Rows that were to be cancelled in a kill that could not be made.
sub cancel_forgotten {
    my ($self) = @_;
    return $self->sql("UPDATE atelier.attempts a SET cancel_requested = true FROM public.generations g WHERE g.id = a.generation_id"
          . " AND g.prompt LIKE '% cancel %' AND g.status = 'processing' AND NOT a.cancel_requested; SELECT atelier.wake()");
}

sub count {
    my ($self) = @_;
    my %result = (lost => 0, stuck => 0, twice => 0, reopened => 0, rows => 0, completed => 0, by_kill => {});
    my $note = sub {
        my ($what, $prompt, $detail) = @_;
        my ($number) = $prompt =~ /^k(\d+)/;
        $result{$what}++;
        $result{by_kill}{$number}{$what}++;
        push @{ $result{examples} }, "$what: $prompt $detail" if @{ $result{examples} // [] } < 40;
    };
    my %accepted;
    for my $input (@{ $self->{stand_in}->request('GET', '/_control/inputs?limit=10000000')->{inputs} }) {
        $accepted{ $input->{prompt} } = $input->{accepted};
        $result{not_accepted} += $input->{posts} - $input->{accepted};
        $result{accepted} += $input->{accepted};
    }
    my %rows;
    for my $line (split /\n/, $self->sql("SELECT prompt, status, coalesce(error_message, '') FROM public.generations")) {
        my ($prompt, $status, $message) = split /\|/, $line, 3;
        my ($kind) = $prompt =~ /^k\d+ (\w+)/;
        my $wanted = $models{$kind}[1];
        $rows{$prompt}++;
        $result{rows}++;
        $result{completed}++ if $status eq 'completed';
        if ($status !~ /^(?:completed|failed|cancelled)$/) { $note->('stuck', $prompt, $status) }
        elsif ($kind eq 'ended' && $status ne 'failed') { $note->('reopened', $prompt, $status) if $message ne '' || 1 }
        elsif ($status ne $wanted) { $note->('lost', $prompt, "$status $message") }
        elsif ($status eq 'completed' && !$accepted{$prompt}) { $note->('lost', $prompt, 'completed without a prediction') }
    }
    for my $prompt (keys %accepted) { $note->('twice', $prompt, "$accepted{$prompt} for " . ($rows{$prompt} // 0)) if $accepted{$prompt} > ($rows{$prompt} // 0) }
    $result{charged} = kUsers * kCredits - $self->sql('SELECT sum(credits) FROM public.users');
    $result{mischarged} = abs($result{charged} - $result{completed});
    $result{misbooked} = $self->sql(<<"SQL");
SELECT (SELECT count(*) FROM public.users u WHERE u.credits - @{[kCredits]}
               IS DISTINCT FROM (SELECT coalesce(sum(e.amount), 0) FROM atelier.credit_entries e WHERE e.user_id = u.id))
     + (SELECT count(*) FROM public.generations g WHERE (g.status = 'completed')
               <> (SELECT count(*) = 1 FROM atelier.credit_entries e WHERE e.generation_id = g.id AND e.kind = 'charge'))
SQL
    $result{kills} = scalar @{ $self->{kills} };
    return \%result;
}

sub stop { my ($self) = @_; $self->{node}->stop('immediate'); $self->{stand_in}->stop; return }

1;
