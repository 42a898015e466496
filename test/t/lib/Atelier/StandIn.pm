# SPDX-License-Identifier: PostgreSQL
# The stand-in of the provider as a TAP test sees it: started on a free port, asked and told through HTTP, ended with the
# test. The program is the one that ATELIER_STAND_IN names.
package Atelier::StandIn;
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep);

# A token that the stand-in accepts; made up, as every token in the tests.
use constant kToken => 'r8_test_token_0000000000000000000000001';

my %running;

sub start {
    my ($class, @flags) = @_;
    my $program = $ENV{ATELIER_STAND_IN} or die 'ATELIER_STAND_IN does not name the stand-in';
    my $file = PostgreSQL::Test::Utils::tempdir_short() . '/port';
    my $pid = fork // die "cannot fork: $!";
    if ($pid == 0) {
        exec($program, '--host', '127.0.0.1', '--port', 0, '--port-file', $file, '--exit-with-parent', @flags)
          or POSIX::_exit(127);
    }
    my $self = bless { pid => $pid }, $class;
    $running{$pid} = 1;
    for (1 .. 100) {
        if (-s $file) {
            $self->{port} = 0 + slurp_file($file);
            return $self;
        }
        sleep 0.1;
    }
    die 'the stand-in did not start';
}

sub port { return $_[0]{port} }

sub url { return "http://127.0.0.1:$_[0]{port}" }

# Asks one of the stand-in's own endpoints and returns the text of the answer; dies when it is no success.
sub text {
    my ($self, $method, $path, $body) = @_;
    my %options;
    %options = (content => encode_json($body), headers => { 'content-type' => 'application/json' }) if $body;
    my $answer = HTTP::Tiny->new(timeout => 10)->request($method, $self->url . $path, \%options);
    die "$method $path: $answer->{status} $answer->{content}" unless $answer->{success};
    return $answer->{content};
}

# The same, decoded.
sub request {
    my ($self, @question) = @_;
    my $text = $self->text(@question);
    return $text =~ /\S/ ? decode_json($text) : undef;
}

# Ends it at once, as a provider that goes away.
sub stop {
    my ($self) = @_;
    return unless delete $running{ $self->{pid} };
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

# Leaves the exit status of the test as it is.
END {
    local $?;
    for my $pid (keys %running) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
}

1;
