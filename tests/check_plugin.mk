# check-plugin on every part, and on plug-ins that are wrong on purpose.
CHECKS += check-wrong-plugins check-every-plugin
check-wrong-plugins: all
	tests/wrong/wrong_test.sh $(BUILD)
check-every-plugin: all
	tests/every_plugin_test.sh $(BUILD)
