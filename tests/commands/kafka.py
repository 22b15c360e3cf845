"""A Kafka client of one connection, as small as a test needs: old, plain versions of seven APIs."""
import socket
import struct
import time

PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS, CREATE_TOPICS, INIT_PRODUCER_ID = 0, 1, 2, 3, 18, 19, 22


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def varint(value):
    value = (value << 1) ^ (value >> 63)
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(text):
    return struct.pack(">h", -1) if text is None else struct.pack(">h", len(text.encode())) + text.encode()


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def batch(values, producer_id=-1, epoch=-1, sequence=-1, timestamp=None):
    """A v2 batch of records without keys."""
    timestamp = int(time.time() * 1000) if timestamp is None else timestamp
    records = b""
    for delta, value in enumerate(values):
        body = b"\0" + varint(0) + varint(delta) + varint(-1) + varint(len(value)) + value + varint(0)
        records += varint(len(body)) + body
    checked = struct.pack(">hiqqqhii", 0, len(values) - 1, timestamp, timestamp, producer_id, epoch, sequence,
                          len(values)) + records
    return struct.pack(">qiibI", 0, len(checked) + 9, -1, 2, crc32c(checked)) + checked


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, shape):
        values = struct.unpack_from(">" + shape, self.data, self.at)
        self.at += struct.calcsize(">" + shape)
        return values if len(values) > 1 else values[0]

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def string(self):
        size = self.take("h")
        return None if size < 0 else self.bytes(size).decode()

    def array(self, element):
        return [element() for _ in range(max(0, self.take("i")))]


class Connection:
    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, key, version, body):
        self.correlation += 1
        frame = struct.pack(">hhi", key, version, self.correlation) + string("commands-test") + body
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)

    def _receive(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data

    def receive(self):
        reader = Reader(self._receive(struct.unpack(">i", self._receive(4))[0]))
        assert reader.take("i") == self.correlation
        return reader

    def call(self, key, version, body):
        self.send(key, version, body)
        return self.receive()

    def api_versions(self):
        reader = self.call(API_VERSIONS, 0, b"")
        assert reader.take("h") == 0
        return {key: (low, high) for key, low, high in reader.array(lambda: reader.take("hhh"))}

    def create_topic(self, name, partitions=1, configs=()):
        settings = array([string(key) + string(value) for key, value in configs])
        topic = string(name) + struct.pack(">ih", partitions, 1) + array([]) + settings
        reader = self.call(CREATE_TOPICS, 4, array([topic]) + struct.pack(">ib", 10000, 0))
        reader.take("i")
        return reader.array(lambda: (reader.string(), reader.take("h"), reader.string()))[0][1]

    def init_producer_id(self):
        reader = self.call(INIT_PRODUCER_ID, 1, string(None) + struct.pack(">i", 60000))
        _, code, producer_id, epoch = reader.take("ihqh")
        assert code == 0, code
        return producer_id, epoch

    def produce(self, topic, records, partition=0, acks=-1):
        """(error code, base offset, append time, log start, message)"""
        data = struct.pack(">ii", partition, len(records)) + records
        self.send(PRODUCE, 8, string(None) + struct.pack(">hi", acks, 10000) +
                  array([string(topic) + array([data])]))
        if acks == 0:
            return None
        reader = self.receive()
        answers = []

        def one_partition():
            _, code, offset, append_time, log_start = reader.take("ihqqq")
            reader.array(lambda: (reader.take("i"), reader.string()))
            answers.append((code, offset, append_time, log_start, reader.string()))
        reader.array(lambda: (reader.string(), reader.array(one_partition)))
        return answers[0]

    def fetch(self, topic, offset=0, partition=0):
        """(error code, high watermark, bytes)"""
        body = struct.pack(">iiiibii", -1, 500, 1, 1 << 20, 0, 0, -1)
        body += array([string(topic) + array([struct.pack(">iiqqi", partition, -1, offset, -1, 1 << 20)])])
        reader = self.call(FETCH, 11, body + array([]) + string(""))
        reader.take("ihi")
        answers = []

        def one_partition():
            _, code, high_watermark, _, _ = reader.take("ihqqq")
            reader.array(lambda: reader.take("qq"))
            reader.take("i")
            answers.append((code, high_watermark, reader.bytes(max(0, reader.take("i")))))
        reader.array(lambda: (reader.string(), reader.array(one_partition)))
        return answers[0]


def values_of(data):
    """The values of uncompressed batches made by batch()."""
    values = []
    while len(data) >= 61:
        length, = struct.unpack_from(">i", data, 8)
        count, = struct.unpack_from(">i", data, 57)
        reader, at = data[61:12 + length], 0

        def next_varint():
            nonlocal at
            value = shift = 0
            while True:
                byte = reader[at]
                at += 1
                value |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    return (value >> 1) ^ -(value & 1)
        for _ in range(count):
            next_varint()
            at += 1
            next_varint(), next_varint(), next_varint()
            size = next_varint()
            values.append(bytes(reader[at:at + size]))
            at += size
            next_varint()
        data = data[12 + length:]
    return values
