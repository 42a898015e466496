# SPDX-License-Identifier: PostgreSQL
# The plain libcurl program, the yardstick for the dispatcher: the same requests, the same connection rules, no database.
package Bench::PlainCurl;
use strict;
use warnings;
use Bench::StandIn;
use Exporter 'import';
use JSON::PP;

our @EXPORT = qw(plain_curl plain_curl_command);

sub plain_curl_command {
    my ($url, $count, $parallel) = @_;
    return ('plain-curl', '--url', $url, '--token', Bench::StandIn->token, '--count', $count,
        '--parallel', $parallel);
}

# Sends the requests and returns what the program says about them; over TLS to another address with a certificate of its own.
sub plain_curl {
    my ($count, $parallel, %tls) = @_;
    my (undef, @arguments) = plain_curl_command(($tls{url} // $ENV{BENCH_STAND_IN}) . '/v1/predictions', $count, $parallel);
    push @arguments, '--ca', $tls{ca} if $tls{ca};
    open my $output, '-|', $ENV{BENCH_PLAIN_CURL}, @arguments or die "cannot run plain-curl: $!";
    my $answer = decode_json(join '', readline $output);
    close $output or die 'plain-curl failed';
    return $answer;
}

1;
