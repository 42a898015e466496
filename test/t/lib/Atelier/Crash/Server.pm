# SPDX-License-Identifier: PostgreSQL
# The cluster of the kill matrix from outside: asked, started, stopped, killed and waited for, none of it for ever. It does
# without what ends a test at the first server that does not answer, since here that is the rule.
package Atelier::Crash::Server;
use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use POSIX ();
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(is_alive end_process eventually);

use constant { kAnswer => 15, kCommand => 40, kBack => 60 };

sub new {
    my ($class, $node) = @_;
    return bless { node => $node, data => $node->data_dir, connection => $node->connstr('postgres') . ' connect_timeout=5' }, $class;
}

# A process that has ended and that nobody has asked about yet is not alive.
sub is_alive {
    my ($pid) = @_;
    return 0 unless $pid && kill 0, $pid;
    open my $file, '<', "/proc/$pid/stat" or return 0;
    return <$file> !~ /\) Z/;
}

# Until the code says yes, for so many seconds at most; returns what it said last.
sub eventually {
    my ($seconds, $step, $code) = @_;
    my $until = time + $seconds;
    while (1) {
        my $answer = $code->();
        return $answer if $answer || time > $until;
        sleep $step;
    }
}

# Ends a child of this program.
sub end_process {
    my ($pid) = @_;
    kill 'TERM', $pid;
    eventually(2, 0.02, sub { waitpid($pid, POSIX::WNOHANG()) != 0 }) and return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return;
}

sub command { my ($self, @statements) = @_; return ('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $self->{connection}, map { ('-c', $_) } @statements) }

# Runs each statement in a transaction of its own; returns what they print, or undef when the server did not answer.
sub ask {
    my ($self, @statements) = @_;
    my $pid = open my $output, '-|', $self->command(@statements) or return;
    my ($text, $until, $select) = ('', time + ($self->{patience} // kAnswer), IO::Select->new($output));
    while (1) {
        my $left = $until - time;
        if ($left <= 0 || !$select->can_read($left)) {
            kill 'KILL', $pid;
            close $output;
            return;
        }
        sysread $output, $text, 1 << 16, length $text or last;
    }
    close $output or return;
    chomp $text;
    return $text;
}

# Starts a session that nobody waits for; returns its pid.
sub start_session {
    my ($self, @statements) = @_;
    my @command = $self->command(@statements);
    my $pid = fork // die "cannot fork: $!";
    return $pid if $pid;
    open STDOUT, '>', '/dev/null' or POSIX::_exit(1);
    exec @command or POSIX::_exit(127);
}

sub postmaster {
    my ($self) = @_;
    open my $file, '<', "$self->{data}/postmaster.pid" or return 0;
    my $pid = <$file> // 0;
    return 0 + $pid;
}

sub runs { my ($self) = @_; return is_alive($self->postmaster) }

# pg_ctl, for a limited time; returns whether it had success.
sub control {
    my ($self, @arguments) = @_;
    my $pid = fork // die "cannot fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', '/dev/null' or POSIX::_exit(1);
        exec('pg_ctl', '-D', $self->{data}, '-w', '-t', kCommand - 10, @arguments) or POSIX::_exit(127);
    }
    my $status = -1;
    eventually(kCommand, 0.01, sub { my $ended = waitpid($pid, POSIX::WNOHANG()) == $pid; $status = $? if $ended; return $ended })
      or end_process($pid);
    # What stops it at the end of the test has to know it.
    $self->{node}{_pid} = $self->runs ? $self->postmaster : undef;
    return $status == 0;
}

sub start {
    my ($self) = @_;
    my $name = $self->{node}->name;
    return $self->control('-l', $self->{node}->logfile, '-o', "--cluster-name=$name", 'start');
}

sub stop { my ($self) = @_; return $self->control('-m', 'immediate', 'stop') || $self->destroy }

sub promote { my ($self) = @_; return $self->control('promote') }

sub reload { my ($self) = @_; return $self->runs && kill 'HUP', $self->postmaster }

# kill -9 of the postmaster and all its children.
sub destroy {
    my ($self) = @_;
    my $postmaster = $self->postmaster or return 1;
    # Nobody is born while it stands still.
    kill 'STOP', $postmaster;
    my @processes = ($postmaster, split ' ', `ps -o pid= --ppid $postmaster`);
    kill 'KILL', @processes;
    $self->{node}{_pid} = undef;
    eventually(10, 0.01, sub { return !grep { is_alive($_) } @processes }) or return 0;
    # As long as nobody has asked about the dead, the next one would take them for living ones.
    unlink "$self->{data}/postmaster.pid";
    return 1;
}

# A server that answers, if need be a new one.
sub revive {
    my ($self) = @_;
    my $answers = sub {
        $self->start unless $self->runs;
        return ($self->ask('SELECT NOT pg_is_in_recovery()') // '') eq 't';
    };
    local $self->{patience} = 5;
    return 1 if eventually(kBack, 0.03, $answers);
    $self->destroy;
    return eventually(kBack, 0.03, $answers);
}

1;
