# SPDX-License-Identifier: PostgreSQL
# A server of a few lines for what the stand-in does not do: it keeps every request as it came, byte for byte, and gives
# the answer that the test wants. One connection at a time, each closed after one answer; ends with the test.
#
#   my $listener = Atelier::Listener->start(sub { my ($head, $body) = @_; return "HTTP/1.1 404 Not Found\r\n..." });
#   my @requests = $listener->requests;
package Atelier::Listener;
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils;

my %running;

sub start {
    my ($class, $answer) = @_;
    my $socket = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die "cannot listen: $!";
    my $file = PostgreSQL::Test::Utils::tempdir() . '/requests';
    my $parent = $$;
    my $pid = fork // die "cannot fork: $!";
    if ($pid == 0) {
        serve($socket, $answer, $file, $parent);
        POSIX::_exit(0);
    }
    $running{$pid} = 1;
    return bless { pid => $pid, port => $socket->sockport, file => $file }, $class;
}

sub serve {
    my ($socket, $answer, $file, $parent) = @_;
    my $waiting = IO::Select->new($socket);
    while (getppid == $parent) {
        next unless $waiting->can_read(0.5);
        my $client = $socket->accept or next;
        my ($head, $body) = read_request($client);
        open my $log, '>>', $file or POSIX::_exit(1);
        print {$log} "$head$body\0";
        close $log;
        $client->print($answer->($head, $body)) if $head ne '';
        $client->close;
    }
    return;
}

sub read_request {
    my ($client) = @_;
    my $text = '';
    while ($text !~ /\r\n\r\n/) {
        return ('', '') unless sysread $client, $text, 65536, length $text;
    }
    my ($head, $body) = $text =~ /\A(.*?\r\n\r\n)(.*)\z/s;
    my ($length) = $head =~ /^content-length: *(\d+)/mi;
    while (length $body < ($length // 0)) {
        last unless sysread $client, $body, 65536, length $body;
    }
    return ($head, $body);
}

sub url { return "http://127.0.0.1:$_[0]{port}" }

# Head and body of each request so far, in one string. A connection without a request counts too.
sub requests {
    my ($self) = @_;
    return () unless -e $self->{file};
    return split /\0/, slurp_file($self->{file});
}

END {
    local $?;
    for my $pid (keys %running) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
}

1;
