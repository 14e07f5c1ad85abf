# Tests by subject: each tests/<subject>.mk adds its target to CHECKS. A test ends in one line, "subject: N passed,
# N failed" (", N skipped" may follow). `make check` runs them all, whatever fails, and sums those lines in the last.
CHECKS =
-include $(filter-out tests/tests.mk,$(wildcard tests/*.mk))
check: all
	+@tests/count.sh $(MAKE) --no-print-directory -k -O check-each
check-each: $(CHECKS)
