# SPDX-License-Identifier: PostgreSQL
# The cluster that is measured: restarting it with other settings, emptying it, queueing rows, waiting for the dispatcher.
# run.sh has made it, with the extension, in a folder that is thrown away afterwards. What it costs is in Bench::Cost.
package Bench::Server;
use strict;
use warnings;
use Bench::Session;
use Time::HiRes qw(sleep time);

# Nothing but speed limits what is sent. The names are those of the settings without the prefix.
my %unlimited = (user_concurrency => 0, creates_per_minute => 0, requests_per_minute => 0);

# The bench's own database, or another one of the server.
sub new {
    my ($class, $database) = @_;
    return bless { session => undef, database => $database }, $class;
}

# The session that the bench itself uses.
sub session {
    my ($self) = @_;
    return $self->{session} //= Bench::Session->open($self->{database});
}

sub rows { my $self = shift; return $self->session->rows(@_) }

sub value { my $self = shift; return $self->session->value(@_) }

# Starts afresh: empty tables, these users, no limits but the given settings (without their prefix), new workers.
sub begin {
    my ($self, $users, %settings) = @_;
    $self->change('atelier.databases' => '');
    $self->restart;
    $self->empty($users);
    $self->rows('ALTER SYSTEM RESET ALL');
    %settings = (%unlimited, api_base_url => "$ENV{BENCH_STAND_IN}/v1", %settings);
    $self->change(map { ("atelier.$_" => $settings{$_}) } sort keys %settings);
    $self->restart;
    $self->rows("UPDATE atelier.identity SET dispatch = 'running'");
    $self->rows('SELECT atelier.wake()');
    $self->wait_until(10, 'a dispatcher that runs',
        "SELECT EXISTS (SELECT FROM atelier.worker_state() WHERE kind = 'dispatcher' AND state = 'running')");
    return;
}

sub change {
    my ($self, @settings) = @_;
    while (my ($name, $value) = splice @settings, 0, 2) {
        $self->rows("ALTER SYSTEM SET $name = '$value'");
    }
    return;
}

sub restart {
    my ($self) = @_;
    $self->stop;
    $self->start;
    return;
}

sub start {
    my ($self) = @_;
    $self->pg_ctl('-l', "$ENV{BENCH_DATA}/../server.log", 'start');
    return;
}

sub stop {
    my ($self) = @_;
    $self->leave;
    $self->pg_ctl('-m', 'fast', 'stop');
    return;
}

sub leave {
    my ($self) = @_;
    my $session = delete $self->{session} or return;
    $session->close;
    return;
}

sub pg_ctl {
    my ($self, @arguments) = @_;
    system("$ENV{BENCH_BIN}/pg_ctl", '-D', $ENV{BENCH_DATA}, '-w', '-s', @arguments) == 0
      or die "pg_ctl @arguments failed";
    return;
}

sub postmaster {
    open my $file, '<', "$ENV{BENCH_DATA}/postmaster.pid" or die "the server does not run: $!";
    return 0 + readline $file;
}

sub worker_pid {
    my ($self, $kind) = @_;
    return $self->value("SELECT pid FROM atelier.worker_state() WHERE kind = '$kind'");
}

# Only while nothing is queued or on its way.
sub empty {
    my ($self, $users) = @_;
    $self->rows("SELECT bench.empty_tables($users)");
    $self->rows('VACUUM ANALYZE');
    $self->rows('CHECKPOINT');
    return;
}

# Queues rows in one statement, user by user in turn.
sub queue {
    my ($self, $rows, %options) = @_;
    my $model = $options{model} // 'sim/ok';
    my $prompt = $options{prompt} // 'bench';
    $self->rows("SELECT bench.queue_rows($rows, '$model', '$prompt')");
    return;
}

sub wait_until {
    my ($self, $seconds, $what, $query) = @_;
    my $until = time + $seconds;
    while (time < $until) {
        return if $self->value($query) eq 't';
        sleep 0.02;
    }
    die "waited $seconds seconds for $what; " . $self->standing;
}

# Where the rows are, for the message of a case that waits in vain.
sub standing {
    my ($self) = @_;
    my @counts = $self->rows(<<'SQL');
SELECT 'generations ' || status, count(*) FROM generations GROUP BY status
UNION ALL SELECT 'attempts ' || state || coalesce(' (' || error || ')', ''), count(*) FROM atelier.attempts GROUP BY state, error
UNION ALL SELECT 'queued', count(*) FROM atelier.queue
UNION ALL SELECT kind || ' ' || state, in_flight FROM atelier.worker_state()
SQL
    return join ', ', map {"$_->[0]: $_->[1]"} @counts;
}

sub finished { return $_[0]->value("SELECT finished FROM atelier.worker_state() WHERE kind = 'dispatcher'") }

# Waits until the dispatcher has ended this many attempts since it had ended $before; asks shared memory, not the tables,
# seldom at first. Returns the time.
sub wait_finished {
    my ($self, $before, $rows, $seconds) = @_;
    my $until = time + $seconds;
    while (time < $until) {
        my $share = ($self->finished - $before) / $rows;
        return time if $share >= 1;
        sleep($share > 0.9 ? 0.005 : 0.05);
    }
    die "the dispatcher did not end $rows attempts in $seconds seconds; " . $self->standing;
}

sub pause {
    my ($self) = @_;
    $self->rows('SELECT atelier.pause()');
    $self->wait_until(10, 'the pause',
        "SELECT EXISTS (SELECT FROM atelier.worker_state() WHERE kind = 'dispatcher' AND state = 'paused')");
    return;
}

# Queues rows while dispatch is paused, lets go, and returns how many a second were completed.
sub rate_of {
    my ($self, $rows) = @_;
    $self->pause;
    $self->queue($rows);
    $self->rows('ANALYZE');
    my $before = $self->finished;
    my $start = time;
    $self->rows('SELECT atelier.resume()');
    my $end = $self->wait_finished($before, $rows, 600);
    $self->expect_completed($rows);
    return $rows / ($end - $start);
}

# Every row must have ended as it should, or the figures mean nothing.
sub expect_completed {
    my ($self, $rows) = @_;
    my $completed = $self->value("SELECT count(*) FROM generations WHERE status = 'completed'");
    die "$completed rows are completed instead of $rows; " . $self->standing unless $completed == $rows;
    return;
}

1;
