package contactv1

import (
	"google.golang.org/grpc/encoding"
	// Registers itself first, so that what is below takes its place.
	_ "google.golang.org/grpc/encoding/proto"
	"google.golang.org/protobuf/proto"
)

// codec is for Debian's gRPC, whose golang/protobuf 1.3 does not know the messages that Debian's generator makes. With
// golang/protobuf 1.4 or later, which any newer gRPC asks for, leave the file out.
type codec struct{}

func init() { encoding.RegisterCodec(codec{}) }

func (codec) Name() string { return "proto" }

func (codec) Marshal(message any) ([]byte, error) { return proto.Marshal(message.(proto.Message)) }

func (codec) Unmarshal(data []byte, message any) error {
	return proto.Unmarshal(data, message.(proto.Message))
}
