#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# How fast the references themselves are: the stand-in under wrk, and the plain libcurl program against the stand-in.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::PlainCurl;
use Bench::StandIn;

my $case = Bench::Case->new('stand_in', 'The references themselves');
my $stand_in = Bench::StandIn->new;
my $seconds = $case->pick(10, 1);
my $count = $case->pick(20_000, 1_000);
my @wrk = ('-t2', '-c64', "-d${seconds}s", '-s', 'create.lua');
my (@by_wrk, @by_curl, $libcurl);

sub by_wrk {
    my $output = qx(cd $ENV{BENCH_SOURCES} && wrk @wrk $ENV{BENCH_STAND_IN} 2>&1);
    die "wrk failed: $output" if $? != 0 || $output =~ /Non-2xx|Socket errors/;
    my ($rate) = $output =~ m{Requests/sec:\s+([\d.]+)} or die "wrk names no rate: $output";
    return $rate;
}

for (1 .. $case->rounds(3)) {
    $stand_in->reset_for_speed;
    push @by_wrk, by_wrk();
    $stand_in->reset_for_speed;
    my $plain = plain_curl($count, 128);
    push @by_curl, $plain->{per_second};
    $libcurl = $plain->{libcurl};
}

$case->row('stand-in, creates per second by wrk', product => \@by_wrk, target => 'above 10,000',
    met => sub { $_[0]{product} > 10_000 });
$case->row('plain libcurl, creates per second', product => \@by_curl);
$case->note("libcurl $libcurl, through the product's own HTTP layer, in one thread.");
$case->command("wrk @wrk http://127.0.0.1:PORT");
$case->command(join ' ', plain_curl_command('http://127.0.0.1:PORT/v1/predictions', $count, 128));
$case->finish;
