CHECKS += check-resume
check-resume: all
	tests/resume/resume_test.sh $(BUILD)
