import java.io.File;
import java.util.*;
import java.util.function.Supplier;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.Timer;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpointFile;
import org.apache.kafka.storage.internals.log.*;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

/**
 * Opens the log directories of crashed brokers (arguments: the folders) with Kafka's own storage layer, as its broker
 * does after an unclean stop. Prints per partition: folder name, log start, log end, and each producer id with its
 * last sequence, sorted.
 */
public class CrashImages {
    /** Producers are forgotten by the time of their records; at time zero none is old. */
    static final class ZeroTime implements Time {
        public long milliseconds() { return 0; }
        public long hiResClockMs() { return 0; }
        public long nanoseconds() { return 0; }
        public void sleep(long ms) { }
        public void waitObject(Object o, Supplier<Boolean> c, long d) { }
        public Timer timer(long ms) { return Time.SYSTEM.timer(ms); }
        public <T> T waitForFuture(java.util.concurrent.CompletableFuture<T> f, long d) throws InterruptedException,
            java.util.concurrent.TimeoutException, java.util.concurrent.ExecutionException { return f.get(); }
    }

    public static void main(String[] args) throws Exception {
        KafkaScheduler scheduler = new KafkaScheduler(1);
        scheduler.startup();
        Properties topic = new Properties();
        topic.put("internal.segment.bytes", "1073741824");
        LogConfig config = new LogConfig(topic);
        LogDirFailureChannel failures = new LogDirFailureChannel(100);
        for (String arg : args) {
            File directory = new File(arg);
            Map<TopicPartition, Long> points =
                new OffsetCheckpointFile(new File(directory, "recovery-point-offset-checkpoint"), failures).read();
            Map<TopicPartition, Long> starts =
                new OffsetCheckpointFile(new File(directory, "log-start-offset-checkpoint"), failures).read();
            File[] folders = directory.listFiles(f -> f.isDirectory() && f.getName().matches("events-\\d+"));
            Arrays.sort(folders);
            for (File folder : folders) {
                TopicPartition name = UnifiedLog.parseTopicPartitionName(folder);
                String line;
                try {
                    UnifiedLog log = UnifiedLog.create(folder, config, starts.getOrDefault(name, 0L),
                        points.getOrDefault(name, 0L), scheduler, new BrokerTopicStats(), new ZeroTime(), 900000,
                        new ProducerStateManagerConfig(86400000, false), 600000, failures, false, Optional.empty());
                    line = log.logStartOffset() + " " + log.logEndOffset() + " "
                        + new TreeMap<>(log.activeProducersWithLastSequence());
                    log.close();
                } catch (Throwable e) {
                    line = "REFUSED " + e;
                }
                System.out.println(arg + " " + folder.getName() + " " + line);
            }
        }
        System.exit(0);
    }
}
