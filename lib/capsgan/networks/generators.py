"""The generator: latent codes to images."""

import keras
from keras import layers

from .layers import Conv2D, UpsampleConv2D, batch_normalization, check_shape


def build_generator(image_shape=(28, 28, 1), latent_dim: int = 100, kernel_size: int = 3) -> keras.Model:
    """The thesis's generator (sections 5.1, 6.1.1, listing 7.2): Dense, then upsampling and convolutions.

    float32 [B, latent_dim] → float32 [B, height, width, channels] in [-1, 1]. At 64×64×3 it has the thesis's 1,069,507
    parameters: three upsamplings from 8×8. At 28×28×1 it is Keras-GAN's: two from 7×7. Keras-GAN's WGAN has
    ``kernel_size`` 4.
    """
    size, channels = check_shape(image_shape)
    base = 7 if size % 7 == 0 else 8
    upsamplings = (size // base).bit_length() - 1
    latent = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(128 * base * base, activation="relu")(latent)
    x = layers.Reshape((base, base, 128))(x)
    for number in range(upsamplings):
        x = batch_normalization()(x)
        x = UpsampleConv2D(128 >> number, kernel_size)(x)  # 128, 64, 32, ...
        x = layers.Activation("relu")(x)
    x = batch_normalization()(x)
    x = Conv2D(channels, kernel_size, padding="same")(x)
    images = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(latent, images, name="generator")
