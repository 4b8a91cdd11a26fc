"""What a user would write for other servers, with the same model; MODEL_DIR has its bundle. Nothing of flowerops."""
