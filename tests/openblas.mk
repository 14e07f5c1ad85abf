# The option `blas = "openblas"` of the cpu backend: its products, and a small network trained with and without.
CHECKS += check-openblas
$(BUILD)/tests/openblas_test: tests/openblas_test.c tests/backend.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(DEPEND) -DPLUGINS='"$(BUILD)/plugins"' -o $@ $< $(LDFLAGS) -ldl -lm
check-openblas: $(BUILD)/tests/openblas_test all
	@$<
	tests/openblas_test.sh $(BUILD)
.PHONY: check-openblas
