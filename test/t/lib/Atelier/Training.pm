# SPDX-License-Identifier: PostgreSQL
# LoRAs with pictures, their trainings, and what the stand-in has of them.
#
#   my $studio = Atelier::Training->new($node, $stand_in);
#   $studio->trainer('sim/run-300ms');
#   my $lora = $studio->start($user);
#   $studio->ended($lora, 'completed', 'is completed');
package Atelier::Training;
use strict;
use warnings;
use Atelier;
use Test::More;

my $numbers = 0;

sub new {
    my ($class, $node, $stand_in) = @_;
    return bless { node => $node, stand_in => $stand_in }, $class;
}

# The same stand-in, seen from another server.
sub on { return bless { %{ $_[0] }, node => $_[1] }, ref $_[0] }

sub sql { return $_[0]{node}->safe_psql('postgres', $_[1]) }

# From now on this model trains.
sub trainer {
    my ($self, $name) = @_;
    return $self->sql("DELETE FROM atelier.trainers WHERE seeded_at = '-infinity';"
          . "INSERT INTO atelier.trainers (trainer, version, rank, least_images) VALUES ('$name', encode(sha256('$name'), 'hex'), -1, 1)");
}

# A pending LoRA with one picture; returns its id.
sub lora {
    my ($self, $user, $word, $picture) = @_;
    my $number = ++$numbers;
    $word    //= "WORD_$number";
    $picture //= $self->{stand_in}->url . '/_pictures/jpg-10/a';
    my $lora = $self->sql("INSERT INTO user_loras (user_id, name, trigger_word) VALUES ('$user', 'LoRA $number', '$word') RETURNING id");
    $self->sql("INSERT INTO lora_training_images (lora_id, image_url) VALUES ('$lora', '$picture')");
    return $lora;
}

sub start {
    my ($self, $user, @about) = @_;
    my $lora = $self->lora($user, @about);
    sql_as($self->{node}, $user, "SELECT start_lora_training('$lora')");
    return $lora;
}

# The row of user_loras, and its last training.
sub value { return $_[0]->sql("SELECT $_[2] FROM user_loras WHERE id = '$_[1]'") }

sub training { return $_[0]->sql("SELECT $_[2] FROM atelier.trainings WHERE lora_id = '$_[1]' ORDER BY id DESC LIMIT 1") }

sub ended {
    my ($self, $lora, $status, $test) = @_;
    return wait_for($self->{node}, "SELECT status = '$status' FROM user_loras WHERE id = '$lora'", $test)
      || diag($self->sql("SELECT l.*, t.* FROM user_loras l JOIN atelier.trainings t ON t.lora_id = l.id WHERE l.id = '$lora'"));
}

sub becomes {
    my ($self, $lora, $state, $test) = @_;
    return wait_for($self->{node}, "SELECT state = '$state' FROM atelier.trainings WHERE lora_id = '$lora' ORDER BY id DESC LIMIT 1", $test)
      || diag($self->sql("SELECT * FROM atelier.trainings WHERE lora_id = '$lora'"));
}

sub stats { return $_[0]{stand_in}->request('GET', '/_control/stats') }

# Creating requests that reached the stand-in, trainings that it has, of these cancelled ones, and requests about files.
sub posts { return $_[0]->stats->{creates}{posts} }
sub stored { return $_[0]->stats->{trainings}{total} }
sub canceled { return $_[0]->stats->{trainings}{canceled} // 0 }
sub uploads { return $_[0]->stats->{requests}{by_route}{file} // 0 }

1;
