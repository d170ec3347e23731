package main

import (
	"sync"

	pb "contact/v1"
)

// outbox has what is to be sent over SendStatus: nobody waits for the line, and one goroutine writes.
type outbox struct {
	mutex    sync.Mutex
	changed  *sync.Cond
	messages []*pb.SendStatusRequest
	isClosed bool
}

func newOutbox() *outbox {
	box := &outbox{}
	box.changed = sync.NewCond(&box.mutex)
	return box
}

// put adds a message; what comes after close is left out.
func (o *outbox) put(message *pb.SendStatusRequest) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if !o.isClosed {
		o.messages = append(o.messages, message)
		o.changed.Signal()
	}
}

func (o *outbox) close() {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.isClosed = true
	o.changed.Signal()
}

// take waits for the next message; nil: it is closed and there is no other.
func (o *outbox) take() *pb.SendStatusRequest {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for len(o.messages) == 0 && !o.isClosed {
		o.changed.Wait()
	}
	if len(o.messages) == 0 {
		return nil
	}
	message := o.messages[0]
	o.messages = o.messages[1:]
	return message
}
