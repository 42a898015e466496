# SPDX-License-Identifier: PostgreSQL
# The databases of the data cases: for each size one with the product in its schema and the original in another, the same rows
# in both (sql/data.sql). Made when a case first asks for one; a case that writes takes a copy.
package Bench::Data;
use strict;
use warnings;
use Bench::Case;
use Bench::Session;
use Exporter 'import';
use List::Util 'max';

our @EXPORT = qw(copy_of data_database data_sizes drop_copy fresh_database heavy largest_data main_data run_psql wide);

# The user who has a fifth of the rows, and the one who is in 200 workspaces and 200 flows.
sub heavy { return 10_001 }
sub wide { return 10_002 }

sub data_sizes {
    my $sizes = $ENV{BENCH_ROWS} || (Bench::Case::is_short() ? '1000 4000' : '100000 1000000 5000000');
    return sort { $a <=> $b } split ' ', $sizes;
}

# What the cases of one size are measured at: a million rows when they are among the sizes.
sub main_data {
    my @sizes = data_sizes();
    my @enough = grep { $_ >= 1_000_000 } @sizes;
    return data_database(@enough ? $enough[0] : $sizes[-1]);
}

sub largest_data { return data_database((data_sizes())[-1]) }

sub run_psql {
    my ($database, @arguments) = @_;
    local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
    system("$ENV{BENCH_BIN}/psql", '-Xqo', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-d', $database, @arguments) == 0
      or die "psql @arguments failed";
    return;
}

sub fresh_database {
    my ($name, $template) = @_;
    my $from = $template ? " TEMPLATE $template STRATEGY file_copy" : '';
    run_psql('postgres', '-c', "DROP DATABASE IF EXISTS $name", '-c', "CREATE DATABASE $name$from");
    return $name;
}

sub exists_database {
    my ($name) = @_;
    my $session = Bench::Session->open('postgres');
    my $found = $session->value("SELECT EXISTS (SELECT FROM pg_database WHERE datname = '$name')");
    $session->close;
    return $found eq 't';
}

# Made under another name, so that one that failed half-way is not taken for a whole one.
sub data_database {
    my ($rows) = @_;
    my $name = "bench_$rows";
    return $name if exists_database($name);
    my $sql = "$ENV{BENCH_SOURCES}/sql";
    my $reading = $rows > 1_000_000 ? 1 : 0;
    fresh_database('bench_new');
    run_psql('bench_new', '-c', 'CREATE EXTENSION atelier', '-f', "$sql/setup.sql", '-f', "$sql/original.sql");
    my $flows = Bench::Case::is_short() ? 1_000 : 20_000;
    run_psql('bench_new', '-v', "rows=$rows", '-v', "flows=$flows", '-f', "$sql/data.sql");
    run_psql('bench_new', '-v', "reading=$reading", '-f', "$sql/original_rules.sql");
    # Rows that came past the triggers are counted once, where counts are kept.
    run_psql('bench_new', '-c',
        "DO \$\$ BEGIN IF to_regprocedure('atelier.recount()') IS NOT NULL THEN PERFORM atelier.recount(); END IF; END \$\$",
        '-c', 'SELECT refresh_admin_stats()', '-c', 'VACUUM ANALYZE');
    run_psql('postgres', '-c', "ALTER DATABASE bench_new RENAME TO $name", '-c', 'CHECKPOINT');
    return $name;
}

sub copy_of {
    my ($database) = @_;
    return fresh_database("${database}_copy", $database);
}

sub drop_copy {
    my ($copy) = @_;
    run_psql('postgres', '-c', "DROP DATABASE $copy");
    return;
}

1;
