"""kafka-python: idempotent produce with every codec, consume, compare."""
import sys
import time

import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

servers, count = sys.argv[1], 2000


def value(i):
    return f"value-{i} and some more of it".encode()


def produce(topic, codec):
    producer = KafkaProducer(bootstrap_servers=servers, enable_idempotence=True, acks="all", linger_ms=5,
                             compression_type=None if codec == "none" else codec)
    sent = [producer.send(topic, value(i), f"key-{i}".encode(), partition=0) for i in range(count)]
    producer.flush(60)
    offsets = [future.get(30).offset for future in sent]
    producer.close()
    if offsets != list(range(count)):
        sys.exit(f"produce {codec}: offsets are {offsets[:5]} … {offsets[-5:]}")


def consume(topic):
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=None, auto_offset_reset="earliest")
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    deadline, following = time.monotonic() + 60, 0
    while following < count and time.monotonic() < deadline:
        for records in consumer.poll(500).values():
            for record in records:
                if (record.offset, record.value, record.key) != (following, value(following), f"key-{following}".encode()):
                    sys.exit(f"consume {topic}: offset {record.offset} where {following} was expected: {record.value}")
                following += 1
    end = consumer.end_offsets([partition])[partition]
    consumer.close()
    if following != count or end != count:
        sys.exit(f"consume {topic}: {following} of {count} records, the log ends at {end}")


for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    produce(f"kafka-python-{codec}", codec)
    consume(f"kafka-python-{codec}")
    print(f"compat: ok kafka-python {kafka.__version__}, {codec}")
