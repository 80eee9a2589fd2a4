# sqlite3 with its database mapped (PRAGMA mmap_size): reads through the mapping, writes beside it, truncation, WAL.
# suite
# needs: sqlite3
sqlite3 m.db <<'SQL'
pragma page_size=4096; create table t(a integer primary key, b text, c blob);
with recursive n(x) as (select 1 union all select x + 1 from n where x < 1500)
insert into t select x, printf('row %d', x * 37 % 4001), zeroblob(x % 300) from n;
create index i on t(b);
SQL
sqlite3 m.db <<'SQL'
pragma mmap_size=268435456; select count(*), sum(length(c)), max(b) from t;
update t set b = b || '!' where a % 3 = 0; select b, count(*) from t group by b order by b limit 4;
pragma mmap_size; pragma integrity_check; delete from t where a > 700; vacuum; select count(*) from t;
pragma journal_mode=wal; insert into t select a + 5000, b, c from t; pragma wal_checkpoint(truncate);
pragma mmap_size=8192; select count(*), sum(a) from t;
SQL
sqlite3 m.db 'pragma mmap_size=1000000; pragma journal_mode=delete; select count(*) from t; drop table t; vacuum'
sqlite3 m.db .dump | cksum; stat -c %s m.db; rm -f m.db*
