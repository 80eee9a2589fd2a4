# perl: files, sorting, fork, pipes, sockets between processes, sprintf, regular expressions.
# suite
# needs: perl
cat >program.pl <<'PROGRAM'
use strict; use warnings; use Socket; use IO::Handle;
open my $f, '>', 'data' or die; print $f "$_ ", $_ ** 3 % 97, "\n" for 1 .. 200; close $f;
open $f, '<', 'data' or die; my %h; while (<$f>) { /(\d+) (\d+)/ and push @{$h{$2}}, $1 } print join(' ', map { "$_:@{$h{$_}}" } (sort { $a <=> $b } keys %h)[0 .. 3]), "\n";
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die; $_->autoflush(1) for $a, $b;
if (my $pid = fork) { print $a "hello\n"; print scalar <$a>; waitpid $pid, 0; print $? >> 8, "\n" }
else { my $l = <$b>; print $b uc $l; exit 7 }
open my $p, '-|', 'seq 1 5 | tac' or die; print map { chomp; "[$_]" } <$p>; close $p; print "\n";
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 5 }; print $@;
opendir my $d, '.' or die; print join(',', sort grep !/^\./, readdir $d), "\n"; print -s 'data', "\n"; printf "%s %.3e %b\n", crypt('x', 'ab') // '', 12345.678, 10;
PROGRAM
export TMPDIR=$PWD
exec perl program.pl
