// An idempotent franz-go producer and a consumer: each record once, in order, with every codec.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func fatal(what string, err error) {
	fmt.Fprintln(os.Stderr, what, err)
	os.Exit(1)
}

func produce(servers, topic string, codec kgo.CompressionCodec, count int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(servers), kgo.ProducerBatchCompression(codec),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.AllowAutoTopicCreation())
	if err != nil {
		fatal("client", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for i := 0; i < count; i++ {
		record := &kgo.Record{Topic: topic, Value: []byte(fmt.Sprintf("value-%d and some more of it", i))}
		client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				fatal("produce", err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		fatal("flush", err)
	}
}

func consume(servers, topic string, count int) {
	offsets := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}
	client, err := kgo.NewClient(kgo.SeedBrokers(servers), kgo.ConsumePartitions(offsets))
	if err != nil {
		fatal("client", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for next := 0; next < count; {
		fetches := client.PollFetches(ctx)
		if errs := fetches.Errors(); len(errs) > 0 {
			fatal("fetch", errs[0].Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if wanted := fmt.Sprintf("value-%d and some more of it", next); string(r.Value) != wanted || r.Offset != int64(next) {
				fatal(fmt.Sprintf("offset %d: wanted %s, got %s", r.Offset, wanted, r.Value), nil)
			}
			next++
		})
	}
}

func main() {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	for name, codec := range codecs {
		topic := "franz-" + name
		produce(os.Args[1], topic, codec, 3000)
		consume(os.Args[1], topic, 3000)
		fmt.Println("ok franz-go", name)
	}
}
