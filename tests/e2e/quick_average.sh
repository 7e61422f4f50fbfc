#!/usr/bin/env bash
# hypertop average: means of safetensors and npy checkpoints, type by type, against numbers computed here; what cannot be averaged is
# refused in one line and leaves nothing behind.
. "$(dirname "$0")/lib.sh"

cat >make.py <<'P'
import json, struct, sys

def safetensors(path, tensors, meta={"by": "test"}):
    header, data = {"__metadata__": meta}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)

def npy(path, descr, fmt, values, shape):
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    open(path, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + struct.pack(f"<{len(values)}{fmt}", *values))

bf = lambda *v: b"".join(struct.pack("<f", x)[2:] for x in v)
for i, x in enumerate([1.0, 2.0, 4.0]):
    big = 16777216.0 if i == 0 else 1.0  # its sum with ones needs more than a float
    safetensors(f"{i}.safetensors", {
        "w": ("F32", [2, 2], struct.pack("<4f", x, -x, big, 0.1)), "d": ("F64", [1], struct.pack("<d", x / 3)),
        "h": ("F16", [2], struct.pack("<2e", x, 0.5)), "b": ("BF16", [2], bf(x, -2.0)), "n": ("I64", [], struct.pack("<q", 7))})
    npy(f"{i}.npy", "<f4", "f", [x, big, 3.0], (3,))
safetensors("shape.safetensors", {"w": ("F32", [4], struct.pack("<4f", 1, 1, 1, 1)), "d": ("F64", [1], bytes(8)),
    "h": ("F16", [2], bytes(4)), "b": ("BF16", [2], bytes(4)), "n": ("I64", [], struct.pack("<q", 7))})
safetensors("lacks.safetensors", {"w": ("F32", [2, 2], bytes(16))})
whole = open("0.safetensors", "rb").read()
open("cut.safetensors", "wb").write(whole[:-3])
open("count.safetensors", "wb").write(whole[:-8] + struct.pack("<q", 8))
npy("double.npy", "<f8", "d", [1, 2, 3], (3,))
npy("short.npy", "<f4", "f", [1, 2], (3,))
open("words.txt", "w").write("these are no weights at all\n")
P
cat >look.py <<'P'
import json, struct
raw = open("mean.safetensors", "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
header, data = json.loads(raw[8:8 + n]), raw[8 + n:]
assert header["__metadata__"] == {"by": "test"} and header["w"]["dtype"] == "F32" and header["w"]["shape"] == [2, 2]
part = lambda name: data[slice(*header[name]["data_offsets"])]
f32 = lambda v: struct.unpack("<f", struct.pack("<f", v))[0]
assert struct.unpack("<4f", part("w")) == (f32(7 / 3), f32(-7 / 3), f32(16777218 / 3), f32(0.1)), struct.unpack("<4f", part("w"))
assert struct.unpack("<d", part("d"))[0] == (1 / 3 + 2 / 3 + 4 / 3) / 3
assert struct.unpack("<2e", part("h")) == (struct.unpack("<e", struct.pack("<e", 7 / 3))[0], 0.5)
assert part("b") == bytes.fromhex("1540") + bytes.fromhex("00c0"), part("b").hex()  # 7/3 = 2.328125 there
assert struct.unpack("<q", part("n"))[0] == 7
raw = open("mean.npy", "rb").read()
assert struct.unpack("<3f", raw[-12:]) == (f32(7 / 3), f32(16777218 / 3), 3.0) and raw[:-12] == open("0.npy", "rb").read()[:-12]
print("holds")
P
python3 make.py
try hypertop average 0.safetensors 1.safetensors 2.safetensors -o mean.safetensors
equal safetensors-are-averaged 0 $STATUS
try hypertop average 0.npy 1.npy 2.npy -o mean.npy
equal npy-are-averaged 0 $STATUS
equal means-and-types holds "$(python3 look.py 2>&1)"
try hypertop average 1.npy -o one.npy
check one-is-its-own-mean cmp 1.npy one.npy
refuses other-shape 1 "'w' is F32 \[4\], in 0.safetensors it is F32 \[2,2\]" hypertop average 0.safetensors shape.safetensors -o no
refuses tensor-that-lacks 1 "lacks.safetensors has no 'b', which 0.safetensors has" hypertop average 0.safetensors lacks.safetensors -o no
refuses integers-that-differ 1 "'n' is I64" hypertop average 0.safetensors count.safetensors -o no
refuses cut-off 1 'cut.safetensors: .*cut off' hypertop average 0.safetensors cut.safetensors -o no
refuses other-type 1 "<f8.*<f4" hypertop average 0.npy double.npy -o no
refuses too-few-numbers 1 'short.npy: .*fewer' hypertop average 0.npy short.npy -o no
refuses no-weights 1 'words.txt: neither' hypertop average 0.npy words.txt -o no
refuses formats-mixed 1 'has no' hypertop average 0.npy 0.safetensors -o no
refuses absent 1 'nowhere.npy' hypertop average 0.npy nowhere.npy -o no
refuses nothing-overwritten 1 'mean.npy exists' hypertop average 0.npy -o mean.npy
refuses no-output 2 '-o OUT' hypertop average 0.npy
check nothing-is-left test ! -e no -a ! -e no.new
