"""The predecessor's way: a small network, from scratch, out of class folders. Arguments: DIR EPOCHS."""

from __future__ import annotations

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

SIZE = 224
BATCH = 30


def main(folder: str, epochs: int) -> None:
    keras.utils.set_random_seed(42)

    def load(split: str, shuffle: bool):  # type: ignore[no-untyped-def]
        return keras.utils.image_dataset_from_directory(
            f"{folder}/{split}", image_size=(SIZE, SIZE), batch_size=BATCH, shuffle=shuffle, pad_to_aspect_ratio=True
        )

    train, val, test = load("train", True), load("val", False), load("test", False)
    layers = keras.layers
    steps = [keras.Input((SIZE, SIZE, 3)), layers.Rescaling(1 / 255)]
    for filters in (24, 48, 96):
        steps += [layers.Conv2D(filters, 6, activation="relu"), layers.MaxPooling2D(2)]
    steps += [layers.Flatten(), layers.Dropout(0.5), layers.Dense(len(train.class_names), activation="softmax")]
    model = keras.Sequential(steps)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train, validation_data=val, epochs=epochs, verbose=2)
    sys.stdout.write("\n" + json.dumps({"test_accuracy": float(model.evaluate(test, verbose=0)[1])}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
