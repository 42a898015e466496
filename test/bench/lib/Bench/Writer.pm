# SPDX-License-Identifier: PostgreSQL
# The plain-SQL writer, the yardstick for what the product costs: it writes the rows that a run of the product left, into
# the same tables with the same indexes and foreign keys, 128 rows to a commit. Our triggers are off while it writes, so
# that no code of ours is counted on its side.
package Bench::Writer;
use strict;
use warnings;
use Bench::Cost;

my $batch_rows = 128;
my %tables = (generations => 'public', attempts => 'atelier', api_logs => 'public');
my @order = qw(generations attempts api_logs);

sub new {
    my ($class, $server) = @_;
    my $self = bless { server => $server }, $class;
    for my $table (@order) {
        $self->{columns}{$table} = $server->value(<<"SQL");
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
 WHERE attrelid = '$tables{$table}.$table'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
SQL
    }
    return $self;
}

# Copies the queued rows before the product has seen them.
sub keep_first {
    my ($self) = @_;
    $self->{server}->rows('DROP TABLE IF EXISTS bench.first_generations;
        CREATE UNLOGGED TABLE bench.first_generations AS TABLE generations');
    return;
}

# Copies what the product left, in the order in which it worked, numbered by batch.
sub keep_final {
    my ($self) = @_;
    my $server = $self->{server};
    my $key = 'generation_id';
    $server->rows("DROP TABLE IF EXISTS bench.batches, bench.final_generations, bench.final_attempts, bench.final_api_logs;
        CREATE UNLOGGED TABLE bench.batches AS
        SELECT generation_id, (row_number() OVER (ORDER BY id) - 1) / $batch_rows AS batch FROM atelier.attempts");
    for my $table (@order, 'first') {
        my ($kept, $source) = $table eq 'first' ? qw(first_generations bench.first_generations)
          : ("final_$table", "$tables{$table}.$table");
        my $id = $table =~ /generations|first/ ? 'id' : $key;
        my $name = $table eq 'first' ? 'bench.queued' : "bench.$kept";
        $server->rows("DROP TABLE IF EXISTS $name;
            CREATE UNLOGGED TABLE $name AS SELECT b.batch, t.* FROM $source t JOIN bench.batches b ON b.$key = t.$id;
            CREATE INDEX ON $name (batch)");
    }
    $self->{batches} = 1 + $server->value('SELECT max(batch) FROM bench.batches');
    $self->{credits} = $self->credits;
    $server->rows('VACUUM ANALYZE bench.final_generations, bench.final_attempts, bench.final_api_logs, bench.queued');
    $self->make_procedures;
    return;
}

sub credits {
    return $_[0]{server}->value("SELECT md5(string_agg(id || ' ' || credits, ',' ORDER BY id)) FROM users");
}

sub insert_statement {
    my ($self, $table, $source) = @_;
    my $columns = $self->{columns}{$table};
    return "INSERT INTO $tables{$table}.$table ($columns) OVERRIDING SYSTEM VALUE
              SELECT $columns FROM $source WHERE batch = n;";
}

sub make_procedures {
    my ($self) = @_;
    my $rest = $self->insert_statement('attempts', 'bench.final_attempts')
      . $self->insert_statement('api_logs', 'bench.final_api_logs')
      . 'UPDATE users u SET credits = u.credits - spent.credits
           FROM (SELECT user_id, sum(cost_credits) AS credits FROM bench.final_generations WHERE batch = n GROUP BY user_id)
                AS spent
          WHERE u.id = spent.user_id;';
    my $changes = join ', ', map {"$_ = f.$_"} grep { $_ ne 'id' } split /, /, $self->{columns}{generations};
    my %body = (
        once => $self->insert_statement('generations', 'bench.final_generations') . "$rest COMMIT;",
        twice => $self->insert_statement('generations', 'bench.queued') . "COMMIT;
            UPDATE generations g SET $changes FROM bench.final_generations f WHERE f.batch = n AND g.id = f.id;
            $rest COMMIT;");
    for my $name (keys %body) {
        $self->{server}->rows(<<"SQL");
CREATE OR REPLACE PROCEDURE bench.write_$name(batches integer) LANGUAGE plpgsql AS \$procedure\$
BEGIN
  FOR n IN 0 .. batches - 1 LOOP
    $body{$name}
  END LOOP;
END
\$procedure\$
SQL
    }
    return;
}

# Writes the kept rows into the empty tables, either final at once or first as queued and then changed; checks that they
# are the same and returns what it cost.
sub write {
    my ($self, $way) = @_;
    my $server = $self->{server};
    $self->triggers('DISABLE');
    $server->rows('CHECKPOINT');
    my $spent = spent($server, sub { $server->rows("CALL bench.write_$way($self->{batches})") });
    $self->triggers('ENABLE');
    for my $table (@order) {
        my $columns = $self->{columns}{$table};
        my $different = $server->value("SELECT count(*) FROM (
              (SELECT $columns FROM $tables{$table}.$table EXCEPT ALL SELECT $columns FROM bench.final_$table)
              UNION ALL
              (SELECT $columns FROM bench.final_$table EXCEPT ALL SELECT $columns FROM $tables{$table}.$table)) AS d");
        die "the writer left $different other rows in $table than the product" if $different;
    }
    die 'the writer left other credits than the product' unless $self->credits eq $self->{credits};
    return $spent;
}

sub triggers {
    my ($self, $action) = @_;
    $self->{server}->rows("ALTER TABLE $_ $action TRIGGER USER") for qw(users generations api_logs atelier.attempts);
    return;
}

1;
