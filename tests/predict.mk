CHECKS += check-language-model
check-language-model: program tools plugins
	@tests/language_model_test.sh $(BUILD)
.PHONY: check-language-model
