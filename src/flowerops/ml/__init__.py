"""From images to a trained and exported network: the only importer of TensorFlow and Keras."""
