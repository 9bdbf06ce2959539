"""Why some layers cannot become cells, by the names that libraries give them."""

from __future__ import annotations

SUPPORTED = (
    "linear layers, convolutions, batch normalisation, average and maximum pooling, sums, products with "
    "constants, concatenation and reshaping, relu, leaky relu, tanh, sigmoid, hardtanh, clamp, dropout, and "
    "a softmax at the end of a classifier"
)


def words(*lines: str) -> frozenset[str]:
    """The words of some lines."""
    return frozenset(word for line in lines for word in line.split())


_WHY = {
    "divides by its own inputs' spread, which no cell does; batch normalisation is folded": words(
        "layer_norm native_layer_norm LayerNorm LayerNormalization group_norm native_group_norm GroupNorm",
        "GroupNormalization instance_norm InstanceNormalization rms_norm RMSNorm RMSNormalization LRN",
        "local_response_norm LpNormalization var_mean var std rsqrt linalg_vector_norm UnitNormalization",
    ),
    "has a curve that no cell shows; relu, leaky relu, tanh, sigmoid and clamp are there": words(
        "gelu Gelu silu elu selu celu softplus Softplus mish Mish exp log hardswish HardSwish Elu Selu",
        "Celu Exp Log softsign Softsign pow sqrt sin cos erf Pow Sqrt Sin Cos Erf log_sigmoid logsigmoid",
        "swish ELU",
    ),
    "multiplies two values that both depend on the data, which no coupling does": words(
        "mul matmul bmm einsum glu baddbmm Mul MatMul Einsum bilinear Multiply Dot"
    ),
    "divides by a value that depends on the data": words("div Div reciprocal Reciprocal"),
    "is attention, which multiplies values that both depend on the data; no coupling does": words(
        "scaled_dot_product_attention MultiHeadAttention MultiheadAttention Attention",
        "native_multi_head_attention",
    ),
    "has a state from step to step; feed-forward networks alone are lowered": words(
        "lstm LSTM gru GRU RNN rnn_tanh rnn_relu SimpleRNN"
    ),
    "looks a number up in a table; give what it finds as data": words(
        "embedding Embedding gather one_hot OneHot"
    ),
    "is supported only at the end of a classifier": words("softmax Softmax"),
}
PARTS: dict[str, str] = {name: why for why, names in _WHY.items() for name in names}
"""By operator (of torch or ONNX) or layer (of Keras)."""
