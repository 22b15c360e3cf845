// An idempotent kafkajs producer behind a proxy that drops answers to Produce: every dropped answer
// makes kafkajs encode and send the batch again, and the log must still hold each record once.
const net = require('net');
const { Kafka, logLevel } = require('kafkajs');

const [host, port] = process.argv[2].split(':');
const proxyPort = Number(process.argv[3]);
const count = 60;
let produced = 0, dropped = 0;

// Drops the answer to every fourth Produce request and cuts the connection there.
const proxy = net.createServer((client) => {
  const server = net.connect(Number(port), host);
  const pending = [];
  let cut = false;
  const end = () => { client.destroy(); server.destroy(); };
  const frames = (onFrame) => {
    let buffer = Buffer.alloc(0);
    return (data) => {
      buffer = Buffer.concat([buffer, data]);
      while (buffer.length >= 4 && buffer.length >= 4 + buffer.readInt32BE(0)) {
        const size = 4 + buffer.readInt32BE(0);
        onFrame(buffer.subarray(0, size));
        buffer = buffer.subarray(size);
      }
    };
  };
  client.on('data', frames((frame) => {
    pending.push(frame.readInt16BE(4));
    server.write(frame);
  }));
  server.on('data', frames((frame) => {
    if (cut) return;
    if (pending.shift() === 0 && ++produced % 4 === 0) { dropped++; cut = true; end(); return; }
    client.write(frame);
  }));
  for (const socket of [client, server]) { socket.on('error', end); socket.on('close', end); }
});

async function main() {
  await new Promise((resolve) => proxy.listen(proxyPort, '127.0.0.1', resolve));
  const direct = new Kafka({ brokers: [`${host}:${port}`], logLevel: logLevel.NOTHING });
  const admin = direct.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'kafkajs', numPartitions: 1, replicationFactor: 1 }] });
  await admin.disconnect();

  const kafka = new Kafka({
    brokers: [`127.0.0.1:${proxyPort}`], logLevel: logLevel.NOTHING, retry: { retries: 20, initialRetryTime: 20 },
    socketFactory: ({ onConnect }) => net.connect(proxyPort, '127.0.0.1', onConnect).setKeepAlive(true),
  });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (let i = 0; i < count; i++) {
    await producer.send({ topic: 'kafkajs', acks: -1, messages: [{ key: `k${i}`, value: `value-${i}`, partition: 0 }] });
  }
  await producer.disconnect();

  const check = direct.admin();
  await check.connect();
  const [{ high }] = await check.fetchTopicOffsets('kafkajs');
  await check.disconnect();
  proxy.close();
  if (dropped < 5) throw new Error(`only ${dropped} answers were dropped`);
  if (Number(high) !== count) throw new Error(`${count} records sent, the log holds ${high} (${dropped} answers dropped)`);
  console.log(`ok kafkajs: ${count} records, ${dropped} answers dropped, the log holds ${high}`);
  process.exit(0);
}
main().catch((error) => { console.error('kafkajs:', error.message); process.exit(1); });
