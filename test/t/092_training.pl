# SPDX-License-Identifier: PostgreSQL
# Trainings of LoRAs from start_lora_training() to their end: the set, its upload, the model, the training, every failure,
# and a crash at each step.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Crash ();
use Atelier::Queue ();
use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $node = atelier_node('training', stand_in => $stand_in, settings => {
    'atelier.download_hosts' => '127.0.0.1, *.pictures.test', 'atelier.fault_folder' => $folder,
    'atelier.fault_time_scale' => '0.05', restart_after_crash => 'on' });
my $pictures = $stand_in->url . '/_pictures';
my $numbers = 0;

sub sql { return $node->safe_psql('postgres', $_[0]) }

sub use_trainer {
    my ($name) = @_;
    return sql("DELETE FROM atelier.trainers WHERE seeded_at = '-infinity';"
          . "INSERT INTO atelier.trainers (trainer, version, rank, least_images) VALUES ('$name', encode(sha256('$name'), 'hex'), -1, 1)");
}

# A LoRA with pictures, started by its user; returns its id. Each picture is a path or [path, caption].
sub train {
    my ($user, @pictures) = @_;
    my $number = ++$numbers;
    my $lora = sql("INSERT INTO user_loras (user_id, name, trigger_word, type) VALUES ('$user', 'LoRA $number', 'WORD_$number', 'character') RETURNING id");
    for my $picture (@pictures) {
        my ($path, $caption) = ref $picture ? @$picture : ($picture, undef);
        my $url = $path =~ /^\w+:/ ? $path : "$pictures/$path";
        $caption = defined $caption ? "'$caption'" : 'NULL';
        sql("INSERT INTO lora_training_images (lora_id, image_url, caption) VALUES ('$lora', '$url', $caption)");
    }
    is(sql_as($node, $user, "SELECT start_lora_training('$lora')"), 'uploading', "LoRA $number: started");
    return $lora;
}

sub lora_ended {
    my ($lora, $status, $test) = @_;
    return wait_for($node, "SELECT status = '$status' FROM user_loras WHERE id = '$lora'", $test)
      || diag(sql("SELECT l.*, t.* FROM user_loras l JOIN atelier.trainings t ON t.lora_id = l.id WHERE l.id = '$lora'"));
}

sub lora { return sql("SELECT $_[1] FROM user_loras WHERE id = '$_[0]'") }

sub training_posts { return $stand_in->request('GET', '/_control/stats')->{creates}{posts} }

sub stored_trainings { return $stand_in->request('GET', '/_control/stats')->{trainings}{total} }

sub uploads { return $stand_in->request('GET', '/_control/stats')->{requests}{by_route}{file} // 0 }

# The entries of the last set: [name, sha256 of the contents] in their order.
sub set_entries {
    my $answer = HTTP::Tiny->new->get($stand_in->url . '/_control/uploaded');
    my $file = "$folder/set.zip";
    unlink $file;
    append_to_file($file, $answer->{content});
    my $program = 'import zipfile,hashlib,json,sys;z=zipfile.ZipFile(sys.argv[1]);assert z.testzip() is None;'
      . 'print(json.dumps([[i.filename,hashlib.sha256(z.read(i)).hexdigest()] for i in z.infolist()]))';
    my $output = '';
    IPC::Run::run([ 'python3', '-c', $program, $file ], '>', \$output) or return [];
    return decode_json($output);
}

sub picture_sha { return sha256_hex(HTTP::Tiny->new->get("$pictures/$_[0]")->{content}) }

use_trainer('sim/run-300ms');

subtest 'a training' => sub {
    my $user = add_user($node);
    my $lora = train($user, ['jpg-5000/a', 'a kettle on a "stove"'], 'png-300000/b', ['webp-2000/c', "tee\x{c3}\x{9f}"], ['jpg-9/d', ' ']);
    lora_ended($lora, 'completed', 'is completed');
    my @names = map { "a_photo_of_WORD_1_00$_" } 1 .. 4;
    is_deeply(set_entries(), [
        ["$names[0].jpg", picture_sha('jpg-5000/a')], ["$names[0].txt", sha256_hex('a kettle on a "stove"')],
        ["$names[1].png", picture_sha('png-300000/b')], ["$names[2].webp", picture_sha('webp-2000/c')],
        ["$names[2].txt", sha256_hex("tee\x{c3}\x{9f}")], ["$names[3].jpg", picture_sha('jpg-9/d')]], 'names, order, bytes, captions');
    like(lora($lora, 'lora_url'), qr{/trained_model\.tar$}, 'has the weights');
    like(lora($lora, 'replicate_model_url'), qr{^\w+/atelier-loras:[0-9a-f]{64}$}, 'has the version');
    is(lora($lora, "error_message IS NULL AND replicate_training_id <> '' AND training_started_at <= training_completed_at"), 't', 'has its times');
    is(sql("SELECT state, number, input ->> 'lora_type', input ->> 'trigger_word' FROM atelier.trainings"), 'succeeded|1|subject|WORD_1', 'as it was sent');
    is(sql("SELECT count(*) FROM notifications WHERE user_id = '$user' AND title = 'LoRA 1 is trained'"), 1, 'notifies');
    is(training_posts(), 1, 'was started once');
};

subtest 'the model is made once' => sub {
    my $lora = train(add_user($node), 'jpg-10/a');
    lora_ended($lora, 'completed', 'is completed');
    is(sql('SELECT count(DISTINCT destination) FROM atelier.trainings'), 1, 'and used again');
    $node->restart;
    $lora = train(add_user($node), 'jpg-10/a');
    lora_ended($lora, 'completed', 'also by a process that does not know it');
};

subtest 'pictures that cannot be used' => sub {
    my $posts = training_posts();
    my $uploads = uploads();
    my %message = (
        'status-404/a' => qr/^Picture 2 could not be downloaded: its server answered with status 404\.$/,
        'redirect-1/a' => qr/^Picture 2 could not be downloaded: its address leads to another one/,
        'text-100/a' => qr/^Picture 2 is neither a JPEG nor a PNG nor a WebP file\.$/,
        'https://elsewhere.test/a.jpg' => qr/^Picture 2 cannot be used: pictures are not downloaded from elsewhere\.test\.$/,
        'http://elsewhere.test/a.jpg' => qr/not downloaded from elsewhere\.test/,
        'https://pictures.test/a.jpg' => qr/not downloaded from pictures\.test/,
        'https://127.0.0.1@elsewhere.test/a.jpg' => qr/its address is not a URL with a host/,
        'https://127.0.0.1\\@elsewhere.test/a.jpg' => qr/its address is not a URL with a host/,
        'data:image/png;base64,iVBORw0KGgo=' => qr/its address is not a URL with a host/,
        'http://localhost:1/a.jpg' => qr/not downloaded from localhost/,
        'jpg-110000000/a' => qr/^Picture 2 has more than 100\.0 MB\.$/);
    for my $path (sort keys %message) {
        my $lora = train(add_user($node), 'jpg-10/a', $path);
        lora_ended($lora, 'failed', "$path: fails");
        like(lora($lora, 'error_message'), $message{$path}, "$path: says why");
    }
    my $lora = train(add_user($node), map { "jpg-4000000$_/a" } 1 .. 3);
    lora_ended($lora, 'failed', 'too large together: fails');
    like(lora($lora, 'error_message'), qr/^The pictures have 120\.0 MB together; at most 100\.0 MB/, 'too large together: says how large');
    is(training_posts(), $posts, 'nothing was started');
    is(uploads(), $uploads, 'nothing was uploaded');
};

subtest 'any public host' => sub {
    Atelier::Queue::set_to($node, download_hosts => 'public');
    for my $url ('https://localhost/a.jpg', 'https://127.0.0.1:1/a.jpg', 'https://[::1]/a.jpg', 'https://10.0.0.1/a.jpg',
        'https://169.254.169.254/latest/a.jpg', 'https://[::ffff:127.0.0.1]/a.jpg', 'https://[fe80::1]/a.jpg', 'https://2130706433/a.jpg') {
        my $lora = train(add_user($node), $url);
        lora_ended($lora, 'failed', "$url: fails");
        like(lora($lora, 'error_message'), qr/^Picture 1 cannot be used: its host has no public address\.$/, "$url: says why");
    }
    my $lora = train(add_user($node), 'jpg-10/a');
    lora_ended($lora, 'failed', 'plain http fails');
    Atelier::Queue::set_to($node, download_hosts => undef);
};

subtest 'what the provider says' => sub {
    my %message = ('sim/fail-text' => qr/./, 'sim/refuse-422-input' => qr/refused/, 'sim/end-canceled' => qr/^The training was cancelled\.$/);
    for my $trainer (sort keys %message) {
        use_trainer($trainer);
        my $lora = train(add_user($node), 'jpg-10/a');
        lora_ended($lora, 'failed', "$trainer: fails");
        like(lora($lora, 'error_message'), $message{$trainer}, "$trainer: says why");
    }
    for my $trainer ('sim/refuse-429-text-x1', 'sim/refuse-503-x1', 'sim/reset-after-body-created-x1', 'sim/hang-created-x1') {
        use_trainer($trainer);
        my $before = stored_trainings();
        my $lora = train(add_user($node), 'jpg-10/a');
        lora_ended($lora, 'completed', "$trainer: is completed");
        is(stored_trainings() - $before, 1, "$trainer: one training");
    }
};

subtest 'a LoRA that goes while it is trained' => sub {
    use_trainer('sim/run-1m');
    my $user = add_user($node);
    my $lora = train($user, 'jpg-10/a');
    lora_ended($lora, 'training', 'is trained');
    sql_fails_as($node, $user, "SELECT start_lora_training('$lora')", qr/too many trainings/, 'a second one');
    sql_as($node, $user, "DELETE FROM user_loras WHERE id = '$lora'");
    wait_for($node, "SELECT state = 'cancelled' FROM atelier.trainings WHERE lora_id = '$lora'", 'is cancelled at the provider');
    my $own = sql("INSERT INTO user_loras (user_id, name, trigger_word, status) VALUES ('$user', 'Own', 'OWN', 'uploading') RETURNING id");
    sql_fails_as($node, $user, "SELECT start_lora_training('$own')", qr/pending or has failed/, 'one that the app trains');
    $lora = train($user, 'jpg-10/a');
    lora_ended($lora, 'training', 'the next one is trained');
    Atelier::Queue::set_to($node, training_deadline => '5s');
    sql("UPDATE atelier.trainings SET deadline = now() WHERE state = 'running'");
    $node->restart;
    lora_ended($lora, 'failed', 'past its deadline it fails');
    is(lora($lora, 'error_message'), 'The training took too long and was cancelled.', 'and says why');
    is(lora($own, 'status'), 'uploading', 'what the app trains is left alone');
};

subtest 'a crash at each step' => sub {
    use_trainer('sim/run-300ms');
    for my $point (sort keys %Atelier::Crash::trainings) {
        for my $action ('crash', 'error') {
            my $before = stored_trainings();
            append_to_file("$folder/$point.new", $action);
            rename "$folder/$point.new", "$folder/$point";
            my $lora = train(add_user($node), 'jpg-10/a');
            Atelier::Queue::eventually("$point, $action: reached", sub { return -e "$folder/$point.fired" });
            $node->poll_query_until('postgres', 'SELECT true');
            lora_ended($lora, 'completed', "$point, $action: is completed");
            is(stored_trainings() - $before, 1, "$point, $action: one training");
            unlink glob "$folder/$point*";
        }
    }
};

done_testing();
