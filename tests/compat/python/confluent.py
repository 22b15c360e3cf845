"""confluent-kafka (librdkafka): idempotent produce with every codec, consume, compare."""
import sys
import time

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

servers, count = sys.argv[1], 3000


def value(i):
    return f"value-{i} and some more of it".encode()


def produce(topic, codec):
    acked, errors = [], []

    def delivered(error, message):
        (errors if error else acked).append(error or message.offset())

    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "compression.type": codec,
                         "linger.ms": 5, "message.timeout.ms": 60_000})
    for i in range(count):
        producer.produce(topic, value(i), f"key-{i}".encode(), partition=0, on_delivery=delivered)
        producer.poll(0)
    left = producer.flush(60)
    if left or errors or sorted(acked) != list(range(count)):
        sys.exit(f"produce {codec}: {left} left, {len(errors)} errors {errors[:1]}, {len(acked)} acknowledged")


def consume(topic):
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "none", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    deadline, following = time.monotonic() + 60, 0
    while following < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            sys.exit(f"consume {topic}: {message.error()}")
        if (message.offset(), message.value(), message.key()) != (following, value(following), f"key-{following}".encode()):
            sys.exit(f"consume {topic}: offset {message.offset()} where {following} was expected: {message.value()}")
        following += 1
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
    consumer.close()
    if following != count or (low, high) != (0, count):
        sys.exit(f"consume {topic}: {following} of {count} records, offsets {low}–{high}")


for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    produce(f"confluent-{codec}", codec)
    consume(f"confluent-{codec}")
    print(f"compat: ok confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}, {codec}")
