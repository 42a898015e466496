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
    ['intent', 'claim_picked', 'worker', 'twice'],
    ['rescue', 'request_sent', 'worker', 'twice'],
    ['fencing', 'accepted_committed', 'worker', 'reopened']);

for my $mutation (@mutations) {
    my ($off, $point, $kind, $finding) = @$mutation;
    my $crash = Atelier::Crash->new(off => $off);
    my $made = 0;
    for (1 .. 3) { $made += $crash->kill_at($point, $kind) }
    ok($made > 0, "without $off: $made kills at $point");
    my $result = $crash->settle;
    cmp_ok($result->{$finding}, '>', 0, "without $off the matrix fails: $finding $result->{$finding} of $result->{rows} rows");
    $crash->stop;
}
done_testing();
