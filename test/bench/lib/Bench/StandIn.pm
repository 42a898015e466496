# SPDX-License-Identifier: PostgreSQL
# The provider's stand-in as the bench sees it: its control endpoints, asked over HTTP. run.sh starts and ends it.
package Bench::StandIn;
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(sleep time);

sub new { return bless { http => HTTP::Tiny->new(timeout => 60) }, shift }

sub url { return $ENV{BENCH_STAND_IN} }

# That of sql/setup.sql.
sub token { return 'r8_bench_000000000000000000000000000000001' }

sub request {
    my ($self, $method, $path, $body) = @_;
    my %options;
    %options = (content => encode_json($body), headers => { 'content-type' => 'application/json' }) if $body;
    my $answer = $self->{http}->request($method, $self->url . $path, \%options);
    die "$method $path: $answer->{status} $answer->{content}" unless $answer->{success};
    return $answer->{content} =~ /\S/ ? decode_json($answer->{content}) : undef;
}

# Forgets everything and takes these settings over the defaults.
sub reset {
    my ($self, %settings) = @_;
    $self->request('POST', '/_control/reset');
    $self->request('PATCH', '/_control/settings', \%settings) if %settings;
    return;
}

# Answers at once and keeps nothing, so that it is never the bottleneck.
sub reset_for_speed {
    my ($self) = @_;
    return $self->reset(instant => JSON::PP::true, keep_inputs => JSON::PP::false, arrivals => 0);
}

sub stats { return $_[0]->request('GET', '/_control/stats') }

sub arrivals {
    my ($self, $limit) = @_;
    my $answer = $self->request('GET', "/_control/arrivals?limit=$limit");
    return ref $answer eq 'HASH' ? @{ $answer->{arrivals} } : @$answer;
}

# Waits until that many requests are unanswered; returns how many there are when it gives up.
sub wait_outstanding {
    my ($self, $wanted, $seconds) = @_;
    my ($until, $outstanding) = (time + $seconds, 0);
    while (time < $until) {
        $outstanding = $self->stats->{requests}{outstanding};
        last if $outstanding >= $wanted;
        sleep 0.02;
    }
    return $outstanding;
}

1;
