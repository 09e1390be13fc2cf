"""A reader of maps, written from docs/file-format.md alone. Arrays are pairs of a shape and a flat list."""
import math
import struct

MASK = (1 << 64) - 1
PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def rotated(x, bits):
    return (x << bits | x >> (64 - bits)) & MASK


def xxh64(data):
    """XXH64 with seed 0."""
    def mixed(lane, word):
        return rotated((lane + word * PRIMES[1]) & MASK, 31) * PRIMES[0] & MASK

    place = 0
    if len(data) >= 32:
        lanes = [(PRIMES[0] + PRIMES[1]) & MASK, PRIMES[1], 0, -PRIMES[0] & MASK]
        while place + 32 <= len(data):
            words = struct.unpack_from("<4Q", data, place)
            lanes = [mixed(lane, word) for lane, word in zip(lanes, words)]
            place += 32
        digest = sum(rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            digest = ((digest ^ mixed(0, lane)) * PRIMES[0] + PRIMES[3]) & MASK
    else:
        digest = PRIMES[4]
    digest = (digest + len(data)) & MASK
    while place + 8 <= len(data):
        digest ^= mixed(0, struct.unpack_from("<Q", data, place)[0])
        digest = (rotated(digest, 27) * PRIMES[0] + PRIMES[3]) & MASK
        place += 8
    if place + 4 <= len(data):
        digest ^= struct.unpack_from("<I", data, place)[0] * PRIMES[0] & MASK
        digest = (rotated(digest, 23) * PRIMES[1] + PRIMES[2]) & MASK
        place += 4
    for byte in data[place:]:
        digest = rotated(digest ^ byte * PRIMES[4] & MASK, 11) * PRIMES[0] & MASK
    digest = (digest ^ digest >> 33) * PRIMES[1] & MASK
    digest = (digest ^ digest >> 29) * PRIMES[2] & MASK
    return digest ^ digest >> 32


def checksum_of(data, version):
    size = 1 << 22
    if version < 5 or len(data) <= size:
        return xxh64(data)
    return xxh64(b"".join(struct.pack("<Q", xxh64(data[place:place + size])) for place in range(0, len(data), size)))


class Content:
    def __init__(self, path):
        self.data = path.read_bytes()
        assert self.data[:8] == b"FIELDFLD"
        length, checksum = struct.unpack("<2Q", self.data[-16:])
        assert length == len(self.data) - 16, "length"
        self.place = 9
        self.order = "<" if self.data[8] == 1 else ">"
        self.version, self.kind, size = self.numbers("I", 3)
        assert checksum == checksum_of(self.data[:-8], self.version), "checksum"
        self.scalar = "d" if size == 8 else "f"

    def numbers(self, code, count):
        values = struct.unpack_from(f"{self.order}{count}{code}", self.data, self.place)
        self.place += struct.calcsize(f"={count}{code}")
        return list(values)

    def count(self):
        return self.numbers("Q", 1)[0]

    def flag(self):
        value = self.numbers("B", 1)[0]
        assert value in (0, 1)
        return value == 1

    def integer(self):
        return self.numbers("i", 1)[0]

    def real(self):
        return self.numbers("d", 1)[0]

    def text(self):
        return bytes(self.numbers("B", self.count())).decode()

    def list_of(self, value):
        return [value() for _ in range(self.count())]

    def numbers_of(self, code):
        return self.numbers(code, self.count())

    def optional(self, value):
        return value() if self.flag() else None

    def by_name(self, value):
        return {self.text(): value() for _ in range(self.count())}

    def array(self, code="d"):
        shape = [self.count() for _ in range(self.count())]
        assert len(shape) <= 2
        return shape, self.numbers(code, math.prod(shape))


def read_map(path):
    """The values of a map, by name."""
    file = Content(path)
    assert file.kind == 1
    found = {"version": file.version, "precision": "double" if file.scalar == "d" else "single"}

    def read(since=1, **values):
        for name, value in values.items():
            if file.version >= since:
                found[name] = value()

    def normalization():
        return file.text(), file.real(), file.real()

    def mesh():
        return (file.array(), file.numbers_of("Q"), file.numbers_of("Q"), file.numbers_of("B"), file.text())

    def optional_real():
        return file.optional(file.real)

    read(fields=lambda: file.list_of(file.text), coords=lambda: file.optional(file.array), interpolate_method=file.text,
         neighbors=lambda: file.optional(file.count), smoothing=file.array, kernel=file.text, epsilon=optional_real,
         degree=lambda: file.optional(file.integer), rule_rank=lambda: file.optional(file.count),
         energy_tol=optional_real, reconstruction_tol=optional_real, keep_training_latents=file.flag)
    read(2, sample_tol=optional_real, noise=optional_real, optimal_threshold=file.flag, validate_every=file.count)
    read(3, rbf_method=file.text, cluster_size=file.count, overlap=optional_real, allow_lower_degree=file.flag,
         scales=lambda: file.numbers_of("d"), periods=lambda: file.numbers_of("d"), power=file.real)
    read(4, normalize=normalization, normalize_field=lambda: file.by_name(normalization), center=file.flag,
         standardize=file.flag, point_weights=lambda: file.optional(file.array),
         field_weights=lambda: file.by_name(file.real), sample_weights=lambda: file.optional(file.array),
         mask=file.text, gappy_snapshots=file.text, gappy_states=file.text)
    read(5, grid_shape=lambda: file.list_of(file.count), mask_share=file.real,
         missing_values=lambda: file.numbers_of("d"), inner_product=file.text, merge_duplicates=file.flag, units=lambda: file.by_name(file.text),
         mesh=lambda: file.optional(mesh))

    def errors():
        return (file.array(), file.array(), file.array(),
                file.numbers_of("d") if file.version >= 5 else [])

    found["map_exists"] = file.flag()
    if found["map_exists"]:
        read(num_samples=file.count, num_dropped=file.count, basis=lambda: file.array(file.scalar),
             singular_values=lambda: file.array(file.scalar),
             latent_ranges=lambda: file.list_of(lambda: (file.real(), file.real())),
             training_latents=lambda: file.optional(lambda: file.array(file.scalar)))
        read(2, unresolved_squares=file.real, errors=lambda: file.optional(errors),
             validation_errors=lambda: file.optional(errors))
        read(4, num_filled=file.count, latent_mean=file.array, latent_covariance=file.array)
        read(5, snapshot_numbers=lambda: file.list_of(file.count))
    if file.version >= 4:
        def mass():
            num_pts = file.count()
            return num_pts, (file.numbers_of("Q"), file.numbers_of("I"), file.numbers_of("d")) if file.flag() else None

        def space():
            return {"transforms": file.list_of(lambda: (file.flag(), file.real(), file.real(), file.real())),
                    "centered": file.flag(), "mean": file.array()[1], "deviation": file.array()[1],
                    "point_weights": file.array()[1], "field_weights": file.numbers_of("d"),
                    "masked": file.numbers_of("B"), "weighted_basis": file.array(file.scalar)}

        read(4, mass=lambda: file.optional(mass), space=lambda: file.optional(space))
    assert file.place == len(file.data) - 16, "trailing bytes"
    return found


def compressed(found, state):
    """The coefficients of a state, without a mass matrix."""
    (dof, rank), basis = found["basis"]
    qoi = len(found["fields"])
    space = found.get("space")
    coefficients = [0.0] * rank
    for i in range(dof):
        y, weight = state[i], 1.0
        if space is not None:
            is_logarithmic, offset, shift, factor = space["transforms"][i % qoi]
            if space["centered"]:
                shift = space["mean"][i]
            if space["deviation"] and space["deviation"][i] > 0:
                factor = 1.0 / space["deviation"][i]
            if space["masked"] and space["masked"][i]:
                continue
            y = ((math.log10(y + offset) if is_logarithmic else y) - shift) * factor
            weight = space["field_weights"][i % qoi] * (space["point_weights"][i // qoi] if space["point_weights"] else 1)
        for mode in range(rank):
            coefficients[mode] += basis[i * rank + mode] * weight * y
    return coefficients
