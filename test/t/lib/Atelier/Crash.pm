# SPDX-License-Identifier: PostgreSQL
# Kills, and what they must not do: a cluster with a stream of generations, a fault point at which a process is stopped
# while at least fifty requests are out, the kill, and the account of it all at the end.
#
#   my $crash = Atelier::Crash->new(off => 'rescue');     off: what the mutation control switches off
#   $crash->kill_at('request_sent', 'worker');            true when the kill has been made
#   my $result = $crash->settle;                          lost, stuck, twice, reopened, charged wrongly; and per kill
#
# Every wait has an end: a kill that cannot be made is told and given up, and a cluster that hangs is killed and started.
package Atelier::Crash;
use strict;
use warnings;
use Atelier;
use Atelier::Crash::Account ();
use Atelier::Crash::Server qw(end_process eventually is_alive);
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use constant {
    kInFlight => 50, kSpare => 12, kWanted => 80, kUsers => 20, kCredits => 10_000_000,
    kFilling => 20, kReaching => 20, kKilling => 120, kHanging => 4, kMisses => 30, kTidy => 20 };

# How each point is reached: the kinds of rows that lead there (none: the stream itself does), the trainer of a LoRA, or what
# to do. What is done before the dispatcher works takes the fifty requests with it; live: they are still out.
our %points = (
    claim_picked => {}, claim_committed => {}, request_added => {}, request_sent => {}, answer_read => {},
    accepted_written => {}, accepted_committed => {}, look_sent => {}, look_read => {}, result_read => {},
    result_written => {}, result_committed => {}, counts_written => {}, counts_committed => {}, leases_written => {},
    leases_committed => {},
    folded_written => { after => 'write_apart', live => 1 }, folded_committed => { after => 'write_apart', live => 1 },
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
    webhook_taken => { after => 'send_webhook', live => 1 },
    training_uploaded => { lora => 'sim/run-300ms' }, training_written => { lora => 'sim/run-300ms' },
    training_committed => { lora => 'sim/run-300ms' }, training_sent => { lora => 'sim/run-300ms' },
    training_read => { lora => 'sim/run-300ms' }, training_accepted => { lora => 'sim/run-300ms' },
    training_listed => { lora => 'sim/reset-after-body-created-x1' }, training_ended => { lora => 'sim/run-300ms' },
    survey_sent => { after => 'promote' }, survey_read => { after => 'promote' },
    survey_written => { after => 'promote' }, survey_committed => { after => 'promote' });

# Those that each training passes.
our %trainings = map { $_ => 1 } grep { /^training_/ && $_ ne 'training_listed' } keys %points;

# What happens while the process is stopped at the point.
our @kinds = qw(worker postmaster immediate terminate error stop hang half reset refuse);

# A row of each kind, and how it must end. NNN differs from row to row, so that answers come one after the other.
my %models = (
    slow => ['sim/slow-NNNms--run-200ms', 'completed'], lost => ['sim/reset-after-body-created-x1', 'completed'],
    absent => ['sim/reset-after-body-not-created-x1', 'completed'], refused => ['sim/refuse-403-x1', 'completed'],
    community => ['community/run-NNNms', 'completed'], cancel => ['sim/run-4m', 'cancelled'],
    watched => ['sim/run-3s', 'completed'], apart => ['sim/ok', 'completed'],
    twins => ['sim/reset-after-body-created-x2', 'completed'], ended => ['sim/slow-300ms--run-700ms', 'failed']);

sub new {
    my ($class, %options) = @_;
    my $self = bless { kills => [], number => 0, salt => 0, missed => 0, spent => {} }, $class;
    $self->{folder} = PostgreSQL::Test::Utils::tempdir_short();
    $self->{stand_in} = Atelier::StandIn->start;
    $self->{stand_in}->request('PATCH', '/_control/settings', { arrivals => 1_000_000 });
    my $node = atelier_node('crash_' . ($options{off} // 'all'), stand_in => $self->{stand_in}, token => 0, init => [allows_streaming => 1], settings => {
        'atelier.user_concurrency' => 0, 'atelier.max_transfers' => 400, 'atelier.safety_poll' => '300ms',
        'atelier.fault_folder' => $self->{folder}, 'atelier.fault_off' => $options{off} // '',
        'atelier.fault_time_scale' => '0.03', 'atelier.request_timeout' => kHanging . 's', restart_after_crash => 'on',
        'atelier.download_hosts' => '127.0.0.1', 'atelier.max_trainings_per_user' => 1000,
        log_statement => 'none', log_connections => 'off', log_disconnections => 'off', log_replication_commands => 'off',
        checkpoint_timeout => '30s', autovacuum_naptime => '20s', 'atelier.log_calls' => 'failures' });
    $node->append_conf('webhook.conf', '');
    $node->append_conf('postgresql.conf', "include = 'webhook.conf'");
    $self->{server} = Atelier::Crash::Server->new($node);
    add_token($node, $_) for 'r8_acme_crash_1', 'r8_other_crash_2';
    $self->sql('INSERT INTO public.users (id, email, credits) SELECT ' . user('n') . ", n || '\@crash.test', " . kCredits
          . ' FROM generate_series(1, ' . kUsers . ') n', 'CREATE INDEX ON public.generations (prompt text_pattern_ops)');
    $self->sql("DELETE FROM atelier.trainers WHERE seeded_at = '-infinity'", map {
        "INSERT INTO atelier.trainers (trainer, version, rank, least_images) VALUES ('$_', encode(sha256('$_'), 'hex'), -1, 1)"
    } 'sim/run-300ms', 'sim/reset-after-body-created-x1');
    eventually(60, 0.1, sub { ($self->ask("SELECT count(*) = 2 FROM atelier.tokens WHERE account <> ''") // '') eq 't' }) or die 'the workers do not start';
    return $self;
}

sub ask { my ($self, @statements) = @_; return $self->{server}->ask(@statements) }

sub sql { my ($self, @statements) = @_; return $self->ask(@statements) // die "no answer to $statements[0]" }

sub user { my ($number) = @_; return "('00000000-0000-4000-8000-' || lpad(($number)::text, 12, '0'))::uuid" }

sub credits_of_each { return kCredits }

sub wanted_status { my ($self, $prompt) = @_; my ($kind) = $prompt =~ /^k\d+ (\w+)/; return $models{$kind}[1] }

# A stand-in that is away has no requests.
sub outstanding { my ($self) = @_; return eval { $self->{stand_in}->request('GET', '/_control/outstanding')->{outstanding} } // 0 }

# Rows of the kill under way; their prompts say which kill it was, what they are, and twins share one.
sub rows {
    my ($self, $kind, $count) = @_;
    my $number = $self->{number};
    my $salt = ++$self->{salt};
    my $time = $kind eq 'slow' ? '(1500 + 25 * (n % 80))' : 100 + $salt % 4000;
    my $model = "replace('$models{$kind}[0]', 'NNN', $time\::text)";
    my $name = $kind eq 'twins' ? "'k$number twins $salt'" : "'k$number $kind $salt ' || n";
    return 'INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt) SELECT '
      . user("1 + (n + $salt) % " . kUsers) . ", 'create', 'crash', 'Crash', $model, $name FROM generate_series(1, $count) n";
}

sub lora {
    my ($self, $trainer) = @_;
    my $word = "K$self->{number}_" . ++$self->{salt};
    my $picture = $self->{stand_in}->url . '/_pictures/jpg-1000/a';
    return <<"SQL";
WITH made AS (INSERT INTO public.user_loras (user_id, name, trigger_word, type)
              SELECT @{[user("1 + $self->{salt} % " . kUsers)]}, '$word', '$word', 'character' RETURNING id)
INSERT INTO public.lora_training_images (lora_id, image_url) SELECT id, '$picture' FROM made;
SELECT atelier.begin_lora_training(id) FROM public.user_loras WHERE trigger_word = '$word';
UPDATE atelier.trainings SET trainer = '$trainer', version = encode(sha256('$trainer'), 'hex')
 WHERE lora_id = (SELECT id FROM public.user_loras WHERE trigger_word = '$word')
SQL
}

sub path { return "$_[0]{folder}/$_[1]" }

sub arm {
    my ($self, $point) = @_;
    append_to_file($self->path("$point.new"), 'hang');
    rename $self->path("$point.new"), $self->path($point) or die "$point: $!";
    return;
}

# Lets the process go on, with an action if one is given, and takes all weapons away.
sub release {
    my ($self, $point, $action) = @_;
    append_to_file($self->path("$point.then"), $action) if $action;
    unlink grep { !/\.then$/ } glob $self->path('*');
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
    my $why = eval {
        local $SIG{ALRM} = sub { die 'longer than ' . kKilling . " s\n" };
        alarm kKilling;
        $self->try_kill($point, $kind, $how);
    };
    $why = "broken off: $@" unless defined $why;
    alarm 0;
    kill 'CONT', $self->{stand_in}{pid};
    if ($why eq '') {
        $self->{missed} = 0;
        $self->tidy if @{ $self->{kills} } % kTidy == 0;
        return 1;
    }
    note("kill $self->{number} at $point by $kind: $why; " . $self->state);
    die "nothing moves any more: " . $self->state if ++$self->{missed} > kMisses;
    $self->release($point);
    $self->end_sessions;
    eval { $self->{stand_in}->request('DELETE', '/_control/fail') };
    $self->{server}->destroy if $self->{missed} % 3 == 0;
    $self->{server}->revive or die 'the server does not come back';
    Atelier::Crash::Account::cancel_forgotten($self);
    return 0;
}

# Each crash takes the statistics along by which the server knows what to clean; and the cancel of another row may have been
# at the point before a row was cancelled that was to be.
sub tidy {
    my ($self) = @_;
    Atelier::Crash::Account::cancel_forgotten($self);
    return $self->ask('VACUUM atelier.queue, atelier.attempts, atelier.generation_counts, public.users, public.generations');
}

# Returns why the kill could not be made, or nothing.
sub try_kill {
    my ($self, $point, $kind, $how) = @_;
    my $mark = time;
    my $spend = sub { my ($what) = @_; $self->{spent}{$what} += time - $mark; $mark = time };
    unlink glob $self->path('*');
    $self->want_webhooks($point =~ /^webhook/);
    $self->fill or return 'only ' . $self->outstanding . ' requests are out';
    $spend->('filling');
    $self->end_from_outside or return 'rows are not ended';
    my $seen = $self->outstanding;
    my $live = !$how->{after} || $how->{live};
    $self->arm($point) if !$how->{after} || $how->{after} ne 'promote';
    my @more = ($self->rows('slow', 2), map { $self->rows($_, 1 + ($_ eq 'twins')) } @{ $how->{rows} // [] });
    # Trainings are under way at other points, too; but one gives up whose pictures cannot be had.
    my $trainer = $how->{lora} // ($self->{number} % 3 == 0 && $kind ne 'refuse' ? 'sim/run-300ms' : undef);
    push @more, $self->lora($trainer) if $trainer;
    defined $self->ask(@more) or return 'no answer';
    if (my $after = $how->{after}) { $self->$after($point) or return "$after is not possible" }
    my $until = time + kReaching;
    while (!$self->hanging_pid($point)) {
        return 'not reached' if time > $until;
        $self->cancel_rows if $point =~ /^cancel/;
        $self->top_up if $live;
        sleep 0.01;
    }
    $seen = $self->outstanding if $live;
    $spend->('reaching');
    return "only $seen in flight" if $seen < kInFlight;
    $self->{lowest} = $seen if $seen < ($self->{lowest} // 1e9);
    $self->can("by_$kind")->($self, $point, $self->hanging_pid($point));
    push @{ $self->{kills} }, { number => $self->{number}, point => $point, kind => $kind, in_flight => $seen };
    $self->release($point);
    $spend->('killing');
    $self->end_sessions;
    $self->{server}->revive or die 'the server does not come back';
    $spend->('coming back');
    return '';
}

sub end_sessions {
    my ($self) = @_;
    end_process($_) for splice @{ $self->{sessions} //= [] };
    return;
}

sub state {
    my ($self) = @_;
    return $self->ask("SELECT string_agg(concat_ws(' ', kind, state, in_flight, running, unreached), ', ')"
          . " || ', queued ' || (SELECT count(*) FROM atelier.queue) || ', '"
          . " || (SELECT string_agg(state || ' ' || n, ', ') FROM (SELECT state, count(*) n FROM atelier.attempts GROUP BY state) s)"
          . ' FROM atelier.worker_state()') // 'no server';
}

# Enough requests that nobody has answered yet.
sub fill { my ($self) = @_; return eventually(kFilling, 0.02, sub { $self->top_up }) }

# Adds rows when there are too few requests out; returns whether there are enough.
sub top_up {
    my ($self) = @_;
    my $out = $self->outstanding;
    return 1 if $out >= kInFlight + kSpare;
    return 0 if ($self->{filled} // 0) > time - 0.3;
    $self->{filled} = time;
    my $queued = $self->ask('SELECT count(*) FROM atelier.queue') // return 0;
    $self->ask($self->rows('slow', kWanted - $out)) if $queued < kWanted;
    return 0;
}

# service_role puts an end to rows that are out; that is final, whatever the provider says later.
sub end_from_outside {
    my ($self) = @_;
    return defined $self->ask($self->rows('ended', 2), 'SELECT pg_sleep(0.04)',
        "UPDATE public.generations SET status = 'failed', error_message = 'ended by the app'"
          . " WHERE prompt LIKE 'k$self->{number} ended %' AND status IN ('queued', 'processing')");
}

sub cancel_rows {
    my ($self) = @_;
    return $self->ask(<<"SQL");
SET lock_timeout = '200ms';
SELECT set_config('request.jwt.claims', json_build_object('sub', g.user_id, 'role', 'authenticated')::text, false)
  FROM public.generations g WHERE g.prompt LIKE 'k$self->{number} cancel %' AND g.status = 'processing';
SET ROLE authenticated;
UPDATE public.generations SET status = 'cancelled' WHERE prompt LIKE 'k$self->{number} cancel %' AND status = 'processing'
SQL
}

# A transaction whose kept numbers the keeper has to fold.
sub write_apart {
    my ($self) = @_;
    return defined $self->ask('BEGIN ISOLATION LEVEL REPEATABLE READ; ' . $self->rows('apart', 1) . '; COMMIT');
}

# While they are wanted, requests name a receiver that the provider cannot reach: what it would send is sent here.
sub want_webhooks {
    my ($self, $wanted) = @_;
    return if !!$wanted == !!$self->{webhooks};
    $self->{webhooks} = $wanted;
    my $file = "$self->{server}{data}/webhook.conf";
    append_to_file("$file.new", $wanted ? "atelier.webhook_url = 'https://receiver.test/rpc/replicate_webhook'\n" : "\n");
    rename "$file.new", $file or die "$file: $!";
    return $self->{server}->reload;
}

# The provider says that something has ended, signed when a secret is known.
sub send_webhook {
    my ($self, $point) = @_;
    defined $self->ask($self->rows('watched', 1)) or return 0;
    my $row = "FROM public.generations WHERE prompt LIKE 'k$self->{number} watched %'";
    eventually(5, 0.02, sub { ($self->ask("SELECT replicate_prediction_id <> '' $row") // '') eq 't' }) or return 0;
    my $body = "set_config('crash.body', json_build_object('id', replicate_prediction_id, 'status', 'succeeded')::text, false)";
    my $signed = "atelier.webhook_signature((SELECT secret FROM atelier.webhook_secrets ORDER BY account LIMIT 1), 'msg_$self->{number}',"
      . " extract(epoch FROM now())::bigint::text, current_setting('crash.body'))";
    push @{ $self->{sessions} }, $self->{server}->start_session("SELECT $body $row",
        "SELECT set_config('request.headers', json_build_object('webhook-id', 'msg_$self->{number}', 'webhook-timestamp',"
          . " extract(epoch FROM now())::bigint::text, 'webhook-signature', $signed)::text, false)",
        "SELECT * FROM public.replicate_webhook(current_setting('crash.body')::json)");
    return 1;
}

sub restart_worker {
    my ($self) = @_;
    return defined $self->ask("SELECT pg_terminate_backend(pid) FROM atelier.worker_state() WHERE kind = 'dispatcher'");
}

# The server ends as by a power failure and comes back on a new timeline.
sub promote {
    my ($self, $point) = @_;
    my $server = $self->{server};
    $server->stop;
    append_to_file("$server->{data}/standby.signal", '');
    $self->arm($point);
    return $server->start && $server->promote;
}

sub by_worker { my ($self, $point, $pid) = @_; kill 'KILL', $pid; return }
sub by_postmaster { my ($self) = @_; $self->{server}->destroy; return }
sub by_immediate { my ($self) = @_; $self->{server}->stop; return }

# One that is about to end does not hear it.
sub by_terminate {
    my ($self, $point, $pid) = @_;
    $self->ask("SELECT pg_terminate_backend($pid)");
    return $point eq 'shutdown' || eventually(5, 0.005, sub { !is_alive($pid) });
}

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
    sleep 0.5;
    eventually(10, 0.05, sub { eval { $self->{stand_in}->request('GET', '/_control/outstanding') } }) or die 'the stand-in does not come back';
    return;
}

# The next requests fail in this way, more of them are made, and a little later all is well again.
sub disturb {
    my ($self, $point, $seconds, @orders) = @_;
    $self->{stand_in}->request('POST', '/_control/fail', $_) for @orders;
    $self->ask($self->rows('slow', 10));
    $self->release($point);
    sleep $seconds;
    return $self->{stand_in}->request('DELETE', '/_control/fail');
}

sub orders {
    my ($error, $times, $created, @routes) = @_;
    return map { { route => $_, error => $error, times => $times, created => $created ? JSON::PP::true : JSON::PP::false } } @routes;
}

sub by_hang {
    my ($self, $point) = @_;
    return $self->disturb($point, 0.7, orders('hang', 15, $self->{number} % 2, qw(create get list cancel training)));
}

sub by_reset {
    my ($self, $point) = @_;
    return $self->disturb($point, 0.5, orders('reset', 5, 1, 'create', 'training'), orders('reset', 15, 0, 'create', 'training'));
}

sub by_half {
    my ($self, $point) = @_;
    return $self->disturb($point, 0.5, orders('truncated', 20, 1, qw(create get list cancel training)));
}

# Waits until nothing is under way, but no longer than so many seconds, and counts.
sub settle {
    my ($self, $patience) = @_;
    $self->{server}->revive or die 'the server does not come back';
    Atelier::Crash::Account::settle($self, $patience // $PostgreSQL::Test::Utils::timeout_default);
    local $self->{server}{patience} = 300;
    return Atelier::Crash::Account::count($self);
}

sub stop { my ($self) = @_; $self->{server}->stop; $self->{stand_in}->stop; return }

1;
