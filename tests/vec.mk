# The functions of vec.h at each width of a vector that this compiler knows.
CHECKS += check-vec
VEC_TESTS = $(BUILD)/tests/vec_test $(ISAS:%=$(BUILD)/tests/vec_test.%)
$(BUILD)/tests/vec_test: tests/vec_test.c include/tenon/vec.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $< $(LDFLAGS) -lm
$(BUILD)/tests/vec_test.%: tests/vec_test.c include/tenon/vec.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -march=x86-64-$* -o $@ $< $(LDFLAGS) -lm
check-vec: $(VEC_TESTS)
	tests/vec_test.sh $(VEC_TESTS)
.PHONY: check-vec
