"""What `doctor` looks at: each module is about one thing, each check is a function that gives diagnoses."""
