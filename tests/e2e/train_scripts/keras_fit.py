"""A Keras fit on the torch backend with HypertopCallback."""
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np

import hypertop
import hypertop.keras

folder, epochs = sys.argv[1], int(sys.argv[2])
trial = hypertop.init("keras-fit")
x = np.random.RandomState(0).randn(64, 4).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.01), loss="mse")
rates = {}
note = keras.callbacks.LambdaCallback(
    on_train_batch_begin=lambda batch, logs: rates.setdefault(round(float(model.optimizer.learning_rate.numpy()), 6), len(rates)))
model.fit(x, x.sum(1, keepdims=True), epochs=epochs, batch_size=16, verbose=0, validation_split=0.25,
          callbacks=[hypertop.keras.HypertopCallback(checkpoints=folder), note])
print("rates", rates, "stopped", model.stop_training, flush=True)
