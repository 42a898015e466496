# SPDX-License-Identifier: PostgreSQL
# The keeping of counts switched off and on, so that a case can say what it costs: the triggers on generations whose function
# is named for it. Counts are rebuilt afterwards.
package Bench::Counting;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(counting recount);

# Returns how many triggers there are; none as long as nothing keeps counts.
sub counting {
    my ($server, $on) = @_;
    my @triggers = map { $_->[0] } $server->rows(<<'SQL');
SELECT quote_ident(t.tgname) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
 WHERE t.tgrelid = 'generations'::regclass AND NOT t.tgisinternal AND p.proname LIKE '%count%'
SQL
    my $action = $on ? 'ENABLE' : 'DISABLE';
    $server->rows("ALTER TABLE generations $action TRIGGER $_") for @triggers;
    recount($server) if $on && @triggers;
    return scalar @triggers;
}

sub recount {
    my ($server) = @_;
    $server->rows("DO \$\$ BEGIN IF to_regprocedure('atelier.recount()') IS NOT NULL THEN PERFORM atelier.recount(); END IF; END \$\$");
    return;
}

1;
