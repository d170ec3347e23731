// A worker that does all that a worker can.
//
//	full_worker ADDRESS CLIENT QUEUE [CREDIT]
//
// Its tasks are texts `MS WORDS`: it takes so many milliseconds, in ten steps, and answers WORDS in capitals; `MS fail`
// fails. SIGTERM: it takes nothing new, finishes what runs, and ends with 0.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	pb "contact/v1"
)

func handle(ctx context.Context, task *Task) ([]byte, error) {
	number, words, _ := strings.Cut(string(task.Payload), " ")
	ms, err := strconv.Atoi(number)
	if err != nil {
		return nil, err
	}
	// What an earlier attempt has done is not done again.
	first, _ := strconv.Atoi(string(task.Checkpoint))
	for step := first; step < 10; step++ {
		task.Progress(float32(step)/10, fmt.Sprint("step ", step))
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond / 10):
		// It is cancelled, has run out of time, or is no longer ours.
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		task.SaveCheckpoint([]byte(strconv.Itoa(step + 1)))
	}
	level := pb.LogLevel_LOG_LEVEL_INFO
	if first > 0 {
		level = pb.LogLevel_LOG_LEVEL_WARN
	}
	task.Log(level, fmt.Sprintf("%s has taken %d ms", words, ms))
	if words == "fail" {
		return nil, errors.New("it was told to fail")
	}
	return []byte(strings.ToUpper(words)), nil
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "full_worker ADDRESS CLIENT QUEUE [CREDIT]")
		os.Exit(2)
	}
	credit := 4
	if len(os.Args) > 4 {
		credit, _ = strconv.Atoi(os.Args[4])
	}
	rand.Seed(time.Now().UnixNano())
	worker := NewWorker(Options{
		Address: os.Args[1],
		Client:  os.Args[2],
		Queues:  []string{os.Args[3]},
		Credit:  uint32(credit),
		Handle:  handle,
		Say:     func(words ...any) { fmt.Println(words...) },
	})
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	go func() {
		<-terminate
		worker.Leave()
	}()
	if err := worker.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("left")
}
