package standin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The operation codes of the protocol that are still in use.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

const headerSize = 16

// message is one message of the protocol; Command is its document, with the
// documents of a second section as one of its fields.
type message struct {
	id      uint32
	op      uint32
	command bson.D
}

func readMessage(r io.Reader) (*message, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	body := make([]byte, binary.LittleEndian.Uint32(header)-headerSize)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	m := &message{id: binary.LittleEndian.Uint32(header[4:]), op: binary.LittleEndian.Uint32(header[12:])}
	switch m.op {
	case opMsg:
		return m, m.sections(body[4:])
	case opQuery: // the greeting
		name, _, ok := cut(body[4:])
		if !ok {
			return nil, errors.New("standin: a query without a collection")
		}
		return m, bson.Unmarshal(body[4+len(name)+1+8:], &m.command)
	}
	return nil, fmt.Errorf("standin: operation %d", m.op)
}

// cut splits at the first zero byte.
func cut(b []byte) (before, after []byte, ok bool) {
	for i := range b {
		if b[i] == 0 {
			return b[:i], b[i+1:], true
		}
	}
	return b, nil, false
}

func (m *message) sections(b []byte) error {
	more := bson.D{}
	for len(b) > 0 {
		kind := b[0]
		size := binary.LittleEndian.Uint32(b[1:])
		part := b[1 : 1+size]
		b = b[1+size:]
		if kind == 0 {
			if err := bson.Unmarshal(part, &m.command); err != nil {
				return err
			}
			continue
		}
		name, documents, _ := cut(part[4:])
		list := bson.A{}
		for len(documents) > 0 {
			n := binary.LittleEndian.Uint32(documents)
			var d bson.D
			if err := bson.Unmarshal(documents[:n], &d); err != nil {
				return err
			}
			list = append(list, d)
			documents = documents[n:]
		}
		more = append(more, bson.E{Key: string(name), Value: list})
	}
	m.command = append(m.command, more...)
	return nil
}

// reply is the answer to m.
func (m *message) reply(w io.Writer, answer bson.D) error {
	body, err := bson.Marshal(answer)
	if err != nil {
		return err
	}
	if m.op == opMsg {
		return write(w, opMsg, m.id, append(make([]byte, 5), body...))
	}
	begin := make([]byte, 20)
	binary.LittleEndian.PutUint32(begin[16:], 1) // one document
	return write(w, opReply, m.id, append(begin, body...))
}

func write(w io.Writer, op, to uint32, body []byte) error {
	header := make([]byte, headerSize, headerSize+len(body))
	binary.LittleEndian.PutUint32(header, uint32(headerSize+len(body)))
	binary.LittleEndian.PutUint32(header[8:], to)
	binary.LittleEndian.PutUint32(header[12:], op)
	_, err := w.Write(append(header, body...))
	return err
}
