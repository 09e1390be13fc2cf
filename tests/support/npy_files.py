"""Arrays in .npy files, without numpy: flat lists of numbers."""
import struct


def save_npy(path, shape, numbers):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
                     + struct.pack(f"<{len(numbers)}d", *numbers))


def load_npy(path):
    data = path.read_bytes()
    start = 10 + struct.unpack_from("<H", data, 8)[0]
    code, size = ("f", 4) if b"<f4" in data[:start] else ("d", 8)
    return struct.unpack(f"<{(len(data) - start) // size}{code}", data[start:])
