# sqlite3: a file database with an index, a transaction, a rollback and a check.
# suite
# needs: sqlite3
sqlite3 file.db <<'SQL'
create table t(a integer primary key, b text, c real); create index i on t(b);
begin; with recursive n(x) as (select 1 union all select x + 1 from n where x < 400)
insert into t select x, printf('row %03d', x * 37 % 401), x / 7.0 from n; commit;
begin; delete from t where a > 10; rollback; update t set c = c * 2 where b > 'row 390';
select count(*), round(sum(c), 6) from t; select * from t order by b limit 3; pragma integrity_check; pragma journal_mode=wal;
insert into t values(1000, 'wal', 1); select count(*) from t; vacuum; .tables
SQL
sqlite3 file.db 'pragma journal_mode=delete; select max(a) from t'
sqlite3 file.db .dump | cksum
rm -f file.db*
