# tar, gzip, xz -T2, zstd: an archive made, listed and unpacked; the same bytes as natively.
# suite
# needs: tar gzip xz zstd
mkdir -p tree/deep && for i in 1 2 3 4 5 6 7 8; do seq $i 300 >tree/$i; done
ln -s ../1 tree/deep/link && ln tree/2 tree/deep/hard && chmod 751 tree/3
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf a.tar tree
tar tvf a.tar && gzip -nk a.tar && xz -T2 -k --block-size=8KiB a.tar && zstd -qk a.tar
mkdir out && tar xf a.tar -C out && diff -r tree out/tree && xz -lv a.tar.xz | grep -c '^ ' && xz -t a.tar.xz
ls -l out/tree | awk '{print $1, $2, $5, $9}'
