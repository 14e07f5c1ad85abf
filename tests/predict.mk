CHECKS += check-predict check-language-model
check-predict: program tools plugins
	@tests/predict_test.sh $(BUILD)
check-language-model: program tools plugins
	@tests/language_model_test.sh $(BUILD)
.PHONY: check-predict check-language-model
