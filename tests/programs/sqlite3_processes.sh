# sqlite3: four processes write into one database and wait for each other's locks.
# suite
# needs: sqlite3
sqlite3 file.db 'create table t(who, n)'
for who in 1 2 3 4; do
    (for n in 1 2 3; do echo ".timeout 60000
        begin immediate; insert into t select $who, count(*) from t where who = $who; commit;"; done | sqlite3 file.db) &
done
wait
sqlite3 file.db 'select who, n from t order by who, n; select count(*) from t; pragma integrity_check'
rm file.db
