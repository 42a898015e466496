# SPDX-License-Identifier: PostgreSQL
# One database session that stays open: psql at the other end of two pipes. An error of a statement ends the bench.
package Bench::Session;
use strict;
use warnings;
use IO::Handle;
use IPC::Open2;

my $mark = '--- end of answer ---';

sub open {
    my ($class, $database) = @_;
    my $pid = open2(my $out, my $in, "$ENV{BENCH_BIN}/psql", '-XAtq', '-F', "\t", '-v', 'ON_ERROR_STOP=1', '-d',
        $database // $ENV{PGDATABASE});
    $in->autoflush(1);
    return bless { pid => $pid, in => $in, out => $out }, $class;
}

# Runs one or more statements; returns their rows as lists of columns.
sub rows {
    my ($self, $sql) = @_;
    print { $self->{in} } "$sql;\n\\echo $mark\n" or die 'psql has ended';
    my @rows;
    while (defined(my $line = readline $self->{out})) {
        chomp $line;
        return @rows if $line eq $mark;
        push @rows, [ split /\t/, $line, -1 ];
    }
    die "this statement failed: $sql";
}

# The first column of the first row.
sub value {
    my ($self, $sql) = @_;
    my @rows = $self->rows($sql);
    return @rows ? $rows[0][0] : undef;
}

sub close {
    my ($self) = @_;
    close $self->{in};
    close $self->{out};
    waitpid $self->{pid}, 0;
    return;
}

1;
