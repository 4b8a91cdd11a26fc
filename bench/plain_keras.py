"""What a user would write: image_dataset_from_directory, a frozen backbone, model.fit. Arguments: DIR EPOCHS."""

from __future__ import annotations

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from flowerops.domain.progress import SilentProgress
from flowerops.ml.backbones import open_backbone

SIZE = 224


def main(folder: str, epochs: int) -> None:
    keras.utils.set_random_seed(42)
    backbone = open_backbone("efficientnet_lite0", SIZE, None, SilentProgress()).model
    backbone.trainable = False

    def load(split: str, shuffle: bool):  # type: ignore[no-untyped-def]
        return keras.utils.image_dataset_from_directory(
            f"{folder}/{split}", image_size=(SIZE, SIZE), batch_size=32, shuffle=shuffle, pad_to_aspect_ratio=True
        )

    train, val, test = load("train", True), load("val", False), load("test", False)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            backbone,
            keras.layers.Dropout(0.2),
            keras.layers.Dense(len(train.class_names), activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train, validation_data=val, epochs=epochs, verbose=2)
    accuracy = model.evaluate(test, verbose=0)[1]
    sys.stdout.write("\n" + json.dumps({"test_accuracy": float(accuracy)}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
