#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Shell scripts parse, and shellcheck finds nothing in them where it is installed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Lint;

my @scripts = source_files(qr{\.sh$|^\.ci/run$});
skip_all('no shell scripts') unless @scripts;

rule('shell scripts parse', grep { system('bash', '-n', $_) != 0 } @scripts);
rule('scripts with a first line of their own can be run',
    grep { (read_lines($_))[0] =~ /^#!/ && !-x $_ } @scripts);
if (`sh -c 'command -v shellcheck'`) {
    rule('shellcheck is content', grep { system('shellcheck', '-x', $_) != 0 } @scripts);
}
finish();
