# make -j2: rules, pattern rules, a failing recipe; jobs share the token pipe.
# suite
# needs: make
cat >Makefile <<'RULES'
all: total
%.n: ; @sleep 0.0$* && echo $* >$@
total: 1.n 2.n 3.n 4.n ; @cat $^ | sort >$@ && echo made $@ of $^
bad: ; @false
.PHONY: all bad
RULES
make -s -j2 && cat total && make -s -j2 && make bad 2>&1
echo "status $?"
