// An idempotent sarama producer and a consumer: each record once, in order, with every codec.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
)

const count = 3000

func fatal(what string, err error) {
	fmt.Fprintln(os.Stderr, what, err)
	os.Exit(1)
}

func value(i int) string { return fmt.Sprintf("value-%d and some more of it", i) }

func produce(servers, topic string, codec sarama.CompressionCodec) {
	config := sarama.NewConfig()
	config.Version = sarama.V2_6_0_0
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Compression = codec
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Return.Successes = true
	config.Net.MaxOpenRequests = 1
	producer, err := sarama.NewAsyncProducer([]string{servers}, config)
	if err != nil {
		fatal("producer", err)
	}
	go func() {
		for i := 0; i < count; i++ {
			producer.Input() <- &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(fmt.Sprintf("key-%d", i)),
				Value: sarama.StringEncoder(value(i))}
		}
	}()
	deadline := time.After(time.Minute)
	for next := int64(0); next < count; next++ {
		select {
		case sent := <-producer.Successes():
			if sent.Offset != next {
				fatal(fmt.Sprintf("offset %d where %d was expected", sent.Offset, next), nil)
			}
		case err := <-producer.Errors():
			fatal("produce", err)
		case <-deadline:
			fatal("produce: no answer for a minute", nil)
		}
	}
	if err := producer.Close(); err != nil {
		fatal("close", err)
	}
}

func consume(servers, topic string) {
	config := sarama.NewConfig()
	config.Version = sarama.V2_6_0_0
	consumer, err := sarama.NewConsumer([]string{servers}, config)
	if err != nil {
		fatal("consumer", err)
	}
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		fatal("consume", err)
	}
	deadline := time.After(time.Minute)
	for next := 0; next < count; next++ {
		select {
		case m := <-partition.Messages():
			if m.Offset != int64(next) || string(m.Value) != value(next) || string(m.Key) != fmt.Sprintf("key-%d", next) {
				fatal(fmt.Sprintf("offset %d where %d was expected: %s", m.Offset, next, m.Value), nil)
			}
		case <-deadline:
			fatal(fmt.Sprintf("consume %s: %d of %d records", topic, next, count), nil)
		}
	}
	if end := partition.HighWaterMarkOffset(); end != count {
		fatal(fmt.Sprintf("%s ends at %d", topic, end), nil)
	}
	partition.Close()
	consumer.Close()
}

func main() {
	codecs := []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy,
		sarama.CompressionLZ4, sarama.CompressionZSTD}
	for _, codec := range codecs {
		topic := "sarama-" + codec.String()
		produce(os.Args[1], topic, codec)
		consume(os.Args[1], topic)
		fmt.Println("compat: ok sarama", codec)
	}
}
