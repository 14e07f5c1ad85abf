CHECKS += check-cells1997
check-cells1997: all
	@tests/cells1997_test.sh $(BUILD)
.PHONY: check-cells1997
