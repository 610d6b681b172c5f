"""Random one-operator TensorFlow Lite models and what TensorFlow Lite's reference kernels make of random inputs.

    python3 -m venv venv && venv/bin/pip install ai-edge-litert==2.3.0 flatbuffers numpy
    venv/bin/python tests/peers/tflite_ops.py > tests/peers/tflite_ops.json

Each case is a whole .tflite file, one input and the output of the reference kernels, all raw bytes in hex. LiteRT does not know Larq
Compute Engine's operators: their outputs are computed here, by the formulas of its kernels.
"""
import json

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers
from ai_edge_litert import schema_py_generated as s
from ai_edge_litert.interpreter import Interpreter, OpResolverType

RNG = np.random.default_rng(20261125)
F32, I32, I8 = s.TensorType.FLOAT32, s.TensorType.INT32, s.TensorType.INT8
NUMPY = {F32: np.float32, I32: np.int32, I8: np.int8}


class Net:
    """A model under construction: tensors are numbered as they are added."""

    def __init__(self):
        self.graph = s.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model = s.ModelT()
        self.model.version = 3
        self.model.buffers = [s.BufferT()]
        self.model.operatorCodes = []

    def tensor(self, shape, kind, data=None, scale=None, zero=None, axis=0):
        t = s.TensorT()
        t.shape, t.type, t.name = list(shape), kind, f"t{len(self.graph.tensors)}"
        t.buffer = 0
        if data is not None:
            b = s.BufferT()
            b.data = np.frombuffer(np.asarray(data, NUMPY[kind]).tobytes(), np.uint8)
            self.model.buffers.append(b)
            t.buffer = len(self.model.buffers) - 1
        if scale is not None:
            q = s.QuantizationParametersT()
            q.scale = np.atleast_1d(np.asarray(scale, np.float32))
            q.zeroPoint = np.atleast_1d(np.zeros(len(q.scale), np.int64) if zero is None else np.asarray(zero, np.int64))
            q.quantizedDimension = axis
            t.quantization = q
        self.graph.tensors.append(t)
        return len(self.graph.tensors) - 1

    def op(self, name, inputs, outputs, options=None, kind=None, version=1):
        code = s.OperatorCodeT()
        number = getattr(s.BuiltinOperator, name)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), version
        self.model.operatorCodes.append(code)
        o = s.OperatorT()
        o.opcodeIndex, o.inputs, o.outputs = len(self.model.operatorCodes) - 1, list(inputs), list(outputs)
        if options is not None:
            o.builtinOptions, o.builtinOptionsType = options, getattr(s.BuiltinOptions, kind)
        self.graph.operators.append(o)

    def custom(self, name, inputs, outputs, values):
        code = s.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = s.BuiltinOperator.CUSTOM
        code.customCode, code.version = name, 1
        self.model.operatorCodes.append(code)
        o = s.OperatorT()
        o.opcodeIndex, o.inputs, o.outputs = len(self.model.operatorCodes) - 1, list(inputs), list(outputs)
        if values:
            b = flexbuffers.Builder()
            with b.Map():
                for key, value in values.items():
                    b.Int(key, value)
            o.customOptions = list(b.Finish())
        self.graph.operators.append(o)

    def bytes(self, inputs, outputs):
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        self.model.subgraphs = [self.graph]
        b = flatbuffers.Builder(1024)
        b.Finish(self.model.Pack(b), b"TFL3")
        return bytes(b.Output())


def options(cls, **fields):
    o = cls()
    for key, value in fields.items():
        setattr(o, key, value)
    return o


CASES = []


def case(name, net, inputs, output, data):
    model = net.bytes(inputs, [output])
    it = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1)
    it.allocate_tensors()
    for index, x in zip(inputs, data):
        it.set_tensor(index, x)
    it.invoke()
    y = it.get_tensor(output)
    CASES.append({
        "name": name,
        "model": model.hex(),
        "input": data[0].tobytes().hex(),
        "output": y.tobytes().hex(),
    })


def codes(shape):
    return RNG.integers(-128, 128, shape).astype(np.int8)


def scale(low=0.002, high=0.2):
    return float(np.float32(np.exp(RNG.uniform(np.log(low), np.log(high)))))


def zero():
    return int(RNG.integers(-128, 128))


def small(shape):
    """Weights of few steps: their sums stay small, so that large factors do not saturate and every rounding shows."""
    return RNG.integers(-3, 4, shape).astype(np.int8)


def out_of(k, stride, size, same):
    return -(-size // stride) if same else (size - k) // stride + 1


def conv(depthwise, k, stride, same, act, h, w, c, o, per_channel=True, multiplier=1, fine=False):
    n = Net()
    sx, so = scale(), scale(0.02, 0.5)
    if fine:
        sx, so = 0.1, 0.05
    out = c * multiplier if depthwise else o
    ws = [scale(0.0005, 0.01) for _ in range(out)] if per_channel else scale(0.0005, 0.01)
    if fine:
        ws = [scale(0.005, 0.1) for _ in range(out)]
    elif per_channel:
        ws[0] = 1e-9  # a channel whose factor falls below 2^-32
    fan = k * k * (1 if depthwise else c)
    x = n.tensor([1, h, w, c], I8, scale=sx, zero=zero())
    wt = (small if fine else codes)([1, k, k, out] if depthwise else [out, k, k, c])
    wi = n.tensor(wt.shape, I8, wt, ws, axis=3 if depthwise else 0)
    bi = n.tensor([out], I32, RNG.integers(-200 * fan, 200 * fan, out), np.asarray(ws) * sx)
    yh, yw = out_of(k, stride, h, same), out_of(k, stride, w, same)
    y = n.tensor([1, yh, yw, out], I8, scale=so, zero=zero())
    pad = s.Padding.SAME if same else s.Padding.VALID
    common = dict(padding=pad, strideH=stride, strideW=stride, fusedActivationFunction=act,
                  dilationHFactor=1, dilationWFactor=1)
    if depthwise:
        opt = options(s.DepthwiseConv2DOptionsT, depthMultiplier=multiplier, **common)
        n.op("DEPTHWISE_CONV_2D", [x, wi, bi], [y], opt, "DepthwiseConv2DOptions", 3)
    else:
        n.op("CONV_2D", [x, wi, bi], [y], options(s.Conv2DOptionsT, **common), "Conv2DOptions", 3)
    name = f"{'depthwise' if depthwise else 'conv'} k{k} s{stride} {'same' if same else 'valid'} act{act}"
    case(name, n, [x], y, [codes([1, h, w, c])])


def dense(c, o, act, per_channel=False, bias=True, fine=False):
    n = Net()
    sx, sw, so = scale(), scale(0.001, 0.02), scale(0.02, 0.5)
    if fine:
        sx, sw, so = 0.1, scale(0.005, 0.1), 0.05
    if per_channel:
        sw = [scale(0.005, 0.1) if fine else scale(0.001, 0.02) for _ in range(o)]
    x = n.tensor([1, c], I8, scale=sx, zero=zero())
    wi = n.tensor([o, c], I8, (small if fine else codes)([o, c]), sw)
    ins = [x, wi]
    if bias:
        ins.append(n.tensor([o], I32, RNG.integers(-100 * c, 100 * c, o), np.float32(sx) * np.asarray(sw, np.float32)))
    y = n.tensor([1, o], I8, scale=so, zero=zero())
    n.op("FULLY_CONNECTED", ins, [y], options(s.FullyConnectedOptionsT, fusedActivationFunction=act),
         "FullyConnectedOptions", 4)
    case(f"dense {c}x{o} act{act}{' by channel' if per_channel else ''}", n, [x], y, [codes([1, c])])


def two(name, act, s_in=None, s_out=None):
    """ADD or MUL of a map with its own rescaled copy: one input, two different scales."""
    n = Net()
    a = n.tensor([1, 5, 4, 3], I8, scale=s_in or scale(), zero=zero())
    b = n.tensor([1, 5, 4, 3], I8, scale=s_in or scale(), zero=zero())
    y = n.tensor([1, 5, 4, 3], I8, scale=s_out or scale(0.02, 0.4), zero=zero())
    n.op("QUANTIZE", [a], [b], options(s.QuantizeOptionsT), "QuantizeOptions", 2)
    n.op(name, [a, b], [y], options(getattr(s, f"{name.capitalize()}OptionsT"), fusedActivationFunction=act),
         f"{name.capitalize()}Options", 2)
    case(f"{name.lower()} act{act}", n, [a], y, [codes([1, 5, 4, 3])])


def pool(name, k, stride, same, act):
    n = Net()
    sx, zx = scale(), zero()
    x = n.tensor([1, 7, 6, 5], I8, scale=sx, zero=zx)
    y = n.tensor([1, out_of(k, stride, 7, same), out_of(k, stride, 6, same), 5], I8, scale=sx, zero=zx)
    opt = options(s.Pool2DOptionsT, padding=s.Padding.SAME if same else s.Padding.VALID, strideH=stride,
                  strideW=stride, filterHeight=k, filterWidth=k, fusedActivationFunction=act)
    n.op(name, [x], [y], opt, "Pool2DOptions", 2)
    case(f"{name.lower()} k{k} s{stride} {'same' if same else 'valid'} act{act}", n, [x], y, [codes([1, 7, 6, 5])])


def mean(h, w, keep):
    n = Net()
    x = n.tensor([1, h, w, 9], I8, scale=scale(), zero=zero())
    axes = n.tensor([2], I32, [1, 2])
    y = n.tensor([1, 1, 1, 9] if keep else [1, 9], I8, scale=scale(), zero=zero())
    n.op("MEAN", [x, axes], [y], options(s.ReducerOptionsT, keepDims=keep), "ReducerOptions", 2)
    case(f"mean {h}x{w}", n, [x], y, [codes([1, h, w, 9])])


def softmax(classes, beta, sx):
    n = Net()
    x = n.tensor([1, classes], I8, scale=sx, zero=zero())
    y = n.tensor([1, classes], I8, scale=1 / 256, zero=-128)
    n.op("SOFTMAX", [x], [y], options(s.SoftmaxOptionsT, beta=beta), "SoftmaxOptions", 2)
    case(f"softmax {classes} beta {beta} scale {sx:.4g}", n, [x], y, [codes([1, classes])])


def unary(name, sx, zx, so, zo, extra=(), label=""):
    n = Net()
    x = n.tensor([1, 8, 8, 4], I8, scale=sx, zero=zx)
    y = n.tensor([1, 8, 8, 4], I8, scale=so, zero=zo)
    more = [n.tensor(*args, **kw) for args, kw in extra]
    n.op(name, [x, *more], [y], version=1 if name in ("RELU_N1_TO_1", "PRELU", "HARD_SWISH") else 2)
    every = np.arange(-128, 128).astype(np.int8).reshape(1, 8, 8, 4)
    case(f"{name.lower()}{label}", n, [x], y, [every])


def with_constant(name, act, first, values):
    n = Net()
    x = n.tensor([1, 5, 4, 4], I8, scale=scale(), zero=zero())
    k = n.tensor([values], I8, codes([values]), scale(), zero())
    y = n.tensor([1, 5, 4, 4], I8, scale=scale(0.02, 0.4), zero=zero())
    n.op(name, [k, x] if first else [x, k], [y],
         options(getattr(s, f"{name.capitalize()}OptionsT"), fusedActivationFunction=act), f"{name.capitalize()}Options", 2)
    case(f"{name.lower()} act{act} of {values} constants{' first' if first else ''}", n, [x], y, [codes([1, 5, 4, 4])])


def spread_conv(groups, dilation, same):
    n = Net()
    sx, c, o, h, w = scale(), 4 * groups, 3 * groups, 9, 8
    ws = [scale(0.0005, 0.01) for _ in range(o)]
    x = n.tensor([1, h, w, c], I8, scale=sx, zero=zero())
    wi = n.tensor([o, 3, 3, c // groups], I8, codes([o, 3, 3, c // groups]), ws)
    bi = n.tensor([o], I32, RNG.integers(-9000, 9000, o), np.asarray(ws) * sx)
    reach = 2 * dilation + 1
    y = n.tensor([1, out_of(reach, 1, h, same), out_of(reach, 1, w, same), o], I8, scale=scale(0.02, 0.5), zero=zero())
    opt = options(s.Conv2DOptionsT, padding=s.Padding.SAME if same else s.Padding.VALID, strideH=1, strideW=1,
                  fusedActivationFunction=0, dilationHFactor=dilation, dilationWFactor=dilation)
    n.op("CONV_2D", [x, wi, bi], [y], opt, "Conv2DOptions", 3)
    case(f"conv of {groups} groups, dilation {dilation}", n, [x], y, [codes([1, h, w, c])])


def spread_depthwise(dilation):
    n = Net()
    sx, c = scale(), 5
    ws = [scale(0.0005, 0.01) for _ in range(c)]
    x = n.tensor([1, 9, 8, c], I8, scale=sx, zero=zero())
    wi = n.tensor([1, 3, 3, c], I8, codes([1, 3, 3, c]), ws, axis=3)
    bi = n.tensor([c], I32, RNG.integers(-900, 900, c), np.asarray(ws) * sx)
    y = n.tensor([1, 9, 8, c], I8, scale=scale(0.02, 0.5), zero=zero())
    opt = options(s.DepthwiseConv2DOptionsT, padding=s.Padding.SAME, strideH=1, strideW=1, fusedActivationFunction=0,
                  depthMultiplier=1, dilationHFactor=dilation, dilationWFactor=dilation)
    n.op("DEPTHWISE_CONV_2D", [x, wi, bi], [y], opt, "DepthwiseConv2DOptions", 3)
    case(f"depthwise, dilation {dilation}", n, [x], y, [codes([1, 9, 8, c])])


def floats(name, opt=None, kind=None):
    n = Net()
    x = n.tensor([1, 4, 5, 6], F32)
    y = n.tensor([1, 4, 5, 6], I8, scale=0.037, zero=-11)
    n.op("QUANTIZE", [x], [y], options(s.QuantizeOptionsT), "QuantizeOptions", 1)
    z = n.tensor([1, 4, 5, 6], F32)
    n.op("DEQUANTIZE", [y], [z], version=2)
    data = RNG.normal(0, 2, [1, 4, 5, 6]).astype(np.float32)
    data.flat[:6] = [0.0185, -0.0185, 1e6, -1e6, 4.7, -0.0]
    case("quantize and dequantize", n, [x], z, [data])


def float_hard_swish():
    n = Net()
    x, y = n.tensor([1, 4, 5, 6], F32), n.tensor([1, 4, 5, 6], F32)
    n.op("HARD_SWISH", [x], [y])
    data = RNG.normal(0, 3, [1, 4, 5, 6]).astype(np.float32)
    data.flat[:6] = [3, -3, 0.0, -0.0, 2.9999998, -2.9999998]
    case("hard_swish in f32", n, [x], y, [data])


def concat_pad():
    n = Net()
    sx, zx = scale(), zero()
    x = n.tensor([1, 6, 5, 3], I8, scale=sx, zero=zx)
    both = n.tensor([1, 6, 5, 6], I8, scale=sx, zero=zx)
    n.op("CONCATENATION", [x, x], [both], options(s.ConcatenationOptionsT, axis=3, fusedActivationFunction=0),
         "ConcatenationOptions", 2)
    amounts = n.tensor([4, 2], I32, [[0, 0], [0, 1], [1, 1], [0, 0]])
    padded = n.tensor([1, 7, 7, 6], I8, scale=sx, zero=zx)
    n.op("PAD", [both, amounts], [padded], options(s.PadOptionsT), "PadOptions", 2)
    ws = [scale(0.001, 0.01) for _ in range(4)]
    w = n.tensor([4, 3, 3, 6], I8, codes([4, 3, 3, 6]), ws)
    b = n.tensor([4], I32, RNG.integers(-9999, 9999, 4), np.asarray(ws) * sx)
    y = n.tensor([1, 3, 3, 4], I8, scale=scale(0.05, 0.5), zero=zero())
    opt = options(s.Conv2DOptionsT, padding=s.Padding.VALID, strideH=2, strideW=2, fusedActivationFunction=1,
                  dilationHFactor=1, dilationWFactor=1)
    n.op("CONV_2D", [padded, w, b], [y], opt, "Conv2DOptions", 3)
    r = n.tensor([1, 36], I8, scale=n.graph.tensors[y].quantization.scale,
                 zero=n.graph.tensors[y].quantization.zeroPoint)
    n.op("RESHAPE", [y], [r], options(s.ReshapeOptionsT, newShape=[1, 36]), "ReshapeOptions")
    d = n.tensor([5, 36], I8, codes([5, 36]), 0.003)
    z = n.tensor([1, 5], I8, scale=0.3, zero=7)
    n.op("FULLY_CONNECTED", [r, d], [z], options(s.FullyConnectedOptionsT, fusedActivationFunction=0),
         "FullyConnectedOptions", 4)
    case("concat, pad, conv, reshape, dense", n, [x], z, [codes([1, 6, 5, 3])])


def computed(name, net, x, y, data, output):
    CASES.append({"name": name, "model": net.bytes([x], [y]).hex(), "input": data.tobytes().hex(),
                  "output": output.tobytes().hex()})


def away(x):
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


def lce_bconv(c, o, act, same, stride, int8):
    """a = differing bits; float(2a)·(−mul) + (bias + K·mul), both divided by the scale in double where codes come out."""
    n, h, w, k = Net(), 6, 5, 3
    data = RNG.normal(0, 1, [1, h, w, c]).astype(np.float32)
    signs = RNG.integers(0, 2, [o, k, k, c])  # 1 is −1
    words = -(-c // 32)
    packed = np.zeros([o, k, k, words], np.int64)
    for i in range(c):
        packed[..., i // 32] |= signs[..., i].astype(np.int64) << (i % 32)
    mul = RNG.normal(0, 0.05, o).astype(np.float32)
    bias = RNG.normal(0, 2, o).astype(np.float32)
    x = n.tensor(data.shape, F32)
    bits = n.tensor([1, h, w, words], I32)
    n.custom("LceQuantize", [x], [bits], {})
    wi = n.tensor(packed.shape, I32, packed.astype(np.uint32).view(np.int32))
    mi, bi = n.tensor([o], F32, mul), n.tensor([o], F32, bias)
    yh, yw = out_of(k, stride, h, same), out_of(k, stride, w, same)
    so, zo = 0.11, -7
    y = n.tensor([1, yh, yw, o], I8, scale=so, zero=zo) if int8 else n.tensor([1, yh, yw, o], F32)
    n.custom("LceBconv2d", [bits, wi, mi, bi, -1], [y], dict(
        channels_in=c, dilation_height_factor=1, dilation_width_factor=1, fused_activation_function=act, pad_values=1,
        padding=0 if same else 1, stride_height=stride, stride_width=stride))
    total = [max((a - 1) * stride + k - b, 0) if same else 0 for a, b in ((yh, h), (yw, w))]
    pads = [(0, 0), (total[0] // 2, total[0] - total[0] // 2), (total[1] // 2, total[1] - total[1] // 2), (0, 0)]
    padded = np.pad((data < 0).astype(np.int64), pads)
    terms = k * k * c
    low, high = {0: (-terms, terms), 1: (0, terms), 2: (-1, 1), 3: (0, 6)}[act]
    s64, z64 = (np.float64(np.float32(so)), zo) if int8 else (1.0, 0)
    factor = (-(mul.astype(np.float64)) / s64).astype(np.float32)
    addend = ((bias.astype(np.float64) + terms * mul.astype(np.float64)) / s64 + z64).astype(np.float32)
    out = np.zeros([1, yh, yw, o], np.float32)
    for i in range(yh):
        for j in range(yw):
            window = padded[0, i * stride:i * stride + k, j * stride:j * stride + k]
            a = (window[None] != signs).sum(axis=(1, 2, 3))
            twice = terms - np.clip(terms - 2 * a, low, high)
            out[0, i, j] = twice.astype(np.float32) * factor + addend
    if int8:
        out = np.clip(away(out), -128, 127).astype(np.int8)
    name = f"LceBconv2d {c} to {o} act{act} {'same' if same else 'valid'} s{stride} {'int8' if int8 else 'float'}"
    computed(name, n, x, y, data, out)


def lce_dequantize(int8_in, int8_out, c):
    n, shape = Net(), [1, 4, 3, c]
    zx, so, zo = -5, 0.3, 11
    data = codes(shape) if int8_in else RNG.normal(0, 1, shape).astype(np.float32)
    x = n.tensor(shape, I8, scale=0.1, zero=zx) if int8_in else n.tensor(shape, F32)
    bits = n.tensor(shape[:3] + [-(-c // 32)], I32)
    n.custom("LceQuantize", [x], [bits], {})
    y = n.tensor(shape, I8, scale=so, zero=zo) if int8_out else n.tensor(shape, F32)
    n.custom("LceDequantize", [bits], [y], {})
    sign = np.where(data < (zx if int8_in else 0), -1.0, 1.0)
    step = away(1.0 / np.float32(so))
    out = np.clip(zo + sign * step, -128, 127).astype(np.int8) if int8_out else sign.astype(np.float32)
    computed(f"LceDequantize of {'int8' if int8_in else 'float'} to {'int8' if int8_out else 'float'}", n, x, y, data, out)


for i, (k, st, same, act) in enumerate([(3, 1, True, 0), (3, 2, True, 1), (5, 2, True, 3), (3, 1, False, 2),
                                        (1, 1, True, 1), (1, 2, True, 0), (2, 2, False, 1)]):
    conv(False, k, st, same, act, 7 + i % 3, 6, 3 + i, 5 + i)
    conv(True, k, st, same, act, 7, 6 + i % 3, 4 + i, 0)
conv(False, 3, 1, True, 0, 6, 6, 4, 7, per_channel=False)
conv(True, 3, 2, True, 1, 6, 7, 3, 0, multiplier=4)
conv(True, 3, 1, True, 0, 6, 5, 1, 0, multiplier=8)
for i in range(3):
    conv(False, 3, 1, True, 0, 6, 6, 4, 12, fine=True)
    conv(True, 3, 1, True, 0, 6, 6, 12, 0, fine=True)
    dense(24, 64, 0, fine=True)
    dense(24, 64, 0, per_channel=True, fine=True)
    dense(16, 64, 0, bias=False, fine=True)
for c, o, act in [(64, 12, 0), (33, 7, 1), (100, 3, 3)]:
    dense(c, o, act)
for _ in range(6):
    dense(48, 40, 0)
dense(40, 9, 0, per_channel=True)
dense(17, 5, 0, bias=False)
for act in (0, 1, 3):
    for name in ("ADD", "MUL"):
        two(name, act)
        two(name, act)
    two("MUL", act, 0.05, 0.011)
    two("ADD", act, 0.05, 0.03)
for k, st, same, act in [(2, 2, False, 0), (3, 2, True, 0), (3, 1, True, 1), (5, 3, True, 3)]:
    pool("AVERAGE_POOL_2D", k, st, same, act)
    pool("MAX_POOL_2D", k, st, same, act)
for h, w, keep in [(2, 2, True), (1, 2, True), (5, 5, True), (7, 7, False), (1, 3, True), (8, 8, True), (25, 5, False)]:
    mean(h, w, keep)
for classes, beta, sx in [(12, 1.0, 0.1447), (64, 1.0, 0.02), (10, 1.0, 0.1719), (2, 1.0, 0.0146), (100, 1.0, 0.05), (31, 0.5, 0.3),
                          (5, 2.0, 1.0), (1000, 1.0, 0.08)]:
    softmax(classes, beta, sx)
for sx, zx in [(0.047, 3), (0.1, -128), (0.003, 0), (0.5, 120)]:
    unary("LOGISTIC", sx, zx, 1 / 256, -128, label=f" {sx} {zx}")
for name in ("RELU", "RELU6"):
    unary(name, 0.05, -3, 0.05, -3)
    unary(name, 0.06, 10, 0.031, -128, label=" rescaled")
unary("QUANTIZE", 0.05, -3, 0.0213, 17)
unary("QUANTIZE", 0.02, -3, 0.31, 17, label=" coarser")
for sx, so in [(0.05, 0.05), (0.04, 0.017)]:
    unary("PRELU", sx, -7, so, 5, [(([1, 1, 4], I8), dict(data=codes([1, 1, 4]), scale=0.01, zero=3))],
          label=f" {sx} {so}")
floats("QUANTIZE")
concat_pad()
for sx, zx in [(0.047, 3), (0.1, -128), (0.003, 0), (0.5, 120)]:
    unary("TANH", sx, zx, 1 / 128, 0, label=f" {sx} {zx}")
for sx, zx, so, zo in [(0.05, 3, 0.04, -100), (0.0235, -128, 0.0235, -128), (0.1, 0, 0.03, -8), (0.002, 7, 0.001, 9),
                       (0.31, -50, 0.3, -128)]:
    unary("HARD_SWISH", sx, zx, so, zo, label=f" {sx} {so}")
for act, first, values in [(0, False, 4), (1, True, 4), (3, False, 1), (0, True, 1)]:
    with_constant("ADD", act, first, values)
    with_constant("MUL", act, first, values)
spread_conv(1, 2, True)
spread_conv(1, 3, False)
spread_conv(3, 1, True)
spread_conv(2, 2, True)
spread_depthwise(2)
for i, (act, same, stride) in enumerate([(0, True, 1), (1, True, 2), (2, False, 1), (3, True, 1), (1, False, 2)]):
    for int8 in (False, True):
        lce_bconv([32, 7, 40, 64, 33][i], 6 + i, act, same, stride, int8)
for int8_in in (False, True):
    for int8_out in (False, True):
        lce_dequantize(int8_in, int8_out, 37)
float_hard_swish()
print("[\n" + ",\n".join(json.dumps(c) for c in CASES) + "\n]")
