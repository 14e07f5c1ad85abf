# Tests by subject: each tests/<subject>.mk adds its target to CHECKS. A test ends in one line, "subject: N passed, N failed".
CHECKS =
-include $(filter-out tests/tests.mk,$(wildcard tests/*.mk))
check: all $(CHECKS)
