"""Ways to damage a file, drawn from a generator: bytes, lines, numbers, values of JSON, whole headers."""

import hashlib
import io
import json
import re
import struct
import zipfile

from compiler.families.store import digests

NUMBERS = ("0", "-1", "1", "2", "nan", "inf", "1e308", "-1e-320", "999999999999", "9" * 400, "", "x", "0x10")
VALUES = (None, True, -1, 0, 1, 2, 0.5, 1e308, 2**31, 2**63, 10**30, "", "x", [], {}, [1], [[]], {"a": 1})


def mutated(content: bytes, name: str, rng) -> bytes:
    """The content damaged once to three times, in a way that suits the file."""
    ways = _ways(content, name)
    for _ in range(rng.integers(1, 4)):
        content = ways[rng.integers(len(ways))](content, rng)
    return content


def _ways(content, name):
    if content.startswith(b"\x89TNL"):
        return [tnl_header, tnl_header, tnl_array, bytes_changed, cut]
    if name.endswith(".safetensors"):
        return [safetensors_header, safetensors_header, bytes_changed, cut]
    if content.startswith(b"PK"):
        return [zip_member, zip_member, bytes_changed, cut]
    try:
        content.decode()
    except UnicodeDecodeError:
        return [bytes_changed, word_changed, cut, repeated]
    ways = [number_changed, number_changed, line_moved, token_changed, bytes_changed, cut]
    return [*ways, json_changed, json_changed, json_changed] if content.lstrip().startswith(b"{") else ways


def bytes_changed(content, rng):
    found = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        if found:
            found[rng.integers(len(found))] = rng.integers(256)
    return bytes(found)


def word_changed(content, rng):
    """Four or eight bytes, as a size or an index may be, become one that is far off."""
    word = (b"\xff" * 4, b"\xff" * 8, b"\0" * 4, b"\xff\xff\xff\x7f", b"\x7f" + b"\xff" * 7)[rng.integers(5)]
    at = rng.integers(max(len(content) - len(word), 1))
    return content[:at] + word + content[at + len(word) :]


def cut(content, rng):
    return content[: rng.integers(len(content) + 1)]


def repeated(content, rng):
    a, b = sorted(rng.integers(len(content) + 1, size=2))
    return content[:b] + content[a:b] + content[b:]


def number_changed(content, rng):
    found = list(re.finditer(rb"-?\d+(\.\d+)?", content))
    if not found:
        return bytes_changed(content, rng)
    match = found[rng.integers(len(found))]
    return content[: match.start()] + NUMBERS[rng.integers(len(NUMBERS))].encode() + content[match.end() :]


def token_changed(content, rng):
    """A word in place of another, or none."""
    found = list(re.finditer(rb"\S+", content))
    if not found:
        return content
    match, other = (found[k] for k in rng.integers(len(found), size=2))
    word = (other.group(), b"", b"(" * 2000, b"\\", b'"')[rng.integers(5)]
    return content[: match.start()] + word + content[match.end() :]


def line_moved(content, rng):
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    a, b = rng.integers(len(lines), size=2)
    line = lines[a]
    match rng.integers(3):
        case 0:
            del lines[a]
        case 1:
            lines.insert(b, line)
        case _:
            lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def json_changed(content, rng):
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return number_changed(content, rng)
    return json.dumps(_changed(document, rng)).encode()


def _changed(document, rng):
    """One value somewhere replaced, or one key lost."""
    places = list(_places(document))
    if not places:
        return VALUES[rng.integers(len(VALUES))]
    holder, key = places[rng.integers(len(places))]
    if isinstance(holder, dict) and rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = VALUES[rng.integers(len(VALUES))]
    return document


def _places(value):
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


# --- files with digests: what is changed is signed anew, so that the reader gets to see it -------------


def tnl_header(content, rng):
    prefix = struct.Struct("<8sIIQQ32s")
    if len(content) < prefix.size:
        return content
    magic, version, zero, size, total, _ = prefix.unpack(content[: prefix.size])
    rest = content[prefix.size + size :]
    try:
        document = json.loads(content[prefix.size : prefix.size + size])
    except ValueError:
        return bytes_changed(content, rng)
    header = json.dumps(_changed(document, rng)).encode()
    header += b" " * (-(prefix.size + len(header)) % 64)
    total = prefix.size + len(header) + len(rest)
    head = prefix.pack(magic, version, zero, len(header), total, hashlib.sha256(header).digest())
    return head + header + rest


def tnl_array(content, rng):
    prefix = struct.Struct("<8sIIQQ32s")
    try:
        magic, version, zero, size, total, _ = prefix.unpack(content[: prefix.size])
        document = json.loads(content[prefix.size : prefix.size + size])
        entries = [e for e in document["arrays"] if e["bytes"]]
        entry = entries[rng.integers(len(entries))]
        body = bytearray(content[prefix.size + size :])
        start, length = entry["offset"], entry["bytes"]
        for _ in range(rng.integers(1, 3)):
            at = start + rng.integers(length) // 8 * 8
            word = (b"\xff" * 8, b"\0" * 8, b"\xff\xff\xff\x7f" * 2, b"\x01\0\0\0" * 2, rng.bytes(8))[
                rng.integers(5)
            ]
            keep = min(8, start + length - at)
            body[at : at + keep] = word[:keep]
        padded = length + -length % 64
        entry["sha256"] = hashlib.sha256(body[start : start + padded]).hexdigest()
    except (ValueError, KeyError, TypeError, struct.error):
        return bytes_changed(content, rng)
    header = json.dumps(document).encode()
    header += b" " * (-(prefix.size + len(header)) % 64)
    total = prefix.size + len(header) + len(body)
    head = prefix.pack(magic, version, zero, len(header), total, hashlib.sha256(header).digest())
    return head + header + bytes(body)


def safetensors_header(content, rng):
    """The model's own JSON inside the metadata, or the tensors' table."""
    try:
        size = int.from_bytes(content[:8], "little")
        document = json.loads(content[8 : 8 + size])
        metadata = document.get("__metadata__", {})
        if "thermoc_model" in metadata and rng.random() < 0.7:
            inner = _changed(json.loads(metadata["thermoc_model"]), rng)
            if isinstance(inner.get("sha256"), dict):
                inner["sha256"]["facts"] = digests(inner, {})["facts"]
            metadata["thermoc_model"] = json.dumps(inner)
        else:
            document = _changed(document, rng)
    except (ValueError, TypeError, AttributeError):
        return bytes_changed(content, rng)
    header = json.dumps(document).encode()
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def zip_member(content, rng):
    """A member changed, or lost, in an archive that is whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            members = {name: file.read(name) for name in file.namelist()}
    except Exception:
        return bytes_changed(content, rng)
    if not members:
        return content
    names = sorted(members)
    name = names[rng.integers(len(names))]
    tables = [n for n in names if n.endswith(".json")]
    match rng.integers(6 if tables else 4):
        case 4 | 5:
            name = tables[rng.integers(len(tables))]
            members[name] = json_changed(members[name], rng)
        case 0:
            del members[name]
        case 1:
            members[name] = number_changed(members[name][:128], rng) + members[name][128:]
        case 2:
            members[name] = cut(members[name], rng)
        case _:
            members[name] = bytes_changed(members[name], rng)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for key, value in members.items():
            file.writestr(key, value)
    return out.getvalue()
