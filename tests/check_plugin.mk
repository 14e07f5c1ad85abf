# check-plugin on every part, and on plug-ins that are wrong on purpose.
CHECKS += check-wrong-plugins check-every-plugin
check-wrong-plugins: all
	tests/wrong/wrong_test.sh $(BUILD)
check-every-plugin: all
	@passed=0; failed=0; for f in $(BUILD)/plugins/*/*.so; do case $$f in *.v3.so|*.v4.so) continue;; esac; \
	    if out=$$($(BUILD)/tenon check-plugin "$$f" 2>&1); then passed=$$((passed + 1)); \
	    else failed=$$((failed + 1)); echo "$$out" | grep -e FAULT -e '^check-plugin' | head -n 6; fi; done; \
	    echo "every plug-in: $$passed passed, $$failed failed"; [ $$failed = 0 ]
