# SPDX-License-Identifier: PostgreSQL
# What one execution of a query reads: EXPLAIN (ANALYZE, BUFFERS) of the second execution in a session, when the caches of the
# session are filled. Buffers of planning are not among them, those that functions read are.
package Bench::Plan;
use strict;
use warnings;
use Bench::Session;
use Exporter 'import';
use JSON::PP;

our @EXPORT = qw(plan_of);

# Options: database, user (a number, else the superuser), first (statements before). Returns buffers, cost, ms, jit (whether
# any of it was compiled), rows and the plan's top node.
sub plan_of {
    my ($query, %option) = @_;
    my $session = Bench::Session->open($option{database});
    if ($option{user}) {
        $session->rows("SELECT bench.sign_in($option{user})");
        $session->rows('SET ROLE authenticated');
    }
    $session->rows($_) for @{ $option{first} // [] };
    my $explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) $query";
    $session->rows($explain);
    my $answer = decode_json(join "\n", map { join "\t", @$_ } $session->rows($explain))->[0];
    $session->close;
    my $top = $answer->{Plan};
    return { buffers => $top->{'Shared Hit Blocks'} + $top->{'Shared Read Blocks'}, cost => $top->{'Total Cost'},
        ms => $answer->{'Execution Time'}, jit => exists $answer->{JIT} ? 1 : 0, rows => $top->{'Actual Rows'}, top => $top };
}

1;
