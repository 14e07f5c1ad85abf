CHECKS += check-reference
$(BUILD)/tests/reference_test: tests/reference_test.c tests/test_host.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-reference: $(BUILD)/tests/reference_test plugins
	$< $(BUILD)/plugins tests/reference
# Makes the references again where PyTorch is at hand (PYTHON_TORCH names a Python that has it) and compares.
PYTHON_TORCH ?= python3
CHECKS += check-reference-made
check-reference-made:
	@if $(PYTHON_TORCH) -c 'import torch, numpy' 2>/dev/null; then $(PYTHON_TORCH) tests/reference/make_references.py --check; \
	    else echo 'references made again: 0 passed, 0 failed, 1 skipped (no PyTorch)'; fi
.PHONY: check-reference check-reference-made
