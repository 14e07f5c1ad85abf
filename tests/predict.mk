CHECKS += check-predict check-inputs check-language-model
check-predict: program tools plugins
	@tests/predict_test.sh $(BUILD)
check-inputs: program tools plugins
	@tests/inputs_test.sh $(BUILD)
check-language-model: program tools plugins
	@tests/language_model_test.sh $(BUILD)
.PHONY: check-predict check-inputs check-language-model
