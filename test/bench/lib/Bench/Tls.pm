# SPDX-License-Identifier: PostgreSQL
# TLS in front of the stand-in, which speaks none: stunnel with a certificate that vouches for itself.
#
#   my $tls = Bench::Tls->start;
#   $tls->url, $tls->certificate;
#   $tls->stop;
package Bench::Tls;
use strict;
use warnings;
use Bench::StandIn;
use IO::Socket::INET;
use Time::HiRes 'sleep';

sub start {
    my ($class) = @_;
    my $folder = "$ENV{BENCH_RESULTS}/tls";
    mkdir $folder;
    my $self = bless { folder => $folder, port => free_port() }, $class;
    my @request = (qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stand-in -addext subjectAltName=IP:127.0.0.1),
        '-keyout', "$folder/key", '-out', $self->certificate);
    open my $output, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @request or die "openssl: $!";
    my @said = readline $output;
    close $output or die "openssl failed: @said";
    my ($behind) = Bench::StandIn->url =~ /:(\d+)$/;
    open my $settings, '>', "$folder/stunnel.conf" or die "$folder: $!";
    print {$settings} <<"END";
foreground = yes
pid =
debug = err
output = $folder/stunnel.log
[stand-in]
accept = 127.0.0.1:$self->{port}
connect = 127.0.0.1:$behind
cert = @{[ $self->certificate ]}
key = $folder/key
END
    close $settings;
    $self->{pid} = fork // die "cannot fork: $!";
    if ($self->{pid} == 0) {
        exec 'stunnel4', "$folder/stunnel.conf" or exit 127;
    }
    for (1 .. 200) {
        return $self if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
        sleep 0.05;
    }
    $self->stop;
    die 'stunnel does not listen';
}

sub free_port {
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "no port: $!";
    return $socket->sockport;
}

sub url { return "https://127.0.0.1:$_[0]{port}" }

sub certificate { return "$_[0]{folder}/certificate" }

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY { return $_[0]->stop }

1;
