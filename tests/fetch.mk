CHECKS += check-fetch
check-fetch: all
	@tests/fetch_test.sh $(BUILD)
.PHONY: check-fetch
