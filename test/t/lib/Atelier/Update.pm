# SPDX-License-Identifier: PostgreSQL
# Databases of a released version, and their update to this one. Only servers that have the old install script can make
# them: builds with FAULTS=1 install it.
#
#   skip_without_old_script($node);
#   old_database($node, 'old');                  a database with the extension of 0.1.0
#   update_extension($node, 'old');
#   my $members = members($node, 'old');         signature => what CREATE OR REPLACE cannot change
package Atelier::Update;
use strict;
use warnings;
use Exporter 'import';
use Test::More;

our @EXPORT = qw(kOld skip_without_old_script old_database new_database update_extension members without_order only_in);

use constant kOld => '0.1.0';

sub skip_without_old_script {
    my ($node) = @_;
    return if $node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extension_versions WHERE name = 'atelier' AND version = '@{[kOld]}'");
    $node->stop;
    plan(skip_all => 'this server has no install script of ' . kOld . ': make FAULTS=1 install');
    return;
}

# Connects elsewhere, so that the database with the workers may be copied meanwhile.
sub new_database {
    my ($node, $name, $template) = @_;
    $node->safe_psql('template1', "CREATE DATABASE $name TEMPLATE " . ($template // 'template0'));
    return $name;
}

sub old_database {
    my ($node, $name, %settings) = @_;
    new_database($node, $name);
    my $set = join ' ', map {"SET $_ = '$settings{$_}';"} sort keys %settings;
    $node->safe_psql($name, "$set CREATE EXTENSION atelier VERSION '@{[kOld]}'");
    return $name;
}

sub update_extension {
    my ($node, $name) = @_;
    return $node->safe_psql($name, 'ALTER EXTENSION atelier UPDATE');
}

sub members {
    my ($node, $name) = @_;
    my %found;
    for my $line (split /\n/, $node->safe_psql($name, <<'SQL')) {
SELECT p.oid::regprocedure || '|' || concat_ws(' ', p.prokind, pg_get_function_result(p.oid), p.proargnames)
  FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
 WHERE e.extname = 'atelier'
SQL
        my ($signature, $fixed) = split /\|/, $line, 2;
        $found{$signature} = $fixed;
    }
    return \%found;
}

# Lines of a catalog without the places of columns: a DBA's own column stands before those that came later.
sub without_order {
    my ($lines) = @_;
    return [sort map { (my $line = $_) =~ s/^(column \S+) \d+/$1/; $line =~ s/^(sequence \S+ of \S+) \d+/$1/; $line } @$lines];
}

# Lines of the first list that the second has not.
sub only_in {
    my ($have, $other) = @_;
    my %other;
    @other{@$other} = ();
    return [grep { !exists $other{$_} } @$have];
}

1;
