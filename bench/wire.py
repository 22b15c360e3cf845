"""Just enough of Kafka's protocol to set up a measurement or a check: one blocking connection, the
non-flexible versions that every Kafka from 2.6 on answers. Standard library only."""
import socket
import struct
import time

_TABLE = []
for _i in range(256):
    _c = _i
    for _ in range(8):
        _c = (_c >> 1) ^ (0x82F63B78 if _c & 1 else 0)
    _TABLE.append(_c)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _varint(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value & ~0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def batch(values, producer=(-1, -1, -1), timestamp=None):
    """A v2 batch of these values (bytes); producer = id, epoch, first sequence."""
    timestamp = timestamp or int(time.time() * 1000)
    records = b""
    for i, value in enumerate(values):
        body = b"\0" + _varint(0) + _varint(i) + _varint(-1) + _varint(len(value)) + value + _varint(0)
        records += _varint(len(body)) + body
    checked = struct.pack(">hiqqqhii", 0, len(values) - 1, timestamp, timestamp, *producer, len(values)) + records
    return struct.pack(">qiibI", 0, len(checked) + 9, -1, 2, crc32c(checked)) + checked


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def raw(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def text(self):
        size = self.take("h")
        return None if size < 0 else self.raw(size).decode()

    def blob(self):
        size = self.take("i")
        return b"" if size < 0 else self.raw(size)


class Connection:
    def __init__(self, port, timeout=30.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, key, version, body):
        self.correlation += 1
        frame = struct.pack(">hhi", key, version, self.correlation) + text("bench") + body
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)

    def _exactly(self, size):
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionError("the broker closed the connection")
            data += piece
        return bytes(data)

    def receive(self):
        size = struct.unpack(">i", self._exactly(4))[0]
        reader = Reader(self._exactly(size))
        reader.take("i")
        return reader

    def call(self, key, version, body):
        self.send(key, version, body)
        return self.receive()

    def create_topic(self, name, partitions=1, configs=None):
        """Kafka's error code; 36 = it exists."""
        items = list((configs or {}).items())
        body = struct.pack(">i", 1) + text(name) + struct.pack(">ihii", partitions, 1, 0, len(items))
        for key, value in items:
            body += text(key) + text(str(value))
        reader = self.call(19, 4, body + struct.pack(">ib", 30_000, 0))
        reader.take("ii")
        reader.text()
        return reader.take("h")

    def delete_topic(self, name):
        reader = self.call(20, 3, struct.pack(">i", 1) + text(name) + struct.pack(">i", 30_000))
        reader.take("ii")
        reader.text()
        return reader.take("h")

    def send_produce(self, topic, partition, records, acks=-1):
        body = text(None) + struct.pack(">hii", acks, 30_000, 1) + text(topic)
        self.send(0, 7, body + struct.pack(">iii", 1, partition, len(records)) + records)

    def receive_produced(self):
        reader = self.receive()
        reader.take("i")
        reader.text()
        _, _, error, offset = reader.take("iihq")
        return error, offset

    def produce(self, topic, partition, records):
        """(error code, base offset)"""
        self.send_produce(topic, partition, records)
        return self.receive_produced()

    def fetch(self, topic, partition, offset, max_bytes=1 << 20, max_wait_ms=500):
        """(error code, high watermark, bytes of the batches)"""
        body = struct.pack(">iiiibii", -1, max_wait_ms, 1, 50 << 20, 0, 0, -1)
        body += struct.pack(">i", 1) + text(topic) + struct.pack(">iiiqqi", 1, partition, -1, offset, -1, max_bytes)
        reader = self.call(1, 11, body + struct.pack(">i", 0) + text(""))
        _, error, _, topics = reader.take("ihii")
        if error or topics == 0:
            return error, -1, b""
        reader.text()
        reader.take("i")
        _, error, high_watermark, _, _ = reader.take("ihqqq")
        for _ in range(max(reader.take("i"), 0)):
            reader.take("qq")
        reader.take("i")
        return error, high_watermark, reader.blob()

    def new_producer(self):
        """(producer id, epoch); waits while the broker has no block of ids yet."""
        for _ in range(200):
            reader = self.call(22, 1, text(None) + struct.pack(">i", 60_000))
            _, error, producer_id, epoch = reader.take("ihqh")
            if error == 0:
                return producer_id, epoch
            if error not in (14, 15):
                break
            time.sleep(0.05)
        raise ConnectionError(f"InitProducerId is answered with error {error}")


def records_of(batches):
    """(offset, value) of each record of whole uncompressed batches."""
    at = 0
    while at + 61 <= len(batches):
        base, length = struct.unpack_from(">qi", batches, at)
        if at + 12 + length > len(batches):
            break
        attributes, = struct.unpack_from(">h", batches, at + 21)
        count, = struct.unpack_from(">i", batches, at + 57)
        if attributes & 7:
            raise ValueError("a compressed batch")
        position = at + 61
        for _ in range(0 if attributes & 0x20 else count):
            size, position = _read_varint(batches, position)
            end = position + size
            position += 1
            _, position = _read_varint(batches, position)
            delta, position = _read_varint(batches, position)
            for field in ("key", "value"):
                size, position = _read_varint(batches, position)
                value = batches[position:position + max(size, 0)]
                position += max(size, 0)
            yield base + delta, value
            position = end
        at += 12 + length


def _read_varint(data, at):
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
