"""Rules and documents of the product, free of files, networks and frameworks."""
