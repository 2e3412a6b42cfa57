"""Makes the Parquet files in parquet/ anew: python3 make_parquet.py, with pyarrow 26.0.1.

ParquetTests.swift has what they hold, written by hand.
"""

import datetime
import decimal
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "parquet"))

# A struct has the fields of all rows: what a call or a message does not have comes as null.
call = pa.struct([("name", pa.string()), ("arguments", pa.struct([("city", pa.string()), ("a", pa.int64()), ("b", pa.list_(pa.int64()))]))])
message = pa.struct([("role", pa.string()), ("content", pa.string()), ("tool_calls", pa.list_(call))])
conversations = [
    [
        {"role": "user", "content": "Weather in Rome?"},
        {"role": "assistant", "content": "", "tool_calls": [{"name": "weather", "arguments": {"city": "Rome"}}]},
        {"role": "tool", "content": "sunny"},
        {"role": "assistant", "content": "Sunny."},
    ],
    [
        {"role": "user", "content": "7*6?"},
        {"role": "assistant", "content": "", "tool_calls": [{"name": "sum", "arguments": {"a": 7, "b": [6, None]}}]},
        {"role": "assistant", "content": "42."},
    ],
]
pq.write_table(
    pa.table({"messages": pa.array(conversations, pa.list_(message)), "source": pa.array([None, "tests"])}),
    "conversations.parquet", compression="zstd")

# Every type, a row of extremes and one of nulls, in two row groups.
moment = datetime.datetime(2024, 2, 29, 23, 59, 58, 123000)
columns = {
    "prompt": pa.array(["a\n\"é\\\t\x01😀", "b"], pa.large_string()),
    "word": pa.array(["yes", None]).dictionary_encode(),
    "int8": pa.array([-128, None], pa.int8()),
    "int64": pa.array([-(2**63), None], pa.int64()),
    "uint32": pa.array([2**32 - 1, None], pa.uint32()),
    "uint64": pa.array([2**64 - 1, None], pa.uint64()),
    "exact": pa.array([2**53 + 1, None], pa.int64()),
    "float": pa.array([0.1, float("nan")], pa.float32()),
    "double": pa.array([1.0, None]),
    "tiny": pa.array([5e-324, None]),
    "flag": pa.array([False, None]),
    "nothing": pa.array([None, None], pa.null()),
    "list": pa.array([[1, None, 3], []]),
    "nested": pa.array([[{"x": 1, "y": None}, None, {"x": None, "y": None}], None], pa.list_(pa.struct([("x", pa.int8()), ("y", pa.string())]))),
    "fixed": pa.array([[0.5, 2.0], None], pa.list_(pa.float64(), 2)),
    "map": pa.array([[("k", 1), ("n", None)], None], pa.map_(pa.string(), pa.int64())),
    "date": pa.array([moment.date(), None]),
    "moment": pa.array([moment, None], pa.timestamp("ms")),
    "utc": pa.array([moment, None], pa.timestamp("us", tz="UTC")),
    "price": pa.array([decimal.Decimal("12.30"), None], pa.decimal128(10, 2)),
    "json": pa.array(['{"a": null, "b": [1.0]}', None], pa.json_()),
    "bytes": pa.array([b"\x00\xff", None]),
    "images": pa.array([[{"bytes": b"\x89PNG", "path": "a.png"}], None], pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
}
pq.write_table(pa.table(columns), "types.parquet", row_group_size=1, compression="snappy")

# More rows than come at a time, in groups that end elsewhere.
many = pa.table({"text": pa.array([f"row {n % 7}" for n in range(2500)]), "n": pa.array(range(2500))})
pq.write_table(many, "many.parquet", row_group_size=900, compression="gzip", use_dictionary=["text"])
pq.write_table(many.slice(0, 0), "none.parquet")
pq.write_table(pa.table({"text": pa.array([b"a"])}), "binary.parquet")
pq.write_table(pa.table({"prompt": ["a"], "image": pa.array([{"bytes": b"x", "path": "p"}])}), "image.parquet")
pq.write_table(pa.table({"text": ["a"], "score": [float("inf")]}), "infinite.parquet")
# Text that is not UTF-8, which pyarrow writes where it is told that it is text.
wrong = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\x02\0\0\0"), pa.py_buffer(b"\xc3\x28")])
pq.write_table(pa.table({"text": wrong}), "latin1.parquet")


class Keys(encryption.KmsClient):
    """Wraps keys by nothing: a test needs no secret."""

    def __init__(self, _):
        super().__init__()

    def wrap_key(self, key, _):
        return key

    def unwrap_key(self, key, _):
        return key


setup = encryption.EncryptionConfiguration(footer_key="footer", column_keys={"data": ["text"]})
factory = encryption.CryptoFactory(Keys)
properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), setup)
with pq.ParquetWriter("encrypted.parquet", pa.schema([("text", pa.string())]), encryption_properties=properties) as writer:
    writer.write_table(pa.table({"text": ["secret"]}))
