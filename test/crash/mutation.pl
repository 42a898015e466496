# SPDX-License-Identifier: PostgreSQL
# The control of the kill matrix: with one of the guarantees switched off, the matrix finds out.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use Atelier;
use Atelier::Crash;
use Test::More;

# What is switched off, where it must show, and as what.
my @mutations = (
    ['intent', 'claim_picked', 'worker', ['twice']],
    ['rescue', 'request_sent', 'worker', ['twice']],
    # A row that the app has ended is opened again, and ends in another way or never.
    ['fencing', 'accepted_committed', 'worker', ['reopened', 'stuck']]);

for my $mutation (@mutations) {
    my ($off, $point, $kind, $findings) = @$mutation;
    my $crash = Atelier::Crash->new(off => $off);
    my $made = 0;
    for (1 .. 3) { $made += $crash->kill_at($point, $kind) }
    ok($made > 0, "without $off: $made kills at $point");
    my $result = $crash->settle(20);
    my $found = 0;
    $found += $result->{$_} for @$findings;
    cmp_ok($found, '>', 0, "without $off the matrix fails: $found of $result->{rows} rows @{[join ' or ', @$findings]}");
    $crash->stop;
}
done_testing();
