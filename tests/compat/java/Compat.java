import java.time.Duration;
import java.util.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** A small producer and consumer for the compatibility runs; exits 1 with a reason when something differs. */
public class Compat {
  static Properties base(String servers) {
    Properties p = new Properties();
    p.put("bootstrap.servers", servers);
    return p;
  }

  static String value(int i) {
    return "value-" + i + "-" + "abcdefgh".repeat(i % 50);
  }

  /** produce SERVERS TOPIC CODEC COUNT: idempotent, five in flight; every offset must be the next one. */
  static void produce(String servers, String topic, String codec, int count) throws Exception {
    Properties p = base(servers);
    p.put("enable.idempotence", "true");
    p.put("acks", "all");
    p.put("compression.type", codec);
    p.put("linger.ms", "5");
    p.put("delivery.timeout.ms", "600000");
    AtomicInteger failed = new AtomicInteger();
    AtomicReference<Exception> first = new AtomicReference<>();
    Set<Long> offsets = Collections.synchronizedSet(new TreeSet<>());
    try (var producer = new KafkaProducer<>(p, new StringSerializer(), new StringSerializer())) {
      for (int i = 0; i < count; i++) {
        producer.send(new ProducerRecord<>(topic, 0, "key-" + i, value(i)), (meta, error) -> {
          if (error != null) {
            failed.incrementAndGet();
            first.compareAndSet(null, error);
          } else {
            offsets.add(meta.offset());
          }
        });
      }
    }
    if (failed.get() > 0) throw new IllegalStateException(failed + " sends failed, first: " + first.get());
    if (offsets.size() != count) throw new IllegalStateException(count + " sends, " + offsets.size() + " offsets");
  }

  /** consume SERVERS TOPIC COUNT: each record once, in order. */
  static void consume(String servers, String topic, int count) {
    Properties p = base(servers);
    p.put("auto.offset.reset", "earliest");
    p.put("enable.auto.commit", "false");
    TopicPartition partition = new TopicPartition(topic, 0);
    try (var consumer = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer())) {
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      int next = 0;
      long deadline = System.currentTimeMillis() + 60_000;
      while (next < count && System.currentTimeMillis() < deadline) {
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          if (!record.key().equals("key-" + next) || !record.value().equals(value(next)))
            throw new IllegalStateException("offset " + record.offset() + ": wanted key-" + next + ", got " + record.key());
          next++;
        }
      }
      if (next != count) throw new IllegalStateException("wanted " + count + " records, got " + next);
      if (consumer.position(partition) != end) throw new IllegalStateException("records after the last: end " + end);
    }
  }

  /** load SERVERS TOPIC SECONDS: sends without pause through restarts; prints how many were acknowledged. */
  static void load(String servers, String topic, int seconds) throws Exception {
    Properties p = base(servers);
    p.put("enable.idempotence", "true");
    p.put("acks", "all");
    p.put("linger.ms", "1");
    p.put("batch.size", "2048");
    p.put("delivery.timeout.ms", "600000");
    p.put("request.timeout.ms", "3000");
    p.put("reconnect.backoff.max.ms", "200");
    AtomicInteger acked = new AtomicInteger();
    AtomicReference<Exception> first = new AtomicReference<>();
    int sent = 0;
    long end = System.currentTimeMillis() + seconds * 1000L;
    try (var producer = new KafkaProducer<>(p, new StringSerializer(), new StringSerializer())) {
      while (System.currentTimeMillis() < end) {
        for (int i = 0; i < 20; i++, sent++) {
          producer.send(new ProducerRecord<>(topic, 0, "key-" + sent, value(sent)), (meta, error) -> {
            if (error == null) acked.incrementAndGet();
            else first.compareAndSet(null, error);
          });
        }
        Thread.sleep(2);
      }
    }
    if (first.get() != null) throw new IllegalStateException("a send failed: " + first.get());
    if (acked.get() != sent) throw new IllegalStateException(sent + " sent, " + acked + " acknowledged");
    System.out.println(sent);
  }

  public static void main(String[] a) {
    try {
      switch (a[0]) {
        case "produce" -> produce(a[1], a[2], a[3], Integer.parseInt(a[4]));
        case "consume" -> consume(a[1], a[2], Integer.parseInt(a[3]));
        case "load" -> load(a[1], a[2], Integer.parseInt(a[3]));
        default -> throw new IllegalArgumentException(a[0]);
      }
    } catch (Exception e) {
      System.err.println("Compat " + String.join(" ", a) + ": " + e);
      System.exit(1);
    }
  }
}
