# The option `precision = "bf16"` of the cpu backend: a small network trained with and without.
CHECKS += check-bf16
check-bf16: all
	tests/bf16_test.sh $(BUILD)
.PHONY: check-bf16
