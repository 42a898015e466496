#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# How fast queued rows get through when the provider speaks TLS, as it does, beside the plain libcurl program over the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::PlainCurl;
use Bench::Server;
use Bench::StandIn;
use Bench::Tls;

my $case = Bench::Case->new('dispatch_tls', 'Dispatch rate over TLS', 'dispatch');
my ($server, $stand_in, $tls) = (Bench::Server->new, Bench::StandIn->new, Bench::Tls->start);
my $rows = $case->pick(10_000, 200);
my $users = $case->pick(2_000, 50);
my $parallel = 128;
my (@product, @plain);

$stand_in->reset_for_speed;
$server->begin($users, max_transfers => $parallel, api_base_url => $tls->url . '/v1', api_ca_file => $tls->certificate);
for my $n (1 .. $case->rounds(3)) {
    for my $way ($n % 2 ? qw(plain product) : qw(product plain)) {
        $stand_in->reset_for_speed;
        if ($way eq 'product') {
            push @product, $server->rate_of($rows);
        }
        else {
            push @plain, plain_curl($rows, $parallel, url => $tls->url, ca => $tls->certificate)->{per_second};
        }
        $server->empty($users);
    }
}
$tls->stop;

$case->row('jobs per second over TLS, beside plain libcurl', product => \@product, reference => \@plain, ratio_at_least => 0.20);
$case->note("$rows rows. stunnel speaks TLS in front of the stand-in, on the processors that both sides have.");
$case->command(join(' ', plain_curl_command('https://127.0.0.1:PORT/v1/predictions', $rows, $parallel)) . ' --ca FILE');
$case->finish;
